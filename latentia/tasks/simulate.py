"""Dreams: what a model of a world expects, step after step, and how far that is from what happened."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from latentia._types import Actions, Images, Latents, PerImage
from latentia.data.recording import Episode, Recording
from latentia.protocols import Dreams, require
from latentia.tasks.draw import AT_ONCE

WARM = 4
"""Real steps that the memory sees before a prediction begins."""
PREDICTED_AT_ONCE = 64
"""Clips that are predicted side by side, so that memory does not grow with their number."""


class Dreaming:
    """Several dreams at once, side by side.

    Args:
        world: A model that dreams, in evaluation mode.
        num: How many dreams.
        generator: Where all randomness comes from, on the model's device.
        temperature: How uncertain the dream is: at 0 what is likeliest happens, at 1 the model is believed,
            above 1 more happens than it expects, which makes a dream harder to exploit.

    Raises:
        ValueError: If the model does not dream, or the temperature is negative.

    Attributes:
        latents: Of what is seen.
        memory: Of what was.

    Source:
        Ha & Schmidhuber 2018 (arXiv:1803.10122), section 4.
    """

    def __init__(
        self, world: object, num: int, *, generator: torch.Generator, temperature: float = 1.0
    ) -> None:
        if not temperature >= 0:
            raise ValueError(f"The temperature is {temperature}; it has to be 0 or more, and is usually 1.")
        self.world = require(world, Dreams, task="simulate")
        self.temperature, self.generator = temperature, generator
        self.latents = self.world.begin(num, generator=generator)
        self.memory = self.latents.new_zeros(num, self.world.num_memory)

    @torch.no_grad()
    def begin(self, rows: Bool[Tensor, "dreams"]) -> None:
        """Lets some of the dreams begin anew."""
        fresh = self.world.begin(len(rows), generator=self.generator)
        self.latents = torch.where(rows.unsqueeze(1), fresh, self.latents)
        self.memory = torch.where(rows.unsqueeze(1), 0.0, self.memory)

    @torch.no_grad()
    def step(self, actions: Actions) -> tuple[PerImage, Bool[Tensor, "dreams"]]:
        """Takes an action in every dream, and says the rewards and which of them end."""
        self.memory = self.world.remember(self.latents, actions, self.memory)
        expected = self.world.next_latents(self.latents, self.memory).tempered(self.temperature)
        like: dict[str, Any] = {"generator": self.generator, "device": self.latents.device}
        noise = torch.randn(len(actions), *expected.noise_shape, **like)
        self.latents = expected.draw(noise).clamp(self.world.low, self.world.high)
        rewards, end = self.world.outcome(self.latents, self.memory)
        if self.temperature == 0:
            return rewards, end > 0
        chance = torch.sigmoid(end / self.temperature)
        return rewards, torch.rand(len(actions), **like) < chance

    @property
    def observations(self) -> Float[Tensor, "dreams numbers"]:
        """What a policy sees: latents, and memory beside them."""
        return torch.cat([self.latents, self.memory], 1)


@torch.no_grad()
def latents_of_frames(world: object, frames: np.ndarray) -> Latents:
    """The latents of recorded frames, computed in portions."""
    able = require(world, Dreams, task="simulate")
    parts = [frames[at : at + AT_ONCE] for at in range(0, len(frames), AT_ONCE)]
    return torch.cat([able.observe(as_images(part, able.low.device)) for part in parts])


def as_images(frames: np.ndarray, device: torch.device | str = "cpu") -> Images:
    """Recorded frames as networks see them."""
    return torch.from_numpy(np.ascontiguousarray(frames)).to(device).float().div_(127.5).sub_(1)


@dataclass(frozen=True, slots=True)
class Foresight:
    """How far predictions are from what happened, by how far ahead they are.

    Attributes:
        ahead: Steps ahead.
        predicted: Root mean square error of predicted frames, of values in [-1, 1].
        copied: That of the last frame that was seen, which says that nothing changes.
        shown: That of the frames themselves, encoded and decoded: what no prediction falls below.
        ended: Mean of the chance that the model gives to the end, where the episode did end there.
        lived: The same, where it went on.
        num_clips: How many predictions were made.
    """

    ahead: tuple[int, ...]
    predicted: tuple[float, ...]
    copied: tuple[float, ...]
    shown: tuple[float, ...]
    ended: float
    lived: float
    num_clips: int


def measure_foresight(
    world: object, recording: Recording, *, horizon: int = 10, most: int = 512, seed: int = 0
) -> Foresight:
    """Predicts held-out episodes from what was done in them, and compares.

    The memory sees four steps of an episode. From there the model is told only the actions, and
    predicts at temperature 0; from every fourth step on anew.

    Args:
        world: A model that dreams, in evaluation mode.
        recording: Episodes that it has not learned from.
        horizon: How many steps ahead, at least 1.
        most: Predictions at most; those that are measured are drawn at random.
        seed: Draws them.

    Raises:
        ValueError: If the model does not dream, or no episode is long enough.
    """
    able = require(world, Dreams, task="simulate")
    clips = _clips(recording.episodes, horizon)
    if not clips:
        raise ValueError(
            f"No held-out episode is as long as {WARM} steps and a horizon of {horizon}. Choose a shorter "
            f"--horizon, or record more --steps."
        )
    order = torch.randperm(len(clips), generator=torch.Generator().manual_seed(seed))[:most]
    chosen = [clips[i] for i in order.tolist()]
    parts = [chosen[i : i + PREDICTED_AT_ONCE] for i in range(0, len(chosen), PREDICTED_AT_ONCE)]
    sums = torch.stack([len(part) * _errors(able, part, horizon) for part in parts]).sum(0)
    means = (sums / len(chosen)).sqrt()
    predicted, copied, shown = (tuple(row) for row in means.tolist())
    ended, lived = _ends(able, recording.episodes)
    ahead = tuple(range(1, horizon + 1))
    return Foresight(ahead, predicted, copied, shown, ended, lived, len(chosen))


@torch.no_grad()
def foreseen(
    world: object, episode: Episode, *, start: int = WARM, horizon: int = 10
) -> Float[Tensor, "steps channels height width"]:
    """What a model expects to see after a step of an episode, told only the actions, at temperature 0.

    Args:
        world: A model that dreams, in evaluation mode.
        episode: The episode, of `start + horizon` actions or more.
        start: Real steps that the memory sees before.
        horizon: Steps ahead.
    """
    able = require(world, Dreams, task="simulate")
    return able.show(_predict(able, [(episode, start)], horizon)[0])


def _clips(episodes: Sequence[Episode], horizon: int) -> list[tuple[Episode, int]]:
    """Episodes, and the steps in them that predictions begin at."""
    return [(e, at) for e in episodes for at in range(WARM, len(e.actions) - horizon + 1, WARM)]


def _predict(
    world: Dreams, clips: Sequence[tuple[Episode, int]], horizon: int
) -> Float[Tensor, "clips steps latents"]:
    """Latents that are expected after each clip's start."""
    device = world.low.device
    warm = np.stack([e.frames[at - WARM : at + 1] for e, at in clips])
    done = np.stack([e.actions[at - WARM : at + horizon] for e, at in clips])
    actions = torch.from_numpy(done).to(device)
    seen = world.observe(as_images(warm.reshape(-1, *warm.shape[2:]), device)).unflatten(0, (len(clips), -1))
    latents, memory = seen[:, 0], seen.new_zeros(len(clips), world.num_memory)
    expected = []
    for step in range(WARM + horizon):
        memory = world.remember(latents, actions[:, step], memory)
        if step < WARM:
            latents = seen[:, step + 1]
            continue
        likeliest = world.next_latents(latents, memory).tempered(0.0)
        latents = likeliest.draw(latents.new_zeros(len(clips), *likeliest.noise_shape))
        latents = latents.clamp(world.low, world.high)
        expected.append(latents)
    return torch.stack(expected, 1)


