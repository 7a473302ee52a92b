"""Worlds as environments of Gymnasium: what they dream, and the real thing seen through their eyes."""

from pathlib import Path
from typing import Any, ClassVar

import gymnasium
import numpy as np
import torch
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from latentia.data.pictures import to_pixels
from latentia.data.recording import Setting
from latentia.interchange.gymnasium.frames import Frames
from latentia.recipes import open_run
from latentia.recipes.ranges import at_least
from latentia.recipes.world import setting_of
from latentia.tasks.simulate import Dreaming, latents_of_frames
from latentia.training import Run


class DreamVectorEnv(VectorEnv):  # type: ignore[misc]
    """Several dreams of a world, one forward pass for all of them.

    A dream that has ended begins anew at the next step, whose action and reward do not count, as Gymnasium's
    own vector environments do.

    Args:
        run: A world, or the folder of one (`latentia simulate learn`).
        num_envs: How many dreams.
        observe: `latents` for latents and memory, in float32; `pixels` for decoded frames.
        temperature: As of `Dreaming`.
        max_steps: Actions after which a dream is cut off; what the recording's environment has without it.
        device: Where to dream, if `run` is a folder; an opened run stays where it is.
        render_mode: None or `rgb_array`.

    Raises:
        ValueError: If the run is no world, or an argument is out of range.
    """

    metadata: ClassVar = {
        "render_modes": ["rgb_array"],
        "render_fps": 25,
        "autoreset_mode": AutoresetMode.NEXT_STEP,
    }

    def __init__(
        self,
        run: str | Path | Run,
        num_envs: int = 1,
        *,
        observe: str = "latents",
        temperature: float = 1.0,
        max_steps: int | None = None,
        device: str = "cpu",
        render_mode: str | None = None,
    ) -> None:
        at_least(1, num_envs=num_envs)
        self.world, self.setting = _opened(run, device)
        self.max_steps = self.setting.max_steps if max_steps is None else max_steps
        if self.max_steps is not None:
            at_least(1, max_steps=self.max_steps)
        self.num_envs, self.observe, self.render_mode = num_envs, observe, render_mode
        self.single_observation_space, self.single_action_space = _spaces(self.world, self.setting, observe)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._generator = torch.Generator(self.world.low.device)
        self.dreaming = Dreaming(self.world, num_envs, generator=self._generator, temperature=temperature)
        self.steps, self.over = np.zeros(num_envs, int), np.zeros(num_envs, bool)

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[np.ndarray, dict]:
        """Begins all dreams anew."""
        super().reset(seed=seed)
        self._generator.manual_seed(int(self.np_random.integers(2**62)))
        self._begin(np.ones(self.num_envs, bool))
        return self._seen(), {}

    def step(self, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict]:
        """Takes an action in every dream."""
        vectors = torch.from_numpy(self.setting.vectors(np.asarray(actions))).to(self.world.low.device)
        rewards, ended = (part.cpu().numpy() for part in self.dreaming.step(vectors))
        self.steps += 1
        begun = self.over.copy()
        terminated = ended & ~begun
        truncated = np.zeros(self.num_envs, bool)
        if self.max_steps is not None:
            truncated = (self.steps >= self.max_steps) & ~terminated & ~begun
        self._begin(begun)
        self.over = terminated | truncated
        return self._seen(), np.where(begun, 0.0, rewards).astype(np.float64), terminated, truncated, {}

    def render(self) -> tuple[np.ndarray, ...] | None:
        """What is dreamed of, as frames in colour."""
        if self.render_mode is None:
            return None
        return tuple(_pixels(self.world, self.dreaming.latents).repeat(3 // self.world.image_shape[0], 3))

    def _begin(self, rows: np.ndarray) -> None:
        if rows.any():
            self.dreaming.begin(torch.from_numpy(rows).to(self.world.low.device))
            self.steps[rows], self.over[rows] = 0, False

    def _seen(self) -> np.ndarray:
        if self.observe == "pixels":
            return _pixels(self.world, self.dreaming.latents)
        return self.dreaming.observations.cpu().numpy()


class DreamEnv(gymnasium.Env):  # type: ignore[misc,type-arg]
    """One dream of a world, as an environment.

    Args:
        run: A world, or the folder of one (`latentia simulate learn`).
        render_mode: None or `rgb_array`.
        **settings: `observe`, `temperature`, `max_steps` and `device`, as of `DreamVectorEnv`.

    Raises:
        ValueError: If the run is no world, or an argument is out of range.
    """

    metadata: ClassVar = {"render_modes": ["rgb_array"], "render_fps": 25}

    def __init__(self, run: str | Path | Run, *, render_mode: str | None = None, **settings: Any) -> None:
        self.dreams = DreamVectorEnv(run, 1, render_mode=render_mode, **settings)
        self.render_mode = render_mode
        self.observation_space = self.dreams.single_observation_space
        self.action_space = self.dreams.single_action_space

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[np.ndarray, dict]:
        """Begins the dream anew."""
        super().reset(seed=seed)
        seen, info = self.dreams.reset(seed=int(self.np_random.integers(2**31)))
        return seen[0], info

    def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, dict]:
        """Takes an action."""
        self.dreams.over[:] = False  # a caller who goes on after the end does so at his own risk
        seen, rewards, terminated, truncated, info = self.dreams.step(np.asarray(action)[None])
        return seen[0], float(rewards[0]), bool(terminated[0]), bool(truncated[0]), info

    def render(self) -> np.ndarray | None:
        """What is dreamed of, as a frame in colour."""
        frames = self.dreams.render()
        return None if frames is None else frames[0]


class RealEnv(gymnasium.Wrapper):  # type: ignore[misc]
    """The environment that a world was learned from, seen through the world's eyes and memory.

    Observations are what dreams give, so that a policy of dreams acts here unchanged.

    Args:
        run: A world, or the folder of one.
        observe: As of the dreams.
        device: Where to compute, if `run` is a folder.

    Raises:
        ValueError: If the run is no world.
    """

    def __init__(self, run: str | Path | Run, *, observe: str = "latents", device: str = "cpu") -> None:
        self.world, setting = _opened(run, device)
        super().__init__(Frames(setting))
        self.setting, self.observe = setting, observe
        self.observation_space, _ = _spaces(self.world, setting, observe)

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[np.ndarray, dict]:
        """The first frame, as dreams begin."""
        frame, info = self.env.reset(seed=seed, options=options)
        self.latents = latents_of_frames(self.world, frame[None])
        self.memory = self.latents.new_zeros(1, self.world.num_memory)
        return self._seen(), info

    def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, dict]:
        """Takes an action, and lets the memory know of it."""
        frame, reward, terminated, truncated, info = self.env.step(action)
        vector = torch.from_numpy(self.setting.vectors(np.asarray(action)[None])).to(self.latents.device)
        with torch.no_grad():
            self.memory = self.world.remember(self.latents, vector, self.memory)
        self.latents = latents_of_frames(self.world, frame[None])
        return self._seen(), float(reward), terminated, truncated, info

    def _seen(self) -> np.ndarray:
        if self.observe == "pixels":
            return self.env.frame.transpose(1, 2, 0)
        kept = self.latents.clamp(self.world.low, self.world.high)
        return torch.cat([kept, self.memory], 1)[0].cpu().numpy()


