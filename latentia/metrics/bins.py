"""The number of statistically different bins: which kinds of images come too often, or too seldom?"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from sklearn.cluster import KMeans
from torch import Tensor

from latentia.metrics.estimate import Estimate, Unmeasurable

EXPECTED = 10  # vectors a bin, below which the test of two proportions is not to be trusted
FEWEST = 10  # bins
GROUPS = 10  # of the jackknife
CRITICAL = 1.96  # of a two-sided test at 5 %


@dataclass(frozen=True, slots=True)
class DifferentBins:
    """How differently two sets fill the same bins.

    Attributes:
        share: Share of bins whose fill differs at the level of 5 %: about 0.05 for real images.
        divergence: Jensen-Shannon divergence of the two histograms, in nats: at most log 2, and above 0
            also between two sets of real images.
        num_bins: Bins that were made.
    """

    share: Estimate
    divergence: Estimate
    num_bins: int


def different_bins(
    train: Float[Tensor, "train features"],
    fake: Float[Tensor, "fake features"],
    *,
    num_bins: int = 100,
    seed: int = 0,
) -> DifferentBins:
    """Compare how often samples and real images fall into the clusters of the real ones.

    Args:
        train: Feature vectors of real images, which make the bins.
        fake: Feature vectors of samples.
        num_bins: Bins at most; fewer where a bin would hold less than 10 of a set on average.
        seed: Seed of the clustering.

    Raises:
        ValueError: If a set has fewer than 100 vectors, which do not fill 10 bins; `kernel_distance`
            means something from a few dozen on.

    Note:
        Insensitive to what changes images within a bin, such as noise. More samples make smaller
        differences significant: compare at equal numbers, beside real images.

    Source:
        Richardson & Weiss 2018, arXiv:1805.12462, section 3 (NDB/K), on features instead of pixels, where
        pixels are not handed in.

    Example:
        >>> import torch
        >>> points = torch.randn(1000, 2, generator=torch.Generator().manual_seed(0))
        >>> different_bins(points, points, num_bins=20).share.value
        0.0
    """
    possible = min(len(train), len(fake)) // EXPECTED
    if possible < FEWEST:
        raise Unmeasurable(
            f"{len(train)} real and {len(fake)} drawn images: {FEWEST} bins with {EXPECTED} images each are "
            f"the least, so at least {FEWEST * EXPECTED} of each. Draw more, or ask for the kernel distance."
        )
    num_bins = min(num_bins, possible)
    clusters = KMeans(num_bins, n_init=1, random_state=seed).fit(train.cpu().float().numpy())
    expected = np.bincount(clusters.labels_, minlength=num_bins)
    places = clusters.predict(fake.cpu().float().numpy())
    groups = np.stack([np.bincount(places[group::GROUPS], minlength=num_bins) for group in range(GROUPS)])
    filled = groups.sum(0)
    without = filled - groups
    return DifferentBins(
        share=Estimate.jackknife(_share(expected, filled), [_share(expected, row) for row in without]),
        divergence=Estimate.jackknife(
            _divergence(expected, filled), [_divergence(expected, row) for row in without]
        ),
        num_bins=num_bins,
    )


def _share(first: np.ndarray, second: np.ndarray) -> float:
    """Share of bins whose proportions differ, by the z-test of two proportions."""
    pooled = (first + second) / (first.sum() + second.sum())
    error = np.sqrt(pooled * (1 - pooled) * (1 / first.sum() + 1 / second.sum()))
    z = np.abs(first / first.sum() - second / second.sum()) / error.clip(1e-12)
    return float((z > CRITICAL).mean())


def _divergence(first: np.ndarray, second: np.ndarray) -> float:
    p, q = first / first.sum(), second / second.sum()
    return (_relative_entropy(p, (p + q) / 2) + _relative_entropy(q, (p + q) / 2)) / 2


def _relative_entropy(p: np.ndarray, q: np.ndarray) -> float:
    held = p > 0
    return float((p[held] * np.log(p[held] / q[held])).sum())
