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
LADDER = "--layers 1x2,7x3 --warm-up 50000 --rate 4e-3 --half-life 50000 --cool-down 0.3"
CIFAR_LADDER = (
    "--layers 4x2,8x4,16x1 --likelihood mixture --batch-size 32 --relative --free-bits 2 --warm-up 0"
)
DEEP = "--likelihood mixture --width 384 --hidden 96 --num-channels 16 --rate 2e-4 --half-life 300000"


@dataclass(frozen=True, slots=True)
class Row:
    """A recipe on a data set, and what is measured of it.

    Attributes:
        recipe: Name and flags.
        data: Data set under the root, and how it is prepared.
        length: How long to train: `--minutes`, evaluation on top, or `--images` where a cool-down needs an
            end that is known.
        evaluations: (draws, test images) of each importance-weighted bound. Fewer images than there are
            are chosen at random, since the published order is by class or by writer.
        published: The published figure, and where it stands.
        floor: What has to be reached, and what is aimed at.
    """

    recipe: str
    data: str
    length: str
    evaluations: tuple[tuple[int, int], ...]
    published: str
    floor: str


MNIST, STATIC = "mnist --binarise dynamic", "mnist --binarise static"
WHOLE = ((5000, 10_000),)
LADDERS = ((128, 10_000), (1000, 1000))
PHOTOGRAPHS = ((1, 10_000), (100, 200))
BURDA, KINGMA, CHILD = "arXiv:1509.00519", "arXiv:1606.04934", "arXiv:2011.10650"
IWAE = "vae.importance --num-draws"
ROWS = {
    "mlp": Row(f"vae.beta {MLP}", MNIST, "--minutes 48", WHOLE, f"86.76, {BURDA}", "88.3 / 86.8"),
    "importance": Row(f"{IWAE} 5 {MLP}", MNIST, "--minutes 25", WHOLE, f"85.54, {BURDA}", "88.5 / 87.5"),
    "static": Row(f"vae.beta {MLP}", STATIC, "--minutes 30", WHOLE, "88.71", "90.0 / 88.5"),
    "ladder": Row(
        f"vae.ladder {LADDER}", MNIST, "--images 900000", LADDERS, f"81.08, {KINGMA}", "85.5 / 82.5"
    ),
    "cifar": Row(
        f"vae.ladder {CIFAR_LADDER} --cool-down 0.3",
        "cifar10",
        "--images 480000",
        PHOTOGRAPHS,
        f"3.11, {KINGMA}",
        "4.4 bits",
    ),
    # A Gaussian with a diagonal covariance: its variance a pixel, one optimal for all, and at a ladder's end.
    **{
        f"{name}-{short}": Row(recipe, data, "--minutes 16", ((64, 500),), "none", "reported")
        for short, data in {"fashion": "fashion-mnist", "lfw": "lfw"}.items()
        for name, recipe in {
            "gaussian": "vae.gaussian",
            "sigma": "vae.sigma",
            "ladder-gaussian": "vae.ladder --likelihood gaussian",
        }.items()
    },
    # One card of the H200's class.
    "gpu-importance": Row(
        f"{IWAE} 50 {MLP} --cool-down 0.3 --device cuda",
        MNIST,
        "--images 30000000",
        WHOLE,
        f"84.78, {BURDA}",
        "85.5 / 84.6",
    ),
    "gpu-ladder": Row(
        f"vae.ladder {LADDER} --width 128 --hidden 64 --batch-size 256 --device cuda",
        MNIST,
        "--images 12000000",
        LADDERS,
        f"81.08, 79.10 with IAF, {KINGMA}",
        "81.1 / 79.1",
    ),
    "gpu-cifar": Row(
        f"vae.ladder {DEEP} --layers 4x3,8x5,16x8 --batch-size 128 --cool-down 0.3 --device cuda",
        "cifar10",
        "--images 3000000",
        PHOTOGRAPHS,
        f"3.11, {KINGMA}",
        "3.5 / 3.3 bits",
    ),
    "days-cifar-3.11": Row(
        f"vae.ladder {DEEP} --layers 8x10,16x10 --batch-size 64 --device cuda",
        "cifar10",
        "--images 20000000",
        PHOTOGRAPHS,
        f"3.11, {KINGMA}",
        "3.11 bits",
    ),
    "days-cifar-2.87": Row(
        f"vae.ladder {DEEP} --layers 1x2,4x3,8x6,16x11,32x22 --batch-size 32 --skip 400 --device cuda",
        "cifar10",
        "--images 35000000",
        PHOTOGRAPHS,
        f"2.87, {CHILD}",
        "2.87 bits",
    ),
}


def train(name: str, row: Row, root: Path, out: Path) -> subprocess.Popen[bytes]:
    """Starts the training of a row in a process of its own."""
    source, *preparation = row.data.split()
    words = ["train", *row.recipe.split(), source, *preparation]
    words += ["--out", str(out / name), *row.length.split()]
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
            test.images(torch.randperm(len(test), generator=torch.Generator().manual_seed(0))[:count]),
            levels=run.facts.levels,
            split="test",
            num_draws=draws,
        )
        minutes = (time.perf_counter() - started) / 60
        bits = "" if found.bits_per_dim is None else f" ({found.bits_per_dim:.3f} bits/dim)"
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
    options = parser.parse_args()
    if options.list:
        for name, row in ROWS.items():
            print(f"{name:18} {row.recipe} {row.length} on {row.data}; published {row.published}")
        return
    options.out.mkdir(parents=True, exist_ok=True)
    running = [
        train(name, ROWS[name], options.data_root, options.out)
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
