"""Ten minutes of `vae.gaussian` and `gan.dcgan` on three real data sets: one table, one picture each.

    python benchmarks/ten_minutes.py DATA_ROOT --out runs/ten --pictures docs/pictures

Both models of a data set train side by side, one CPU core each. A run that is there already is not trained
again. Needs the published data sets under DATA_ROOT (see docs/data.md).
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

import matplotlib
import numpy as np
import torch

matplotlib.use("Agg")
from matplotlib import pyplot

from latentia import recipes
from latentia.data import prepare
from latentia.data.pictures import grid
from latentia.report.runs import evaluate_run
from latentia.training import Run

SETS = {"fashion-mnist": "fashion-mnist", "sprites": "crawl-sprites", "lfw": "lfw-64/lfw-64.zip"}
SHOWS_REAL = {"fashion-mnist", "sprites"}  # licences that let real images stand in the documentation
RECIPES = {"vae": "vae.gaussian", "gan": "gan.dcgan"}
COLUMNS, ROWS = 8, 8


def train(sources: dict[str, str], out: Path, minutes: float) -> None:
    """Trains what is not there yet, two runs at a time."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    for name, source in sources.items():
        running = []
        for short, recipe in RECIPES.items():
            run = out / f"{name}-{short}"
            if not run.exists():
                words = ["train", recipe, source, "--out", str(run), "--minutes", str(minutes)]
                with (out / f"{run.name}.log").open("w") as log:
                    command = [sys.executable, "-m", "latentia", *words]
                    running.append(subprocess.Popen(command, stderr=log, stdout=log, env=environment))
        if any(process.wait() for process in running):
            raise SystemExit(f"Training on {name} failed; see the logs in {out}.")


def panels(name: str, source: str, out: Path) -> dict[str, torch.Tensor]:
    """What the picture of a data set shows, by title."""
    count = COLUMNS * ROWS
    vae, gan = (recipes.load(out / f"{name}-{short}") for short in RECIPES)

    def seeded() -> torch.Generator:
        return torch.Generator().manual_seed(0)

    shown = {}
    if name in SHOWS_REAL:
        test = prepare(source, progress=False).split("test")
        shown["real images"] = test.images(torch.arange(count))
    with torch.no_grad():
        shown["vae.gaussian: means of p(x|z)"] = vae.sample(count, generator=seeded(), noise=False)
        shown["vae.gaussian: draws"] = vae.sample(count, generator=seeded())
        shown["gan.dcgan: draws"] = gan.sample(count, generator=seeded())
    return shown


def draw(shown: dict[str, torch.Tensor], path: Path) -> None:
    """One row of panels, each a grid under its title."""
    figure, axes = pyplot.subplots(1, len(shown), figsize=(4 * len(shown), 4.3), facecolor="white")
    for axis, (title, images) in zip(axes, shown.items(), strict=True):
        axis.imshow(np.asarray(grid(images, columns=COLUMNS).convert("RGB")), interpolation="nearest")
        axis.set_title(title, fontsize=15)
        axis.set_axis_off()
    figure.subplots_adjust(wspace=0.04)
    figure.savefig(path, dpi=80, bbox_inches="tight", pad_inches=0.08)
    pyplot.close(figure)


def row(name: str, run: Run) -> str:
    """One line of the table."""
    found = evaluate_run(run)
    likelihood = "implicit: none"
    if found.likelihood is not None:
        bound = found.likelihood
        likelihood = f"{bound.mean:.1f} ± {bound.standard_error:.1f} ({bound.bits_per_dim:.3f})"
    coverage = found.draws.coverage
    return (
        f"| {name} | {run.recipe} | {run.images_seen:,} | {run.images_seen / run.seconds:.0f} | {likelihood} "
        f"| {found.draws.sliced.mean:.1f} | {coverage.precision:.2f} / {coverage.recall:.2f} |"
    )


def main() -> None:
    """Trains, draws, and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("data_root", type=Path)
    parser.add_argument("--out", type=Path, default=Path("runs/ten"))
    parser.add_argument("--pictures", type=Path, default=Path("docs/pictures"))
    parser.add_argument("--minutes", type=float, default=10)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    sources = {name: str(options.data_root / place) for name, place in SETS.items()}
    train(sources, options.out, options.minutes)
    print("| data | recipe | images seen | images/s | bound, nats (bits/dim) | SWD | precision / recall |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for name, source in sources.items():
        draw(panels(name, source, options.out), options.pictures / f"ten-{name}.png")
        for short in RECIPES:
            print(row(name, recipes.open_run(options.out / f"{name}-{short}")), flush=True)


if __name__ == "__main__":
    main()
