"""From a recording to a world: eyes first, then what they see and what actions lead to."""

from pathlib import Path
from typing import Any

import torch

from latentia.data import Preparation
from latentia.data.recording import HELD_OUT_EVERY, read_recording
from latentia.recipes import world
from latentia.recipes.opening import open_run
from latentia.recipes.preflight import check_limits
from latentia.recipes.runs import train
from latentia.training import Run, RunFolder, State
from latentia.training.device import choose_device, describe_device
from latentia.training.folder import Description, versions

EYES = "vae.sigma"
DEFAULT_CLIPS = 200_000
DEFAULT_FRAMES = 200_000


def learn(
    recording: str | Path,
    *,
    out: str | Path,
    eyes: str | Path = EYES,
    eyes_arguments: dict[str, Any] | None = None,
    frames: int = DEFAULT_FRAMES,
    clips: int = DEFAULT_CLIPS,
    length: int = 32,
    seed: int = 0,
    device: str | None = None,
    show: bool = True,
    **settings: Any,
) -> Run:
    """Learns a world from a recording.

    Args:
        recording: Folder that `latentia simulate record` wrote.
        out: Folder of the run; eyes that are trained here are a run in `OUT-eyes`.
        eyes: Name of a recipe whose models encode and decode, or the folder of a run of one.
        eyes_arguments: The recipe's own arguments; 16 latents without it.
        frames: Frames that eyes are shown in training, counted with repetition.
        clips: Clips that the dynamics are shown, counted with repetition.
        length: Actions in a clip, at least 1.
        seed: Seed of everything that is random.
        device: As of `train`.
        show: Whether to print and to draw progress bars.
        **settings: Of the dynamics: `num_memory`, `num_mixtures`, `width`, `rate`, `batch_size`.

    Returns:
        The run of the world. It holds the eyes as well.

    Raises:
        ValueError: If the recording, the eyes, a setting or the folder cannot be used.
    """
    world.require_one_process()
    out = Path(out)
    RunFolder.require_free(out)
    check_limits(clips, None)
    if length < 1:
        raise ValueError(f"length is {length}; a clip has at least 1 action.")
    recorded = read_recording(recording)
    if len(recorded.episodes) < HELD_OUT_EVERY:
        raise ValueError(
            f"The recording has {len(recorded.episodes)} episodes, and a world needs {HELD_OUT_EVERY}: every "
            f"tenth is held out. Record more --steps."
        )
    place = choose_device(device)
    seeing = _seeing(recorded.frames, out, eyes, eyes_arguments, frames, seed, device, show)
    if seeing.model.image_shape != recorded.frames.shape[1:]:
        raise ValueError(
            f"The eyes see images of {seeing.model.image_shape} (channels, height, width), and frames are "
            f"{recorded.frames.shape[1:]}. Record with their --size, or leave --eyes out."
        )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        plan = world.recurrent(seeing.model, num_actions=recorded.setting.num_actions, **settings)
    plan.model.to(place)
    world.settle(plan.model.eval(), recorded)
    description = Description(
        recipe=world.NAME,
        arguments=world.arguments_of(seeing, recorded.setting, length, settings),
        source=str(Path(recording).resolve()),
        preparation=Preparation(),
        facts=seeing.facts,
        seed=seed,
        images=clips,
        minutes=None,
        horizon=clips,
        micro_batches=1,
        versions=versions(),
        sentence=world.SENTENCE,
        paper=world.PAPER,
        device=describe_device(place),
    )
    RunFolder.create(out, description)
    return world.go_on(out, description, plan, State.fresh(plan, place), recorded, show=show)


def _seeing(
    frames: Any,
    out: Path,
    eyes: str | Path,
    arguments: dict[str, Any] | None,
    num_frames: int,
    seed: int,
    device: str | None,
    show: bool,
) -> Run:
    """The run of eyes that is named, or a new one on the frames."""
    if Path(eyes).is_dir():
        if arguments:
            raise ValueError(f"{eyes} is a run, which has its arguments: leave eyes_arguments out.")
        return open_run(eyes)
    own = {"num_latents": 16} if arguments is None else arguments
    return train(
        str(eyes),
        frames,
        out=out.with_name(f"{out.name}-eyes"),
        images=num_frames,
        seed=seed,
        preparation=Preparation(size=frames.shape[-1]),
        device=device,
        show=show,
        **own,
    )
