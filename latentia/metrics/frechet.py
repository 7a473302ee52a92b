"""The Fréchet distance between two sets of feature vectors, each taken for a Gaussian."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import torch
from jaxtyping import Float
from torch import Tensor

from latentia.metrics.estimate import Estimate, Unmeasurable
from latentia.metrics.gram import gram

CHUNK = 1024  # vectors in float64 at a time
NEGLIGIBLE = 1e-12  # of the largest eigenvalue: what rounding makes of directions without any spread


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """Count, mean and covariance of vectors that need not be in memory at once, in float64.

    Attributes:
        count: How many vectors.
        mean: Their mean.
        scatter: Sum over vectors of (x - mean)(x - mean)^T.

    Source:
        Chan, Golub & LeVeque 1979, "Updating formulae and a pairwise algorithm for computing sample
        variances".

    Example:
        >>> batches = torch.randn(6, 2, generator=torch.Generator().manual_seed(0)).split(2)
        >>> moments = Moments.of(batches[0])
        >>> for batch in batches[1:]:
        ...     moments = moments.merge(Moments.of(batch))
        >>> moments.count, torch.allclose(moments.covariance, torch.cat(batches).double().T.cov())
        (6, True)
    """

    count: int
    mean: Float[Tensor, " features"]
    scatter: Float[Tensor, "features features"]

    @staticmethod
    def of(points: Float[Tensor, "points features"]) -> "Moments":
        """The moments of some vectors, at least one; beyond the result, memory for 1,024 of them."""
        return reduce(Moments.merge, map(_of_chunk, points.split(CHUNK)))

    def merge(self, other: "Moments") -> "Moments":
        """The moments of both sets together."""
        count, apart = self.count + other.count, other.mean - self.mean
        scatter = torch.addr(
            self.scatter + other.scatter, apart, apart, alpha=self.count * other.count / count
        )
        return Moments(count, self.mean + apart * (other.count / count), scatter)

    @property
    def covariance(self) -> Float[Tensor, "features features"]:
        """The unbiased covariance."""
        return self.scatter / (self.count - 1)


def frechet_distance(
    real: Float[Tensor, "real features"] | Moments,
    fake: Float[Tensor, "fake features"] | Sequence[Moments],
    *,
    groups: int = 10,
) -> Estimate:
    """Squared 2-Wasserstein distance between the Gaussians with the sets' means and covariances.

    d = |m_1 - m_2|^2 + tr(S_1) + tr(S_2) - 2 tr((S_1^1/2 S_2 S_1^1/2)^1/2)

    Args:
        real: Feature vectors of real images, more than their dimensions; or their moments.
        fake: Feature vectors of samples, as many at least; or the moments of groups of them, such as of
            the batches in which they were drawn, which tell the error.
        groups: Groups that the samples are divided into for the error, at least 2.

    Returns:
        The distance, in the features' unit squared, 0 or more; its error over draws of the samples.

    Raises:
        ValueError: If a set has no more vectors than dimensions, or there are fewer than 2 groups.

    Note:
        It is biased upwards by an amount that falls with the number of images: compare at equal numbers,
        and ask for twice as many as dimensions at least. Eigenvalues are those of a symmetric matrix in
        float64, so that covariances without spread in some direction need no constant on the diagonal and
        no result is complex. The jackknife leaves each group out to first order, with the derivative by
        the moments of the samples: one eigendecomposition instead of one a group.

    Source:
        Dowson & Landau 1982; Heusel et al. 2017, arXiv:1706.08500, eq. 6. In Inception features it is
        the FID; in any other it is not, and must not be called so. The derivative: Bhatia, Jain & Lim
        2019, arXiv:1712.01504.

    Example:
        >>> points = torch.randn(100, 2, generator=torch.Generator().manual_seed(0))
        >>> round(frechet_distance(points, points + torch.tensor([3.0, 4.0])).value, 4)
        25.0
    """
    if isinstance(fake, Tensor):
        _refuse_few(len(fake), fake.shape[1])
        fake = [Moments.of(fake[group::groups]) for group in range(groups)]
    if len(fake) < 2:
        raise ValueError(
            f"moments of {len(fake)} group: the error needs 2 groups of samples at least, better 10."
        )
    first = real if isinstance(real, Moments) else Moments.of(real)
    second = reduce(Moments.merge, fake)
    _refuse_few(min(first.count, second.count), len(first.mean))
    value, by_mean, by_covariance = _distance_and_derivative(first, second)
    changes = []
    for part in fake:
        left = second.count - part.count
        shift = (second.mean - part.mean) * (part.count / left)  # of the mean, when the group is left out
        away = part.mean - second.mean
        scatter = (by_covariance * part.scatter).sum() + part.count * (away @ by_covariance @ away)
        change = ((by_covariance * second.scatter).sum() - scatter) / (left - 1) - (
            shift @ by_covariance @ shift
        )
        changes.append((by_mean @ shift + change).item())
    return Estimate.jackknife(value, changes)


def _distance_and_derivative(first: Moments, second: Moments) -> tuple[float, Tensor, Tensor]:
    """The distance, and its derivatives by the second set's mean and covariance."""
    real, fake, apart = first.covariance, second.covariance, second.mean - first.mean
    root = _root(real)
    values, vectors = torch.linalg.eigh(root.T @ fake @ root)
    overlap = values.clamp_min(0).sqrt().sum()
    distance = apart.square().sum() + real.trace() + fake.trace() - 2 * overlap
    spread = values > NEGLIGIBLE * values[-1]
    # I - T, where T moves the second Gaussian onto the first: T = R (R^T S_2 R)^-1/2 R^T, S_1 = R R^T
    quarter = (root @ vectors[:, spread]) * values[spread] ** -0.25
    derivative = torch.eye(len(root), dtype=root.dtype, device=root.device) - gram(quarter)
    return max(0.0, distance.item()), 2 * apart, derivative


def _root(covariance: Tensor) -> Tensor:
    """A matrix R with R R^T the covariance: by Cholesky, or by eigenvalues where it is singular."""
    factor, failed = torch.linalg.cholesky_ex(covariance)
    if not failed:
        return factor
    values, vectors = torch.linalg.eigh(covariance)
    return vectors * values.clamp_min(0).sqrt()


def _of_chunk(points: Float[Tensor, "points features"]) -> Moments:
    mean = points.mean(0, dtype=torch.float64)
    return Moments(len(points), mean, gram((points - mean).T))


def _refuse_few(count: int, dimensions: int) -> None:
    if count <= dimensions:
        raise Unmeasurable(
            f"{count} vectors in {dimensions} dimensions make a singular covariance, and the Fréchet "
            f"distance much too large: hand in more than {dimensions} of each set, better ten times as "
            f"many; or measure `kernel_distance`, which is unbiased with few."
        )
