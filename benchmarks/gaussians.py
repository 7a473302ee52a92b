"""A grid of 25 Gaussians: which modes does an adversarial network find, and how well does it hit them?

    python benchmarks/gaussians.py --minutes 10 --seeds 0 1 2

Points as images of 1 x 1 pixel and two channels. The modes lie 0.4 apart in [-0.8, 0.8], with a standard
deviation of 0.02 (a twentieth). Of 10,000 samples of the averaged weights, a mode counts with 100 within 3
standard deviations; of perfect samples 98.9 % are. One row a recipe and seed.
"""

import argparse
import time

import torch

from latentia.data import Facts
from latentia.protocols import Batch, GenerativeModel
from latentia.recipes import find
from latentia.training import Plan, State, take_turn

SPACING, STD, SAMPLES, ENOUGH = 0.4, 0.02, 10_000, 100
MODES = SPACING * torch.cartesian_prod(torch.arange(-2.0, 3), torch.arange(-2.0, 3))
POINTS = Facts("gaussians", "", 2, 1, 1, 256, num_train=10**9, num_validation=0, num_test=0)
PROBE = 1000
SETTINGS = {
    "gan.minimax": {"network": "mlp", "num_latents": 2, "batch_size": 256, "rate": 1e-3},
    # The critic smooths over 2 sqrt(gamma): half the spacing at first, so that all modes are found, and
    # less than a quarter of it at the end. At 0.001 throughout, 9 of the 25 modes did not count.
    "gan.r3": {
        "gamma": 1e-2,
        "gamma_at_end": 2e-3,
        "width": 128,
        "num_latents": 2,
        "batch_size": 256,
        "rate": 3e-3,
        "half_life": 20_000,
        "cool_down": 0.5,
    },
}


def main() -> None:
    """Trains, judges and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("recipes", nargs="*", default=list(SETTINGS))
    asked = parser.parse_args()
    print("| recipe | seed | turns | modes | within 3 sigma | rarest mode | minutes |", flush=True)
    print("| --- | --- | --- | --- | --- | --- | --- |", flush=True)
    for recipe in asked.recipes:
        for seed in asked.seeds:
            start = time.monotonic()
            state = trained(recipe, seed, asked.minutes)
            modes, within, rarest = judged(state.average.model)
            minutes = (time.monotonic() - start) / 60
            shown = f"{modes} | {within:.1%} | {rarest} | {minutes:.1f}"
            print(f"| `{recipe}` | {seed} | {state.turns:,} | {shown} |", flush=True)


def trained(recipe: str, seed: int, minutes: float) -> State:
    """A state after so many minutes; turns, and so the schedule, are planned by the speed of the first."""
    start = time.monotonic()
    take(recipe, seed, PROBE)
    probed = time.monotonic() - start
    return take(recipe, seed, max(PROBE, int(PROBE * (60 * minutes / probed - 1))))


def take(recipe: str, seed: int, turns: int) -> State:
    """The state after some turns from the start."""
    torch.manual_seed(seed)
    plan: Plan = find(recipe)(POINTS, **SETTINGS[recipe])
    state = State.fresh(plan, torch.device("cpu"))
    for _ in range(turns):
        take_turn(state, plan, draw, seed=seed, horizon=turns * plan.batch_size)
    return state


def draw(position: int, count: int) -> Batch:
    """Points that are a function of their place in the run."""
    generator = torch.Generator().manual_seed(position)
    modes = MODES[torch.randint(len(MODES), (count,), generator=generator)]
    points = modes + STD * torch.randn(count, 2, generator=generator)
    return Batch(points[:, :, None, None])


def judged(model: GenerativeModel) -> tuple[int, float, int]:
    """Modes that count, the part of samples that is within 3 deviations of one, and hits of the rarest."""
    samples = model.eval().sample(SAMPLES, generator=torch.Generator().manual_seed(0)).flatten(1)
    distance, nearest = torch.cdist(samples, MODES).min(1)
    hits = torch.bincount(nearest[distance < 3 * STD], minlength=len(MODES))
    return int((hits >= ENOUGH).sum()), int(hits.sum()) / SAMPLES, int(hits.min())


if __name__ == "__main__":
    main()
