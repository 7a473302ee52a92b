"""Environments of Gymnasium seen as frames, and recorded."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from PIL import Image

from latentia.data.recording import Episode, Setting, write_about, write_shard

EPISODES_A_SHARD = 50
Policy = Callable[[np.ndarray], Any]
"""From a frame, (channels, height, width) of 0 to 255, to an action of the environment."""


class Frames(gymnasium.Wrapper):  # type: ignore[misc]
    """An environment whose observations are frames, as a setting takes them.

    Args:
        setting: Which environment, and how it is looked at.

    Attributes:
        frame: The newest one, which wrappers around this one can still see.
    """

    frame: np.ndarray

    def __init__(self, setting: Setting) -> None:
        super().__init__(gymnasium.make(setting.environment, render_mode="rgb_array"))
        self.setting = setting
        shape = (3 if setting.colour else 1, setting.size, setting.size)
        self.observation_space = spaces.Box(0, 255, shape, np.uint8)

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[np.ndarray, dict]:
        """The first frame."""
        _, info = self.env.reset(seed=seed, options=options)
        return self._look(), info

    def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, dict]:
        """Holds an action for as long as the setting says; rewards add up."""
        total = 0.0
        for _ in range(self.setting.repeat):
            _, reward, terminated, truncated, info = self.env.step(action)
            total += float(reward)
            if terminated or truncated:
                break
        return self._look(), total, terminated, truncated, info

    def _look(self) -> np.ndarray:
        picture = Image.fromarray(self.env.render())
        top, bottom, left, right = self.setting.crop
        box = (left * picture.width, top * picture.height, right * picture.width, bottom * picture.height)
        side, mode = self.setting.size, "RGB" if self.setting.colour else "L"
        small = picture.convert(mode).resize((side, side), Image.Resampling.BOX, box)
        self.frame = np.array(small).reshape(side, side, -1).transpose(2, 0, 1)
        return self.frame


def setting_for(environment: str, **look: Any) -> Setting:
    """The setting of an environment, with what Gymnasium says of its actions.

    Args:
        environment: Gymnasium's name of it.
        **look: `size`, `crop`, `colour` and `repeat` of the setting.

    Raises:
        ValueError: If there is no such environment, or it cannot be drawn, or its actions are neither
            discrete nor bounded numbers.
    """
    look_only = Setting(environment, **look)
    try:
        made = gymnasium.make(environment, render_mode="rgb_array")
        made.reset(seed=0)
        drawn = made.render()
    except (
        gymnasium.error.Error,
        NotImplementedError,
    ) as error:  # a library that it draws with may be missing
        raise ValueError(f"Gymnasium cannot make and draw {environment}: {error}") from error
    if not isinstance(drawn, np.ndarray):
        raise ValueError(
            f"{environment} draws {type(drawn).__name__} instead of an array of pixels, so there is nothing "
            f"to record. Choose an environment with the render mode 'rgb_array'."
        )
    space, limit = made.action_space, made.spec.max_episode_steps if made.spec else None
    made.close()
    about: dict[str, Any] = {"max_steps": None if limit is None else -(-limit // look_only.repeat)}
    if isinstance(space, spaces.Discrete) and space.start == 0:
        return Setting(environment, **look, **about, num_actions=int(space.n))
    if isinstance(space, spaces.Box) and space.is_bounded() and len(space.shape) == 1:
        low, high = (tuple(bound.tolist()) for bound in (space.low, space.high))
        return Setting(environment, **look, **about, num_actions=space.shape[0], low=low, high=high)
    raise ValueError(
        f"The actions of {environment} are {space}. A world needs actions that are one of some (Discrete), "
        f"or bounded numbers in a row (Box)."
    )


def record(
    setting: Setting,
    *,
    steps: int,
    out: str | Path,
    policy: Policy | None = None,
    environment: gymnasium.Env | None = None,
    seed: int = 0,
) -> int:
    """Records whole episodes of an environment until there are enough steps.

    Args:
        setting: Of `setting_for`.
        steps: Actions at least, over all episodes.
        out: A folder that is new or empty.
        policy: What acts; at random without it.
        environment: What the policy sees and acts in, where that is not `Frames(setting)`: a wrapper around
            it, such as `RealEnv`, whose policy sees what a policy of dreams does.
        seed: Of episodes, and of random actions.

    Returns:
        How many episodes were recorded.

    Raises:
        ValueError: If there are no steps, or the folder is not empty, or the environment has another setting.
    """
    if steps < 1:
        raise ValueError(f"steps is {steps}; record at least 1, and some thousands to learn from.")
    acted_in = Frames(setting) if environment is None else environment
    own = acted_in.get_wrapper_attr("setting") if acted_in.has_wrapper_attr("setting") else None
    if own != setting:
        raise ValueError(
            f"The environment shows {own or 'no frames'}, and {setting} is to be recorded. Hand over "
            f"Frames(setting), or a wrapper around it."
        )
    folder = Path(out)
    write_about(folder, setting)
    acted_in.action_space.seed(seed)
    taken, waiting, written, count = 0, [], 0, 0
    while taken < steps:
        episode = _episode(acted_in, setting, policy, seed + count)
        taken, count = taken + len(episode.actions), count + 1
        waiting.append(episode)
        if len(waiting) == EPISODES_A_SHARD or taken >= steps:
            write_shard(folder, written, waiting)
            waiting, written = [], written + 1
    if environment is None:
        acted_in.close()
    return count


def _episode(environment: gymnasium.Env, setting: Setting, policy: Policy | None, seed: int) -> Episode:
    seen, _ = environment.reset(seed=seed)
    frames, actions, rewards = [environment.get_wrapper_attr("frame")], [], []
    terminated = truncated = False
    while not (terminated or truncated):
        action = environment.action_space.sample() if policy is None else policy(seen)
        seen, reward, terminated, truncated, _ = environment.step(action)
        frames.append(environment.get_wrapper_attr("frame"))
        actions.append(action)
        rewards.append(reward)
    done = setting.vectors(np.array(actions))
    return Episode(np.stack(frames), done, np.array(rewards, np.float32), bool(terminated))
