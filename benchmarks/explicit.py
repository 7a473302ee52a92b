"""Explicit models against published numbers: one row of the table a name.

    python benchmarks/explicit.py DATA_ROOT mlp importance --out runs/explicit
    python benchmarks/explicit.py DATA_ROOT --list

Rows that are named together train side by side, one thread each. A run that is there already is not trained
again, so that evaluation can be repeated. Needs the published data sets under DATA_ROOT (see docs/data.md).
"""

import argparse
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import torch

from latentia import recipes
from latentia.data import prepare
from latentia.metrics import evaluate_likelihood

MLP = "--network mlp --width 200 --num-latents 50 --batch-size 100 --half-life 200000"
LADDER_GPU = "--width 96 --layers 14x6,7x8 --batch-size 128 --device cuda"
CIFAR_GPU = "--likelihood mixture --width 192 --layers 16x10,8x10,4x4 --batch-size 64 --device cuda"


@dataclass(frozen=True, slots=True)
class Row:
    """A recipe on a data set, and what is measured of it.

    Attributes:
        recipe: Name and flags.
        data: Data set under the root, and how it is prepared.
        minutes: Minutes of training; evaluation comes on top.
        evaluations: (draws, test images) of each importance-weighted bound.
        published: The published figure, and where it stands.
        floor: What has to be reached, and what is aimed at.
    """

    recipe: str
    data: str
    minutes: float
    evaluations: tuple[tuple[int, int], ...]
    published: str
    floor: str


MNIST, CIFAR = "mnist --binarise dynamic", "cifar-10"
WHOLE = ((5000, 10_000),)
ROWS = {
    "mlp": Row(f"vae.beta {MLP}", MNIST, 48, WHOLE, "86.76, arXiv:1509.00519", "88.3 / 86.8"),
    "importance": Row(
        f"vae.importance --num-draws 5 {MLP}", MNIST, 50, WHOLE, "85.54, arXiv:1509.00519", "88.5 / 87.5"
    ),
    "static": Row(
        f"vae.beta {MLP}", "mnist --binarise static", 30, WHOLE, "88.71, arXiv:1602.02282", "90.0 / 88.5"
    ),
}


def train(name: str, row: Row, root: Path, out: Path, minutes: float | None) -> subprocess.Popen[bytes]:
    """Starts the training of a row in a process of its own."""
    source, *preparation = row.data.split()
    words = ["train", *row.recipe.split(), str(root / source), *preparation]
    words += ["--out", str(out / name), "--minutes", str(minutes or row.minutes)]
    print("latentia " + " ".join(words), file=sys.stderr)
    environment = {"OMP_NUM_THREADS": "1", **os.environ, "LATENTIA_DATA": str(root)}
    with (out / f"{name}.log").open("w") as log:
        command = [sys.executable, "-m", "latentia", *words]
        return subprocess.Popen(command, stdout=log, stderr=log, env=environment)


def measure(name: str, row: Row, out: Path) -> list[str]:
    """Evaluates a row's run: a line of the table for each protocol."""
    run = recipes.open_run(out / name)
    test = prepare(run.source, run.preparation, progress=False).split("test")
    lines = []
    for draws, count in row.evaluations:
        started = time.perf_counter()
        found = evaluate_likelihood(
            run.model,
            test.images(slice(0, count)),
            levels=run.facts.levels,
            split="test",
            num_draws=draws,
        )
        minutes = (time.perf_counter() - started) / 60
        bits = f" ({found.bits_per_dim:.3f} bits/dim)" if run.facts.levels > 2 else ""
        lines.append(
            f"| {name} | {run.images_seen:,} | {run.seconds / 60:.0f} + {minutes:.1f} | IW {draws}, "
            f"{found.num_images:,} test images | {-found.mean:.2f} ± {found.standard_error:.2f}{bits} "
            f"| {-found.elbo:.2f} | {found.effective_sample_size:.0f} | {row.published} | {row.floor} |"
        )
        (out / f"{name}-{draws}.json").write_text(json.dumps({"bound": found.mean, "line": lines[-1]}))
    return lines


def main() -> None:
    """Trains what is not there yet, and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("data_root", type=Path)
    parser.add_argument("rows", nargs="*", choices=[*ROWS, []])
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--out", type=Path, default=Path("runs/explicit"))
    parser.add_argument("--minutes", type=float)
    options = parser.parse_args()
    if options.list:
        for name, row in ROWS.items():
            print(f"{name:18} {row.recipe} on {row.data}, {row.minutes:g} minutes; published {row.published}")
        return
    options.out.mkdir(parents=True, exist_ok=True)
    running = [
        train(name, ROWS[name], options.data_root, options.out, options.minutes)
        for name in options.rows
        if not (options.out / name).exists()
    ]
    if sum(process.wait() for process in running):
        raise SystemExit(f"Training failed; see the logs in {options.out}.")
    torch.set_num_threads(1)
    os.environ["LATENTIA_DATA"] = str(options.data_root)
    titles = ["row", "images", "minutes", "protocol", "-log p(x)", "-ELBO", "ESS", "published", "floor"]
    print(f"| {' | '.join(titles)} |\n|{' --- |' * len(titles)}")
    for name in options.rows:
        for line in measure(name, ROWS[name], options.out):
            print(line, flush=True)


if __name__ == "__main__":
    main()
