"""Recordings: what was seen, done and paid in episodes of an environment, as files without pickles."""

import json
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Float32, Int64, UInt8
from torch import Tensor

FORMAT = 1
ABOUT, SHARDS = "recording.json", "episodes-*.npz"
HELD_OUT_EVERY = 10
"""Every tenth episode is held out."""
ARRAYS = ("frames", "actions", "rewards", "terminated", "lengths")


@dataclass(frozen=True, slots=True)
class Setting:
    """How an environment is looked at and acted on, the same in recordings, dreams and tests.

    Attributes:
        environment: Gymnasium's name of it, such as `CartPole-v1`.
        size: Side of the square frames, in pixels.
        crop: Part of the picture that is kept: top, bottom, left and right edge, each from 0 to 1. What is
            not square is squeezed.
        colour: Whether frames have three channels instead of a grey one.
        repeat: Steps of the environment that an action is held for.
        num_actions: How many discrete actions there are, or numbers in a continuous one.
        low: Lower bounds of a continuous action; empty where actions are discrete.
        high: Upper bounds of it.
        max_steps: Actions after which an episode is cut off; None for no end.

    Raises:
        ValueError: If a value is out of range.
    """

    environment: str
    size: int = 32
    crop: tuple[float, float, float, float] = (0.0, 1.0, 0.0, 1.0)
    colour: bool = False
    repeat: int = 1
    num_actions: int = 0
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    max_steps: int | None = None

    def __post_init__(self) -> None:
        top, bottom, left, right = self.crop
        if not (0 <= top < bottom <= 1 and 0 <= left < right <= 1):
            raise ValueError(
                f"crop is {self.crop}; it is the top, bottom, left and right edge of what is kept, each from "
                f"0 to 1: 0.4 0.8 0 1 keeps a band across the picture."
            )
        if self.size < 8 or self.size % 4 or self.repeat < 1:
            raise ValueError(
                f"size is {self.size} and repeat is {self.repeat}; frames need a side of 8 pixels or more "
                f"that is a multiple of 4, and an action is held for 1 step or more."
            )

    @property
    def discrete(self) -> bool:
        """Whether an action is one of some, instead of numbers."""
        return not self.low

    def vectors(self, actions: np.ndarray) -> Float32[np.ndarray, "batch numbers"]:
        """Actions as vectors: one-hot, or numbers from -1 to 1.

        >>> Setting("CartPole-v1", num_actions=2).vectors(np.array([1, 0])).tolist()
        [[0.0, 1.0], [1.0, 0.0]]
        """
        if self.discrete:
            return np.eye(self.num_actions, dtype=np.float32)[actions]
        low, high = np.array(self.low), np.array(self.high)
        scaled = 2 * (actions.reshape(-1, self.num_actions) - low) / (high - low) - 1
        return scaled.astype(np.float32)

    @staticmethod
    def from_json(content: dict) -> "Setting":
        """From what `dataclasses.asdict` and JSON made of one."""
        return Setting(**content | {name: tuple(content[name]) for name in ("crop", "low", "high")})


@dataclass(frozen=True, slots=True)
class Episode:
    """One episode, from its first frame to its last.

    Attributes:
        frames: One more than there are actions.
        actions: Vectors, as `Setting.vectors` makes them.
        rewards: What followed each action.
        terminated: Whether the environment ended it, rather than a limit.
    """

    frames: UInt8[np.ndarray, "frames channels height width"]
    actions: Float32[np.ndarray, "steps numbers"]
    rewards: Float32[np.ndarray, "steps"]
    terminated: bool


@dataclass(frozen=True, slots=True)
class Recording:
    """Episodes, one after the other.

    Attributes:
        setting: How they were recorded.
        episodes: The episodes.
    """

    setting: Setting
    episodes: tuple[Episode, ...]

    @property
    def num_steps(self) -> int:
        """Actions in all episodes."""
        return sum(len(episode.actions) for episode in self.episodes)

    @property
    def frames(self) -> UInt8[np.ndarray, "frames channels height width"]:
        """All frames, for a model of images."""
        return np.concatenate([episode.frames for episode in self.episodes])

    def part(self, *, held_out: bool) -> "Recording":
        """Every tenth episode, which nothing is learned from, or all others."""
        some = [
            e for i, e in enumerate(self.episodes) if (i % HELD_OUT_EVERY == HELD_OUT_EVERY - 1) == held_out
        ]
        return replace(self, episodes=tuple(some))

    def joined(self, other: "Recording") -> "Recording":
        """This recording and another one of the same setting.

        Raises:
            ValueError: If it is of another setting.
        """
        if other.setting != self.setting:
            raise ValueError(
                f"One recording is of {self.setting} and one of {other.setting}. Record both "
                f"with the same flags."
            )
        return replace(self, episodes=self.episodes + other.episodes)


