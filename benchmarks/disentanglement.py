"""How disentangled the latents of two recipes are, on the drawn shapes.

    python benchmarks/disentanglement.py --minutes 20 --seeds 0 1 2 --out runs/disentanglement

Prints a row for each run, and the mean and spread over seeds for each recipe. A run that is there already is
not trained again. Published, on dSprites (other shapes, no colours): MIG of about .2 to .4 for beta-TC-VAE
(arXiv:1802.04942, arXiv:1811.12359).
"""

import argparse
import statistics
from pathlib import Path

import torch

from latentia.metrics import Disentanglement, measure_disentanglement
from latentia.recipes import open_run, train

RECIPES = {"vae.tc": {"beta": 6.0}, "vae.beta": {"beta": 4.0}}
SETTINGS = {"num_latents": 10, "half_life": 5000}
COLUMNS = ("MIG", "SAP", "D", "C", "I", "FactorVAE")


def scores(found: Disentanglement) -> list[float]:
    """In the order of the columns."""
    trees = found.importances
    return [
        found.gap,
        found.separated,
        trees.disentanglement,
        trees.completeness,
        trees.informativeness,
        found.factor_score,
    ]


def measure(recipe: str, seed: int, options: argparse.Namespace) -> list[float]:
    """Trains a run where it is not there yet, and prints its row."""
    folder = options.out / f"{recipe}-{seed}"
    if not folder.exists():
        settings = SETTINGS | RECIPES[recipe] | {"likelihood": options.likelihood}
        train(recipe, "shapes", out=folder, minutes=options.minutes, seed=seed, **settings)
    run = open_run(folder)
    found = measure_disentanglement(run.model, num_images=options.images, num_votes=options.votes, seed=seed)
    numbers = scores(found)
    cells = " | ".join(f"{number:.3f}" for number in numbers)
    print(f"| {recipe}, seed {seed} | {run.images_seen:,} | {run.seconds / 60:.1f} | {cells} |", flush=True)
    gaps = ", ".join(f"{name} {gap:.2f}" for name, gap in found.gaps.items())
    print(f"gaps of {recipe}, seed {seed}: {gaps}", flush=True)
    return numbers


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--minutes", type=float, default=20.0, help="of training, a run")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--recipes", nargs="+", default=list(RECIPES), choices=list(RECIPES))
    parser.add_argument("--likelihood", default="fixed", help="a learned variance outweighs the pressure")
    parser.add_argument("--images", type=int, default=10_000, help="that are drawn to be measured")
    parser.add_argument("--votes", type=int, default=800, help="of the FactorVAE score")
    parser.add_argument("--out", type=Path, default=Path("runs/disentanglement"))
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(f"| run | images | minutes | {' | '.join(COLUMNS)} |\n|{' --- |' * (3 + len(COLUMNS))}")
    for recipe in options.recipes:
        rows = [measure(recipe, seed, options) for seed in options.seeds]
        if len(rows) < 2:
            continue
        columns = zip(*rows, strict=True)
        cells = [f"{statistics.mean(column):.3f} ± {statistics.stdev(column):.3f}" for column in columns]
        print(f"| {recipe}, {len(rows)} seeds | | | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
