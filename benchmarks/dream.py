"""Real return of policies that were trained only in dreams.

    python benchmarks/dream.py --seeds 5

CartPole-v1 from 32 x 32 grey frames of the band that cart and pole are in; an action is held for two steps.
Each seed: record random actions, learn a world, train PPO of stable-baselines3 in the dream, record with
that policy, learn a new world from all recordings, train PPO in it, and so on, as section 5 of Ha &
Schmidhuber 2018 describes. The policy of a round acts in the real environment, whose frames it sees through
the world's eyes and memory. Its return is the mean over episodes that were never recorded.

References: random actions; PPO trained in the real environment behind the eyes and memory of the same world,
for as many steps as in a dream.

Needs the extra `simulation` and stable-baselines3.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

os.environ.setdefault("SDL_VIDEODRIVER", "dummy")

import gymnasium
import numpy as np
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env

from latentia.data.recording import Recording, read_recording, write_about, write_shard
from latentia.interchange.gymnasium import DREAM, RealEnv, record, setting_for
from latentia.recipes import learn, open_run
from latentia.tasks.simulate import measure_foresight

LOOK = {"size": 32, "crop": (0.4, 0.8, 0.0, 1.0), "repeat": 2}
EPISODES = 20
FAR = 1_000_000
"""Seeds of real test episodes begin here, away from those of recordings."""


def real_return(environment: gymnasium.Env, policy: PPO | None) -> float:
    """Mean return of a policy in the real environment; of random actions without one."""
    returns = []
    environment.action_space.seed(FAR)
    for seed in range(FAR, FAR + EPISODES):
        seen, _ = environment.reset(seed=seed)
        total, over = 0.0, False
        while not over:
            action = (
                environment.action_space.sample()
                if policy is None
                else policy.predict(seen, deterministic=True)[0]
            )
            seen, reward, terminated, truncated, _ = environment.step(action)
            total, over = total + reward, terminated or truncated
        returns.append(total)
    return float(np.mean(returns))


def ppo(environment: gymnasium.Env, seed: int, steps: int) -> PPO:
    policy = PPO("MlpPolicy", environment, seed=seed, device="cpu", n_steps=256, batch_size=256, gamma=0.98)
    return policy.learn(steps)


def joined(recordings: list[Path], out: Path) -> Path:
    """All recordings as one."""
    together: Recording = read_recording(recordings[0])
    for folder in recordings[1:]:
        together = together.joined(read_recording(folder))
    write_about(out, together.setting)
    write_shard(out, 0, together.episodes)
    return out


def one_seed(seed: int, asked: argparse.Namespace, folder: Path) -> dict[str, float]:
    setting = setting_for("CartPole-v1", **LOOK)
    recordings = [folder / "recording-0"]
    record(setting, steps=asked.steps, out=recordings[0], seed=10_000 * seed)
    row: dict[str, float] = {}
    for number in range(asked.rounds):
        world, started = folder / f"world-{number}", time.perf_counter()
        learn(
            joined(recordings, folder / f"joined-{number}"),
            out=world,
            frames=asked.frames,
            clips=asked.clips,
            length=asked.length,
            seed=seed,
            device="cpu",
            show=False,
        )
        learned = time.perf_counter()
        dreams = make_vec_env(
            lambda world=world: gymnasium.make(DREAM, run=str(world), temperature=asked.temperature), n_envs=8
        )
        policy = ppo(dreams, seed, asked.dreamt)
        dreamt = time.perf_counter()
        row[f"dream {number + 1}"] = real_return(RealEnv(world), policy)
        print(
            f"  seed {seed}, round {number + 1}: learned {learned - started:.0f} s, "
            f"dreamt {dreamt - learned:.0f} s, "
            f"real return {row[f'dream {number + 1}']:.1f}",
            flush=True,
        )
        if number + 1 < asked.rounds:
            recordings.append(folder / f"recording-{number + 1}")
            record(
                setting,
                steps=asked.steps,
                out=recordings[-1],
                policy=lambda seen, policy=policy: policy.predict(seen)[0],
                environment=RealEnv(world),
                seed=10_000 * seed + 5_000,
            )
    held_out = read_recording(folder / f"joined-{asked.rounds - 1}").part(held_out=True)
    foresight = measure_foresight(open_run(world).model, held_out, horizon=10)
    row |= {"foreseen 10 ahead": foresight.predicted[-1], "copied": foresight.copied[-1]}
    row["random"] = real_return(RealEnv(world), None)
    if asked.real:
        row["real"] = real_return(RealEnv(world), ppo(RealEnv(world), seed, asked.dreamt))
    return row


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=5000, help="actions recorded a round")
    parser.add_argument("--frames", type=int, default=100_000)
    parser.add_argument("--clips", type=int, default=100_000)
    parser.add_argument("--length", type=int, default=32)
    parser.add_argument("--dreamt", type=int, default=60_000, help="actions that PPO takes in a dream")
    parser.add_argument("--temperature", type=float, default=1.0)
    parser.add_argument("--no-real", dest="real", action="store_false")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    rows = []
    for seed in range(asked.seeds):
        with tempfile.TemporaryDirectory() as folder:
            rows.append(one_seed(seed, asked, Path(folder)))
    print(f"\n{asked}\n{'':<20}{'mean':>9}{'lowest':>9}{'highest':>9}   of {len(rows)} seeds")
    for name in rows[0]:
        values = [row[name] for row in rows]
        print(f"{name:<20}{np.mean(values):>9.3f}{min(values):>9.3f}{max(values):>9.3f}")


if __name__ == "__main__":
    main()
