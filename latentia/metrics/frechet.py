"""The Fréchet distance between two sets of feature vectors, each taken for a Gaussian."""

import warnings

import torch
from jaxtyping import Float
from torch import Tensor


def frechet_distance(real: Float[Tensor, "real features"], fake: Float[Tensor, "fake features"]) -> float:
    """Squared 2-Wasserstein distance between the Gaussians with the sets' means and covariances.

    d = |m_1 - m_2|^2 + tr(S_1) + tr(S_2) - 2 tr((S_1^1/2 S_2 S_1^1/2)^1/2)

    Args:
        real: Feature vectors of real images, at least 2.
        fake: Feature vectors of samples, at least 2.

    Returns:
        The distance, in the features' unit squared, 0 or more.

    Raises:
        ValueError: If a set has fewer than 2 vectors.

    Note:
        Computed in float64 from the eigenvalues of a symmetric matrix, so that rank-deficient covariances
        need no small constant on the diagonal and no result is complex. With no more vectors than
        dimensions a covariance is singular and the distance is much too large: a warning says so.

    Source:
        Dowson & Landau 1982; Heusel et al. 2017, arXiv:1706.08500, eq. 6. In Inception features it is
        the FID; in any other it is not, and must not be called so.

    Example:
        >>> points = torch.randn(100, 2, generator=torch.Generator().manual_seed(0))
        >>> round(frechet_distance(points, points + torch.tensor([3.0, 4.0])), 4)
        25.0
    """
    smaller, dimensions = min(len(real), len(fake)), real.shape[1]
    if smaller < 2:
        raise ValueError(f"a covariance needs at least 2 vectors, got {len(real)} and {len(fake)}.")
    if smaller <= dimensions:
        warnings.warn(
            f"{smaller} vectors in {dimensions} dimensions make a singular covariance, and the Fréchet "
            f"distance too large: use more than {dimensions} images, better ten times as many.",
            stacklevel=2,
        )
    real_mean, real_covariance = _moments(real)
    fake_mean, fake_covariance = _moments(fake)
    values, vectors = torch.linalg.eigh(real_covariance)
    root = (vectors * values.clamp_min(0).sqrt()) @ vectors.T
    overlap = torch.linalg.eigvalsh(root @ fake_covariance @ root).clamp_min(0).sqrt().sum()
    spread = real_covariance.trace() + fake_covariance.trace() - 2 * overlap
    return max(0.0, ((real_mean - fake_mean).square().sum() + spread).item())


def _moments(points: Float[Tensor, "points features"]) -> tuple[Tensor, Tensor]:
    return points.double().mean(0), points.double().T.cov()