def write_about(folder: Path, setting: Setting) -> None:
    """Begins a recording in a folder that is new or empty.

    Raises:
        ValueError: If there is something in it.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ValueError(f"{folder} exists and is not empty. Choose a new folder for --out.")
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"format": FORMAT, "setting": asdict(setting)}, indent=2)
    (folder / ABOUT).write_text(text + "\n", encoding="utf-8")


def write_shard(folder: Path, number: int, episodes: Sequence[Episode]) -> None:
    """Writes episodes as one file, whole or not at all."""
    path = folder / f"episodes-{number:05d}.npz"
    temporary = folder / f".writing-{number:05d}.npz"
    np.savez_compressed(
        temporary,
        frames=np.concatenate([e.frames for e in episodes]),
        actions=np.concatenate([e.actions for e in episodes]),
        rewards=np.concatenate([e.rewards for e in episodes]),
        terminated=np.array([e.terminated for e in episodes]),
        lengths=np.array([len(e.actions) for e in episodes]),
    )
    temporary.replace(path)


def read_recording(folder: str | Path) -> Recording:
    """The recording in a folder.

    Raises:
        ValueError: If there is none, or a file of it is damaged.
    """
    folder = Path(folder)
    about = folder / ABOUT
    if not about.is_file():
        raise ValueError(
            f"{folder} is no recording: it has no {ABOUT}. `latentia simulate record CartPole-v1 --out "
            f"{folder}` makes one."
        )
    try:
        content = json.loads(about.read_text(encoding="utf-8"))
        if content["format"] != FORMAT:
            raise ValueError(f"its format is {content['format']}, and {FORMAT} is read")
        setting = Setting.from_json(content["setting"])
        shards = sorted(folder.glob(SHARDS))
        episodes = tuple(episode for shard in shards for episode in _episodes(shard))
    except (OSError, LookupError, TypeError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"The recording in {folder} is damaged: {error}. Record it again.") from error
    if not episodes:
        raise ValueError(f"The recording in {folder} has no episode. Record it again, with more --steps.")
    return Recording(setting, episodes)


def _episodes(shard: Path) -> Iterator[Episode]:
    with np.load(shard, allow_pickle=False) as archive:
        frames, actions, rewards, terminated, lengths = (archive[name] for name in ARRAYS)
    ends = np.cumsum(lengths)
    if len(frames) != ends[-1] + len(ends) or not len(actions) == len(rewards) == ends[-1]:
        raise ValueError(f"{shard.name} has {len(frames)} frames for {len(actions)} actions")
    for index, (end, length) in enumerate(zip(ends.tolist(), lengths.tolist(), strict=True)):
        start = end - length
        yield Episode(
            frames[start + index : end + index + 1],
            actions[start:end],
            rewards[start:end],
            bool(terminated[index]),
        )


@dataclass(frozen=True, slots=True)
class Clips:
    """Clips of latents, with what was done and what followed: what dynamics are learned from.

    To the training loop a clip is an image of one channel, whose rows are steps. What is told of
    it is, row by row: the action taken, the reward that followed, whether that ended the episode, whether
    there was such a step at all, and whether the row is the first of its episode.

    Attributes:
        latents: Of all frames of all episodes, in order.
        told: What is told of each of them.
        starts: Where clips may begin.
        length: Actions in a clip.
    """

    latents: Float[Tensor, "frames latents"]
    told: Float[Tensor, "frames columns"]
    starts: Int64[Tensor, "clips"]
    length: int

    @staticmethod
    def of(recording: Recording, latents: Float[Tensor, "frames latents"], length: int) -> "Clips":
        """All clips of a recording, one beginning at every step; the last ones of an episode are shorter.

        Args:
            recording: The episodes.
            latents: Of `recording.frames`.
            length: Actions in a clip, at least 1.
        """
        told = torch.cat([_told(episode) for episode in recording.episodes])
        starts = told[:, -2].nonzero().squeeze(1)
        beyond = [torch.zeros(length, numbers.shape[1]) for numbers in (latents, told)]
        return Clips(torch.cat([latents, beyond[0]]), torch.cat([told, beyond[1]]), starts, length)

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def image_shape(self) -> tuple[int, ...]:
        """(1, steps, latents)."""
        return 1, self.length + 1, self.latents.shape[1]

    @property
    def fresh(self) -> bool:
        """Whether clips are drawn anew each time: they are not."""
        return False

    def images(
        self, indices: Int64[Tensor, "batch"] | slice, *, uniform: Tensor | None = None
    ) -> Float[Tensor, "batch 1 steps latents"]:
        """The latents of some clips."""
        return self.latents[self._rows(indices)].unsqueeze(1)

    def given(self, indices: Int64[Tensor, "batch"] | slice) -> Float[Tensor, "batch numbers"]:
        """What is told of some clips, row after row."""
        return self.told[self._rows(indices)].flatten(1)

    def _rows(self, indices: Int64[Tensor, "batch"] | slice) -> Int64[Tensor, "batch steps"]:
        return self.starts[indices].unsqueeze(1) + torch.arange(self.length + 1)


def _told(episode: Episode) -> Float[Tensor, "frames columns"]:
    steps, numbers = episode.actions.shape
    told = torch.zeros(steps + 1, numbers + 4)
    told[:steps, :numbers] = torch.from_numpy(episode.actions)
    told[:steps, numbers] = torch.from_numpy(episode.rewards)
    told[steps - 1, numbers + 1] = float(episode.terminated)
    told[:steps, numbers + 2] = 1
    told[0, numbers + 3] = 1
    return told