def _opened(run: str | Path | Run, device: str) -> tuple[Any, Setting]:
    opened = run if isinstance(run, Run) else open_run(run, device=device)
    return opened.model, setting_of(opened)


def _spaces(world: Any, setting: Setting, observe: str) -> tuple[spaces.Box, spaces.Space]:
    """Spaces of observations and of actions."""
    if setting.discrete:
        actions: spaces.Space = spaces.Discrete(setting.num_actions)
    else:
        actions = spaces.Box(np.array(setting.low, np.float32), np.array(setting.high, np.float32))
    if observe == "pixels":
        channels, height, width = world.image_shape
        return spaces.Box(0, 255, (height, width, channels), np.uint8), actions
    if observe != "latents":
        raise ValueError(f"observe is {observe!r}; it has to be 'latents' or 'pixels'.")
    one = np.ones(world.num_memory, np.float32)
    bounds = [np.concatenate([b.cpu().numpy(), s * one]) for b, s in ((world.low, -1), (world.high, 1))]
    return spaces.Box(bounds[0], bounds[1], dtype=np.float32), actions


def _pixels(world: Any, latents: torch.Tensor) -> np.ndarray:
    with torch.no_grad():
        return to_pixels(world.show(latents)).permute(0, 2, 3, 1).numpy()
