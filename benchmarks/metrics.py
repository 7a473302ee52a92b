"""Distances and coverage beside the packages that are used for them, on the same synthetic vectors.

    python benchmarks/metrics.py [ROW ...]

Needs `pip install -e .[dev]` (prdc, torchmetrics, pytorch-msssim). Both sides of a row run in one process
and take turns; the table tells medians of the processor's seconds, since other programs slow the clock, and
the largest relative difference of the numbers. Peak memory is what a process of its own needs beyond the
vectors, read from the kernel. Each side computes what its users get: ours with errors, prdc and torchmetrics'
Fréchet distance without.
"""

import argparse
import contextlib
import io
import multiprocessing
import os
import resource
import statistics
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any

import torch
from prdc import compute_prdc
from pytorch_msssim import ms_ssim
from torch import Tensor
from torchmetrics.image.fid import FrechetInceptionDistance
from torchmetrics.image.kid import KernelInceptionDistance

from latentia.metrics import frechet_distance, kernel_distance, measure_coverage, multiscale_ssim

BATCH = 1000  # vectors that torchmetrics is fed at a time
Work = Callable[[Tensor, Tensor], list[float]]


@dataclass(frozen=True)
class Row:
    """One line of the table: what is measured, on what, by whom."""

    shape: tuple[int, ...]
    peer: str
    ours: Work
    theirs: Work
    turns: int = 3
    same: bool = True  # whether both compute one number; torchmetrics draws its blocks at random

    def sets(self) -> tuple[Tensor, Tensor]:
        """Images and what noise makes of them; or two sets of vectors that are alike, rectified."""
        generator = torch.Generator().manual_seed(0)
        first, second = (torch.randn(self.shape, generator=generator) for _ in range(2))
        if len(self.shape) == 4:
            return first.clamp_(-1, 1), second.mul_(0.5).add_(first).clamp_(-1, 1)
        return first.relu_(), second.mul_(1.02).add_(0.01).relu_()


class Vectors(torch.nn.Module):
    """torchmetrics' feature network, for what are feature vectors already."""

    def __init__(self, num_features: int) -> None:
        super().__init__()
        self.num_features = num_features

    def forward(self, vectors: Tensor) -> Tensor:
        return vectors


def our_coverage(real: Tensor, fake: Tensor) -> list[float]:
    found = measure_coverage(real, fake, manifold_neighbours=5)
    return [e.value for e in (found.precision, found.recall, found.density, found.coverage)]


def their_coverage(real: Tensor, fake: Tensor) -> list[float]:
    with contextlib.redirect_stdout(io.StringIO()):
        found = compute_prdc(real.numpy(), fake.numpy(), 5)
    return [float(found[name]) for name in ("precision", "recall", "density", "coverage")]


def fed(metric: FrechetInceptionDistance | KernelInceptionDistance, real: Tensor, fake: Tensor) -> Tensor:
    for points, is_real in ((real, True), (fake, False)):
        for batch in points.split(BATCH):
            metric.update(batch, real=is_real)
    return metric.compute()


def their_frechet(real: Tensor, fake: Tensor) -> list[float]:
    size = real.shape[1]
    return [float(fed(FrechetInceptionDistance(Vectors(size), input_img_size=(size,)), real, fake))]


def their_kernel(real: Tensor, fake: Tensor) -> list[float]:
    blocks = len(real) // BATCH
    metric = KernelInceptionDistance(Vectors(real.shape[1]), subsets=blocks, subset_size=BATCH)
    return [float(fed(metric, real, fake)[0])]


def their_similarity(first: Tensor, second: Tensor) -> list[float]:
    unit = ((images + 1) / 2 for images in (first, second))
    return ms_ssim(*unit, data_range=1.0, size_average=False).tolist()


ROWS = (
    {
        f"coverage, {d}": Row((10_000, d), "prdc", our_coverage, their_coverage, 3 if d < 2048 else 1)
        for d in (64, 512, 2048)
    }
    | {
        f"Fréchet, {n} x {d}": Row(
            (n, d), "torchmetrics", lambda x, y: [frechet_distance(x, y).value], their_frechet, turns
        )
        for n, d, turns in ((5000, 64, 5), (5000, 768, 3), (50_000, 2048, 1))
    }
    | {
        f"kernel, {n} x {d}": Row(
            (n, d),
            "torchmetrics",
            lambda x, y: [kernel_distance(x, y).value],
            their_kernel,
            turns,
            n <= BATCH,
        )
        for n, d, turns in ((1000, 768, 5), (10_000, 2048, 3), (50_000, 2048, 1))
    }
    | {
        f"MS-SSIM, {pairs} pairs of {side} pixels": Row(
            (pairs, 3, side, side),
            "pytorch-msssim",
            lambda x, y: multiscale_ssim(x, y).tolist(),
            their_similarity,
        )
        for pairs, side in ((64, 176), (64, 256))
    }
)


def seconds(work: Work, sets: tuple[Tensor, Tensor]) -> tuple[float, list[float]]:
    started = time.process_time()
    found = work(*sets)
    return time.process_time() - started, found


def peak(name: str, whose: str) -> float:
    """MiB beyond the vectors that a run in a process of its own needs."""
    row = ROWS[name]
    sets = row.sets()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    getattr(row, whose)(*sets)
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024


def compare(name: str, threads: int) -> str:
    """One row of the table."""
    row = ROWS[name]
    torch.set_num_threads(threads)
    sets = row.sets()
    taken: dict[str, list[float]] = {"ours": [], "theirs": []}
    values = {}
    for _ in range(row.turns):
        for whose, times in taken.items():
            spent, values[whose] = seconds(getattr(row, whose), sets)
            times.append(spent)
    apart = max(abs(x - y) / abs(y) for x, y in zip(values["ours"], values["theirs"], strict=True))
    ours, theirs = (statistics.median(times) for times in taken.values())
    agreement = f"{apart:.0e}" if row.same else "other blocks"
    return f"| {row.peer} | {threads} | {ours:.3g} | {theirs:.3g} | {theirs / ours:.1f} x | {agreement} |"


def alone(work: Callable[..., Any], *arguments: str | int) -> Any:
    """The result of some work in a fresh process, which may start processes as prdc does."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as executor:
        return executor.submit(work, *arguments).result()


def main() -> None:
    """Prints the table, row by row."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"of: {'; '.join(ROWS)}")
    parser.add_argument("--threads", type=int, nargs="+", default=sorted({1, torch.get_num_threads()}))
    options = parser.parse_args()
    print("| what | peak, MiB: ours, theirs | peer | threads | ours, s | theirs, s | faster | apart |")
    print(f"|{' --- |' * 8}")
    for name in options.rows or ROWS:
        os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")  # read when a process starts
        peaks = [alone(peak, name, whose) for whose in ("ours", "theirs")]
        for threads in options.threads:
            os.environ.update(OMP_NUM_THREADS=str(threads), OPENBLAS_NUM_THREADS=str(threads))
            print(f"| {name} | {peaks[0]:.0f}, {peaks[1]:.0f} {alone(compare, name, threads)}", flush=True)


warnings.filterwarnings("ignore", message="Metric `Kernel Inception Distance`")

if __name__ == "__main__":
    main()
