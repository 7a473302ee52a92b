"""A row of draws from every recipe of a kind, each trained for as long: one picture.

    python benchmarks/gallery.py DATA_ROOT --out runs/gallery --picture docs/pictures/gallery.png
    python benchmarks/gallery.py DATA_ROOT --kind adversarial --minutes 2 --out runs/gallery \\
        --picture docs/pictures/gallery-adversarial.png
    python benchmarks/gallery.py DATA_ROOT --kind adversarial --data lfw --labels smiling.csv ...

Default arguments, one thread a run, `--at-once` runs at a time. A run that is there already is not trained
again. Uncurated: the first draws of seed 0; of explicit recipes the decoder's means.
"""

import argparse
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import matplotlib
import numpy as np
import torch

matplotlib.use("Agg")
from matplotlib import pyplot

from latentia import recipes
from latentia.data.pictures import grid

COLUMNS = 16
KINDS = {"explicit": ("ae", "vae"), "adversarial": ("gan",), "hybrid": ("hybrid",)}
"""Families of recipes by kind."""


def train(name: str, options: argparse.Namespace) -> None:
    """Trains a recipe in a process of its own, if its run is not there yet."""
    out = options.out
    if (out / name).exists():
        return
    words = ["train", name, options.data, "--out", str(out / name), "--minutes", str(options.minutes)]
    if options.labels:
        words += ["--labels", str(options.labels)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "LATENTIA_DATA": str(options.data_root)}
    with (out / f"{name}.log").open("w") as log:
        subprocess.run([sys.executable, "-m", "latentia", *words], stdout=log, stderr=log, env=environment)


@torch.no_grad()
def draw(names: list[str], out: Path, picture: Path) -> None:
    """One row a recipe, under its name."""
    figure, axes = pyplot.subplots(len(names), 1, figsize=(9, 0.78 * len(names)), facecolor="white")
    for axis, name in zip(axes, names, strict=True):
        run = recipes.open_run(out / name)
        generator = torch.Generator().manual_seed(0)
        images = run.model.sample(COLUMNS, generator=generator, noise=False)
        axis.imshow(np.asarray(grid(images, columns=COLUMNS).convert("RGB")), interpolation="nearest")
        label = f"{name}\n{run.images_seen / 1000:.0f}k images"
        axis.set_ylabel(label, rotation=0, ha="right", va="center", fontsize=8)
        axis.set_xticks([])
        axis.set_yticks([])
        for spine in axis.spines.values():
            spine.set_visible(False)
    figure.subplots_adjust(hspace=0.08)
    figure.savefig(picture, dpi=110, bbox_inches="tight", pad_inches=0.06)
    pyplot.close(figure)


def main() -> None:
    """Trains what is not there yet, and draws."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("data_root", type=Path)
    parser.add_argument("--kind", choices=KINDS, default="explicit")
    parser.add_argument("--data", default="fashion-mnist", help="name of a published set")
    parser.add_argument("--labels", type=Path, help="table with the classes that some recipes need")
    parser.add_argument("--out", type=Path, default=Path("runs/gallery"))
    parser.add_argument("--picture", type=Path, default=Path("docs/pictures/gallery.png"))
    parser.add_argument("--minutes", type=float, default=2)
    parser.add_argument("--at-once", type=int, default=2)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    names = [name for name in recipes.names() if name.partition(".")[0] in KINDS[options.kind]]
    with ThreadPoolExecutor(options.at_once) as pool:
        list(pool.map(lambda name: train(name, options), names))
    begun = [name for name in names if (options.out / name).exists()]  # a run that was stopped is shown too
    for name in sorted(set(names) - set(begun)):
        print(f"{name} did not begin: see {options.out / name}.log")
    draw(begun, options.out, options.picture)


if __name__ == "__main__":
    main()
