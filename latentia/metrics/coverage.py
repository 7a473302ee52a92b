"""Precision and recall, density and coverage: are samples realistic, and is everything covered?

Both pairs stand on balls around points, each reaching to the point's k-th nearest neighbour in its own
set. No matrix of all distances is ever held: distances are made and used in chunks of rows.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

Points = Float[Tensor, "points features"]
CHUNK = 512  # rows of distances held at a time


@dataclass(frozen=True, slots=True)
class Coverage:
    """How the samples and the real images cover each other.

    Attributes:
        precision: Share of samples inside a real image's ball: realism, 0 to 1.
        recall: Share of real images inside a sample's ball: variety, 0 to 1.
        density: Mean number of real balls that a sample lies in, over k: about 1 for real images, and
            above it where samples crowd the densest regions.
        coverage: Share of real images whose ball holds a sample, 0 to 1.
    """

    precision: float
    recall: float
    density: float
    coverage: float


def measure_coverage(
    real: Float[Tensor, "real features"],
    fake: Float[Tensor, "fake features"],
    *,
    manifold_neighbours: int = 3,
    density_neighbours: int = 5,
) -> Coverage:
    """Improved precision and recall, and density and coverage, of samples in a feature space.

    Args:
        real: Feature vectors of real images.
        fake: Feature vectors of samples; as many, where numbers are to be compared.
        manifold_neighbours: k of precision and recall, 3 as published.
        density_neighbours: k of density and coverage, 5 as published.

    Raises:
        ValueError: If a set has no more than k points.

    Note:
        All four depend on the number of points and on the feature space: compare only within a table.

    Source:
        Precision and recall: Kynkäänniemi et al. 2019, arXiv:1904.06991, eq. 1 and 2. Density and
        coverage: Naeem et al. 2020, arXiv:2002.09797, eq. 4 and 5. A point on a ball's edge counts as
        inside in all four.

    Example:
        >>> points = torch.randn(50, 4, generator=torch.Generator().manual_seed(0))
        >>> measure_coverage(points, points + 100)
        Coverage(precision=0.0, recall=0.0, density=0.0, coverage=0.0)
    """
    needed = max(manifold_neighbours, density_neighbours)
    if min(len(real), len(fake)) <= needed:
        raise ValueError(
            f"{len(real)} real and {len(fake)} drawn images: each point needs {needed} neighbours of its "
            f"own set, so at least {needed + 1} images of each. Draw more."
        )
    real_radii = _radii(real, sorted({manifold_neighbours, density_neighbours}))
    fake_radius = _radii(fake, [manifold_neighbours])[manifold_neighbours]
    real_manifold, real_dense = real_radii[manifold_neighbours], real_radii[density_neighbours]
    precise = torch.zeros(len(fake), dtype=torch.bool, device=real.device)
    recalled, covered, inside = [], [], 0
    for rows, distances in _chunks(real, fake):
        precise |= (distances <= real_manifold[rows, None]).any(0)  # eq. 2, precision
        recalled.append((distances <= fake_radius).any(1))  # eq. 2, recall
        within = distances <= real_dense[rows, None]
        inside += int(within.sum())  # eq. 4
        covered.append(within.any(1))  # eq. 5
    return Coverage(
        precision=_share(precise),
        recall=_share(torch.cat(recalled)),
        density=inside / (density_neighbours * len(fake)),
        coverage=_share(torch.cat(covered)),
    )


def _radii(points: Points, neighbours: list[int]) -> dict[int, Float[Tensor, " points"]]:
    """Distances of each point to its k-th nearest other point, for several k."""
    nearest = []
    for rows, distances in _chunks(points, points):
        distances[torch.arange(len(distances)), torch.arange(len(points))[rows]] = float("inf")  # itself
        nearest.append(distances.topk(max(neighbours), dim=1, largest=False).values)
    ordered = torch.cat(nearest)
    return {k: ordered[:, k - 1] for k in neighbours}


def _chunks(rows: Tensor, columns: Tensor) -> Iterator[tuple[slice, Tensor]]:
    """Euclidean distances, some rows at a time."""
    for start in range(0, len(rows), CHUNK):
        chosen = slice(start, start + CHUNK)
        # Exact differences: the faster product form is wrong for near neighbours, the ones that count.
        yield chosen, torch.cdist(rows[chosen], columns, compute_mode="donot_use_mm_for_euclid_dist")


def _share(flags: Tensor) -> float:
    return flags.double().mean().item()
