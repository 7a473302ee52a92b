"""Worlds: models of what is seen in an environment and of what actions lead to, learned from a recording."""

import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import nn

from latentia.data.recording import Clips, Recording, Setting, read_recording
from latentia.models.world import PLAYER, World
from latentia.protocols import Decodes, Encodes, GenerativeModel, require
from latentia.recipes.ranges import above_zero, at_least
from latentia.recipes.register import bind, find
from latentia.tasks.simulate import latents_of_frames
from latentia.training import Adam, Limits, Plan, Run, State, train_in
from latentia.training.card import write_card
from latentia.training.folder import Description

NAME = "world.recurrent"
SENTENCE = (
    "A model of an environment: eyes, a recurrent memory, and mixtures of Gaussians for what comes next."
)
PAPER = "Ha & Schmidhuber 2018 (arXiv:1803.10122), with a gated recurrent unit for their LSTM."


def recurrent(
    eyes: GenerativeModel,
    *,
    num_actions: int,
    num_memory: int = 128,
    num_mixtures: int = 1,
    width: int = 128,
    rate: float = 1e-3,
    batch_size: int = 64,
) -> Plan:
    """A world around eyes, which learns from clips of latents what actions lead to.

    Args:
        eyes: A model that encodes and decodes frames.
        num_actions: Length of an action.
        num_memory: Length of the memory.
        num_mixtures: Gaussians in what is expected next. More than 1 where the environment itself leaves open
            what comes; where it does not, one foresees better.
        width: Units in the hidden layer of each head.
        rate: Learning rate of Adam.
        batch_size: Clips a step.

    Raises:
        ValueError: If an argument is out of range, or the eyes do not encode or decode.

    Source:
        Ha & Schmidhuber 2018 (arXiv:1803.10122).
    """
    at_least(1, num_memory=num_memory, num_mixtures=num_mixtures, width=width, batch_size=batch_size)
    above_zero(rate=rate)
    require(eyes, Encodes, task="simulate")
    num_latents = require(eyes, Decodes, task="simulate").prior().mean.shape[-1]
    seen = num_latents + num_memory
    expectation = _head(seen, width, num_mixtures * (2 * num_latents + 1))
    model = World(
        eyes=eyes,
        memory=nn.GRU(num_latents + num_actions, num_memory, batch_first=True),
        expectation=expectation,
        verdict=_head(seen, width, 2),
        num_actions=num_actions,
        num_latents=num_latents,
    )
    # Latents of a still world hardly change: a first step that is not small would be far off.
    settings = {PLAYER: Adam(rate=rate, clip=10.0)}
    return Plan(model, optimisers=settings, batch_size=batch_size, half_life=100 * batch_size, cool_down=0.5)


def _head(inputs: int, width: int, outputs: int) -> nn.Module:
    last = nn.Linear(width, outputs)
    nn.init.normal_(last.weight, std=0.1 * width**-0.5)
    nn.init.zeros_(last.bias)
    return nn.Sequential(nn.Linear(inputs, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU(), last)


def arguments_of(eyes: Run, setting: Setting, length: int, settings: dict[str, Any]) -> dict[str, Any]:
    """What `run.json` says of a world: enough to build it again, eyes and all."""
    return {
        "eyes": {"recipe": eyes.recipe, "arguments": dict(eyes.arguments)},
        "setting": asdict(setting),
        "length": length,
        "settings": settings,
    }


def setting_of(run: Run) -> Setting:
    """The environment that a world was learned from.

    Raises:
        ValueError: If the run is no world.
    """
    if run.recipe != NAME:
        raise ValueError(
            f"{run.path} is a run of {run.recipe}, not a world. `latentia simulate learn RECORDING --out "
            f"RUN` makes one."
        )
    return Setting.from_json(dict(run.arguments["setting"]))


def plan_of_world(description: Description) -> Plan:
    """The plan that a world was learned with, its weights freshly initialised."""
    asked = description.arguments
    eyes = asked["eyes"]
    model = find(eyes["recipe"])(description.facts, **bind(eyes["recipe"], dict(eyes["arguments"]))).model
    return recurrent(model, num_actions=asked["setting"]["num_actions"], **asked["settings"])


def settle(model: GenerativeModel, recording: Recording) -> None:
    """Lets a fresh world take over scales, ranges and beginnings of the recording's training part."""
    assert isinstance(model, World)
    part = recording.part(held_out=False)
    latents = latents_of_frames(model, part.frames)  # centre 0 and scale 1: as the eyes have them
    first = torch.cat([torch.arange(len(e.frames)) == 0 for e in part.episodes])
    done = torch.cat([torch.from_numpy(e.actions) for e in part.episodes])
    model.settle(latents.cpu(), first, done)


def require_one_process() -> None:
    """Refuses to learn a world in several processes.

    Raises:
        ValueError: If there are several.
    """
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size > 1:
        raise ValueError(
            f"A world is learned in one process, and this is one of {size}. Start it without torchrun; eyes "
            f"can be trained in several before: latentia train, then --eyes RUN."
        )


def go_on(
    path: Path, description: Description, plan: Plan, state: State, recording: Recording, *, show: bool
) -> Run:
    """Learns until the run has seen as many clips as it was to see.

    Returns:
        The run; its images are clips.

    Raises:
        ValueError: If there are several processes.
    """
    require_one_process()
    part = recording.part(held_out=False)
    latents = latents_of_frames(state.model, part.frames).cpu()
    clips = Clips.of(part, latents, description.arguments["length"])
    seconds = None if description.minutes is None else 60 * description.minutes
    limits = Limits(description.horizon, description.images, seconds)
    # What is held out is there to take a bound on, which a world has none of.
    interrupted = train_in(path, state, plan, clips, clips, limits, seed=description.seed, show=show)
    model = state.average.model
    run = Run(path, description, model, state.images_seen, state.seconds, interrupted)
    write_card(run)
    return run


def recording_of(description: Description, data: Any = None) -> Recording:
    """The recording that a world was learned from, or another one that it is to be used on.

    Raises:
        ValueError: If it is no longer there, or is of another setting.
    """
    recording = read_recording(description.source if data is None else data)
    own = Setting.from_json(dict(description.arguments["setting"]))
    if recording.setting != own:
        raise ValueError(
            f"The world was learned from a recording of {own}, and this one is of {recording.setting}. "
            f"Record with the flags of then."
        )
    return recording
