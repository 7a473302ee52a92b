"""Precision and recall, density and coverage: are samples realistic, and is everything covered?

Both pairs stand on balls around points, each reaching to the point's k-th nearest neighbour in its own
set. No matrix of all distances is ever held: distances are made and used in chunks of rows.

Squared distances come from products of float32 matrices, with a bound on their error. Only where rounding
could have changed an answer, which is rare, a distance is measured once more in float64.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Float64, Int64
from torch import Tensor

from latentia.metrics.estimate import Estimate, Unmeasurable

CHUNK = 512  # rows of distances held at a time
VALUES = 2**18  # feature values in float64 held at a time, where distances are measured once more
SPARE = 3  # candidates beyond the k-th neighbour, which spare most points a search in float64
UNIT = 2.0**-24  # relative error of one operation in float32
# And of the factors of a product of float32 matrices, by torch's setting for their precision.
FACTORS = {"highest": 2.0**-24, "high": 2.0**-11, "medium": 2.0**-8}


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

    precision: Estimate
    recall: Estimate
    density: Estimate
    coverage: Estimate


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

    Returns:
        Each with the error of a mean over the samples (precision, density) or over the real images (recall,
        coverage), as if the balls were given.

    Raises:
        ValueError: If a set has no more than k points, or a feature is not finite.

    Note:
        All four depend on the number of points and on the feature space: compare only within a table.

    Source:
        Precision and recall: Kynkäänniemi et al. 2019, arXiv:1904.06991, eq. 1 and 2. Density and
        coverage: Naeem et al. 2020, arXiv:2002.09797, eq. 4 and 5. A point on a ball's edge counts as
        inside in all four.

    Example:
        >>> points = torch.randn(50, 4, generator=torch.Generator().manual_seed(0))
        >>> far = measure_coverage(points, points + 100)
        >>> far.precision, far.density
        (Estimate(value=0.0, error=0.0), Estimate(value=0.0, error=0.0))
    """
    needed = max(manifold_neighbours, density_neighbours)
    if min(len(real), len(fake)) <= needed:
        raise Unmeasurable(
            f"{len(real)} real and {len(fake)} drawn images: each point needs {needed} neighbours of its "
            f"own set, so at least {needed + 1} images of each. Draw more; `nearest_neighbours` looks at "
            f"single images."
        )
    points, drawn = _Points(real, real), _Points(fake, real)
    if not (points.squares.isfinite().all() and drawn.squares.isfinite().all()):
        raise ValueError(
            "feature vectors that are not finite, or longer than 1e19: look at the images or the model that "
            "they come from, and leave such images out."
        )
    radii = _radii(points, needed)
    wide, dense = radii[:, manifold_neighbours - 1, None], radii[:, density_neighbours - 1, None]
    reach = _radii(drawn, manifold_neighbours)[None, :, -1]
    precise = torch.zeros(len(fake), dtype=torch.bool, device=fake.device)
    inside = torch.zeros(len(fake), device=fake.device)
    recalled, covered = [], []
    for tile in _tiles(points, drawn):
        precise |= tile.within(wide[tile.rows]).any(0)  # eq. 2, precision
        recalled.append(tile.within(reach).any(1))  # eq. 2, recall
        within = tile.within(dense[tile.rows])
        inside += within.sum(0)  # eq. 4
        covered.append(within.any(1))  # eq. 5
    return Coverage(
        precision=Estimate.of_mean(precise),
        recall=Estimate.of_mean(torch.cat(recalled)),
        density=Estimate.of_mean(inside.double() / density_neighbours),
        coverage=Estimate.of_mean(torch.cat(covered)),
    )


class _Points:
    """Vectors, and what the products need: in float32 and centred, so that rounding is small."""

    def __init__(self, values: Float[Tensor, "points features"], like: Float[Tensor, "_ features"]) -> None:
        self.values = values
        centred = values.double() - like.double().mean(0)
        self.squares = centred.square().sum(1).float()
        self.rounded = centred.float()


@dataclass(frozen=True, slots=True)
class _Tile:
    """Squared distances of some rows to all columns: rounded, with a bound on the error of each."""

    first: _Points
    second: _Points
    rows: slice
    rounded: Float[Tensor, "rows columns"]
    errors: Float[Tensor, "rows columns"]

    def within(self, limits: Float64[Tensor, "rows_or_one columns_or_one"]) -> Bool[Tensor, "rows columns"]:
        """Which squared distances are at most as large as a limit of the row or of the column."""
        difference = self.rounded - limits.float()
        inside = difference <= 0
        row, column = (difference.abs_() <= self.errors).nonzero(as_tuple=True)
        exact = _squared_distances(self.first.values, self.second.values, row + self.rows.start, column)
        inside[row, column] = exact <= limits.expand(inside.shape)[row, column]
        return inside


def _tiles(first: _Points, second: _Points) -> Iterator[_Tile]:
    # A sum of so many products, what is done to it, and both factors; in units of |x|^2 + |y|^2 >= 2 |x| |y|.
    bound = (first.values.shape[1] + 16) * UNIT + 4 * FACTORS[torch.get_float32_matmul_precision()]
    for start in range(0, len(first.values), CHUNK):
        rows = slice(start, start + CHUNK)
        sums = first.squares[rows, None] + second.squares
        rounded = torch.addmm(sums, first.rounded[rows], second.rounded.T, alpha=-2)
        yield _Tile(first, second, rows, rounded, sums.mul_(bound))


def _radii(points: _Points, neighbours: int) -> Float64[Tensor, "points neighbours"]:
    """Squared distances of each point to its 1st, 2nd ... k-th nearest other point."""
    count = len(points.values)
    found = []
    for tile in _tiles(points, points):
        here = torch.arange(count, device=tile.rounded.device)[tile.rows, None]
        lower = tile.rounded.sub_(tile.errors).scatter_(1, here, torch.inf)  # not itself
        candidates = lower.topk(min(neighbours + SPARE, count), dim=1, largest=False)
        exact = _squared_distances(
            points.values,
            points.values,
            here.expand_as(candidates.indices).flatten(),
            candidates.indices.flatten(),
        ).reshape(candidates.indices.shape)
        exact[candidates.indices == here] = torch.inf
        nearest = exact.topk(neighbours, dim=1, largest=False).values
        # Others are at least as far as the last candidate's lower bound. Where that is too near, search all.
        for row in (candidates.values[:, -1] < nearest[:, -1]).nonzero().flatten().tolist():
            others = torch.arange(count, device=here.device)
            distances = _squared_distances(points.values, points.values, here[row].expand(count), others)
            distances[here[row]] = torch.inf
            nearest[row] = distances.topk(neighbours, largest=False).values
        found.append(nearest)
    return torch.cat(found)


def _squared_distances(
    first: Float[Tensor, "first features"],
    second: Float[Tensor, "second features"],
    rows: Int64[Tensor, " pairs"],
    columns: Int64[Tensor, " pairs"],
) -> Float64[Tensor, " pairs"]:
    """Squared distances of pairs, from differences in float64."""
    pairs = max(1, VALUES // first.shape[1])
    parts = [
        (first[row].double() - second[column].double()).square().sum(1)
        for row, column in zip(rows.split(pairs), columns.split(pairs), strict=True)
    ]
    return torch.cat(parts)