@torch.no_grad()
def _errors(
    world: Dreams, clips: Sequence[tuple[Episode, int]], horizon: int
) -> Float[Tensor, "kinds steps"]:
    """Mean squared errors of what is predicted, copied and shown, by step ahead."""
    device = world.low.device
    expected = _predict(world, clips, horizon)
    errors = torch.zeros(3, horizon, dtype=torch.float64)
    before = as_images(np.stack([e.frames[at] for e, at in clips]), device)
    for step in range(horizon):
        real = as_images(np.stack([e.frames[at + step + 1] for e, at in clips]), device)
        guesses = (world.show(expected[:, step]), before, world.show(world.observe(real)))
        errors[:, step] = torch.stack([(guess - real).square().mean().double().cpu() for guess in guesses])
    return errors


@torch.no_grad()
def _ends(world: Dreams, episodes: Sequence[Episode]) -> tuple[float, float]:
    """Mean chances of the end where an episode was ended, and where it went on."""
    chances: dict[bool, list[float]] = {True: [], False: []}
    for episode in episodes:
        latents = latents_of_frames(world, episode.frames)
        actions = torch.from_numpy(episode.actions).to(latents.device)
        memory = latents.new_zeros(1, world.num_memory)
        for step in range(len(actions)):
            memory = world.remember(latents[step : step + 1], actions[step : step + 1], memory)
            _, end = world.outcome(latents[step + 1 : step + 2], memory)
            last = step == len(actions) - 1
            chances[last and episode.terminated].append(float(torch.sigmoid(end)))
    ended, lived = (float(np.mean(chances[key])) if chances[key] else float("nan") for key in (True, False))
    return ended, lived
