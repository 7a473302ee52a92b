"""A world small enough to learn in a second: a bright spot moves left or right, and the edge ends it."""

from pathlib import Path

import numpy as np

from latentia.data.recording import Episode, Recording, Setting, write_about, write_shard

SETTING = Setting("Dot-v0", size=8, num_actions=2, max_steps=12)


def episode(generator: np.random.Generator) -> Episode:
    place, frames, actions = 4, [], []
    while True:
        spot = 230 * np.exp(-0.3 * (np.arange(8) - place) ** 2)
        noise = generator.integers(0, 16, (1, 8, 8))  # equal frames would all stand in one split
        frames.append((spot + noise).astype(np.uint8))
        if place in (0, 7) or len(actions) == 12:
            done = SETTING.vectors(np.array(actions))
            rewards = np.ones(len(actions), np.float32)
            return Episode(np.stack(frames), done, rewards, place in (0, 7))
        actions.append(int(generator.integers(2)))
        place += 2 * actions[-1] - 1


def recording(num: int = 40, seed: int = 0) -> Recording:
    generator = np.random.default_rng(seed)
    return Recording(SETTING, tuple(episode(generator) for _ in range(num)))


def written(folder: Path, num: int = 40) -> Path:
    episodes = recording(num).episodes
    write_about(folder, SETTING)
    write_shard(folder, 0, episodes[: num // 2])
    write_shard(folder, 1, episodes[num // 2 :])
    return folder
