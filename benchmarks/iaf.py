"""What an inverse autoregressive flow gains over a diagonal Gaussian posterior, on dynamic MNIST.

    python benchmarks/iaf.py DATA_ROOT --images 2000000 --seeds 0 1 2 --out runs/iaf

Both posteriors stand on the same network, see the same images in the same order from the same seed, and train
side by side, one thread each. A run that is there already is not trained again. Needs the published data sets
under DATA_ROOT (see docs/data.md).
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

import torch

from latentia import recipes
from latentia.data import prepare
from latentia.metrics import evaluate_likelihood
from latentia.training import Run

SHARED = "--num-latents 32 --network mlp --width 300 --warm-up 50000 --half-life 100000 --cool-down 0.3"
POSTERIORS = {"diagonal": "vae.beta", "flow": "vae.iaf --depth 4 --flow-width 960"}
AT_ONCE = 100  # test images whose mean bound is one number of the paired comparison


def train(name: str, root: Path, out: Path, images: int, seed: int, shared: str) -> subprocess.Popen[bytes]:
    """Starts the training with a posterior in a process of its own."""
    recipe, *flags = POSTERIORS[name].split()
    words = ["train", recipe, str(root / "mnist"), "--binarise", "dynamic", *flags, *shared.split()]
    words += ["--images", str(images), "--seed", str(seed), "--out", str(out / name)]
    print("latentia " + " ".join(words), file=sys.stderr)
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "LATENTIA_DATA": str(root)}
    with (out / f"{name}.log").open("w") as log:
        command = [sys.executable, "-m", "latentia", *words]
        return subprocess.Popen(command, stdout=log, stderr=log, env=environment)


def measure(name: str, run: Run, num_draws: int, num_images: int) -> torch.Tensor:
    """Prints a line of the table.

    Returns:
        The mean bound of every `AT_ONCE` test images, in nats an image.
    """
    test = prepare(run.source, run.preparation, progress=False).split("test")
    started = time.perf_counter()
    found = [
        evaluate_likelihood(
            run.model,
            test.images(slice(start, start + AT_ONCE)),
            levels=run.facts.levels,
            split="test",
            num_draws=num_draws,
            seed=start,
        )
        for start in range(0, num_images, AT_ONCE)
    ]
    minutes = (time.perf_counter() - started) / 60
    bounds = torch.tensor([part.mean for part in found])
    elbo = sum(part.elbo for part in found) / len(found)
    size = sum(part.effective_sample_size for part in found) / len(found)
    print(
        f"| {name} | {run.images_seen:,} | {run.seconds / 60:.0f} + {minutes:.1f} | {-bounds.mean():.2f} ± "
        f"{error(bounds):.2f} | {-elbo:.2f} | {size:.0f} |",
        flush=True,
    )
    return bounds


def error(means: torch.Tensor) -> float:
    """The standard error of the mean of independent means."""
    return float(means.std() / len(means) ** 0.5)


def main() -> None:
    """Prints a row for each posterior and seed, and what the flow gains."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("data_root", type=Path)
    parser.add_argument("--images", type=int, default=2_000_000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0], help="one pair of runs each")
    parser.add_argument("--draws", type=int, default=128)
    parser.add_argument("--test-images", type=int, default=10_000)
    parser.add_argument("--shared", default=SHARED, help="flags of both recipes")
    parser.add_argument("--out", type=Path, default=Path("runs/iaf"))
    options = parser.parse_args()
    torch.set_num_threads(1)
    os.environ["LATENTIA_DATA"] = str(options.data_root)
    print(
        f"importance-weighted bound, K = {options.draws}, {options.test_images:,} test images, dynamic MNIST"
    )
    print("| posterior | images | minutes | -log p(x) | -ELBO | ESS |\n| --- | --- | --- | --- | --- | --- |")
    gains = [compare(seed, options) for seed in options.seeds]
    for seed, gain in zip(options.seeds, gains, strict=True):
        print(f"seed {seed}: gain {gain.mean():.2f} ± {error(gain):.2f} nats an image")
    means = torch.stack([gain.mean() for gain in gains])
    spread = f", standard deviation over seeds {means.std():.2f}" if len(means) > 1 else ""
    print(f"gain {means.mean():.2f} nats an image{spread} (arXiv:1606.04934, table 1: 1.98)")


def compare(seed: int, options: argparse.Namespace) -> torch.Tensor:
    """The gain of a pair of runs, on every `AT_ONCE` test images; trains those that are not there yet."""
    out = options.out / f"seed-{seed}"
    out.mkdir(parents=True, exist_ok=True)
    running = [
        train(name, options.data_root, out, options.images, seed, options.shared)
        for name in POSTERIORS
        if not (out / name).exists()
    ]
    if sum(process.wait() for process in running):
        raise SystemExit(f"Training failed; see the logs in {out}.")
    diagonal, flow = (
        measure(f"{name}, seed {seed}", recipes.open_run(out / name), options.draws, options.test_images)
        for name in POSTERIORS
    )
    return flow - diagonal  # of the same images, which vary far more than the models


if __name__ == "__main__":
    main()
