"""The nearest images of samples among references, where they lie or moved a little."""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torch.nn import functional

from latentia._types import Images

SHORTLIST = 4  # nearest by the fast, inexact distance; the exact one chooses among them
SPARE = 8  # the same for moved images, beyond the number of neighbours asked for
COARSE = 24  # least side in pixels at which moved images are compared first
WORK = 2**25  # distances held at a time


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The nearest reference image of each query.

    Attributes:
        indices: Positions among the references.
        distances: Root-mean-square difference of pixel values in [-1, 1]: 0 for a copy, 2 at most.
    """

    indices: Int64[Tensor, " queries"]
    distances: Float[Tensor, " queries"]


def nearest_neighbours(
    queries: Float[Tensor, "queries channels height width"],
    references: Iterable[Float[Tensor, "_some channels height width"]],
) -> Neighbours:
    """For each query the nearest reference image, by Euclidean distance of pixels.

    Args:
        queries: Images to look up, such as samples of a model.
        references: Batches of images to search, such as a training set; read once, one batch in memory.

    Raises:
        ValueError: If there are no references.

    Note:
        Pixel distance finds copies, and near copies that did not move; `moved_neighbours` finds those that
        did. What a distance means is seen beside that of held-out real images.

    Example:
        >>> images = torch.rand(20, 1, 4, 4, generator=torch.Generator().manual_seed(0))
        >>> nearest_neighbours(images[5:8], images.split(6)).indices
        tensor([5, 6, 7])
    """
    flat = queries.flatten(1)
    best = torch.full((len(flat),), float("inf"), device=flat.device)
    indices = torch.full((len(flat),), -1, dtype=torch.int64, device=flat.device)
    offset = 0
    for batch in references:
        distances, found = _nearest_of_batch(flat, batch.flatten(1).to(flat))
        closer = distances < best
        best = torch.where(closer, distances, best)
        indices = torch.where(closer, found + offset, indices)
        offset += len(batch)
    if not offset:
        raise ValueError("there are no reference images to search: hand in at least one batch.")
    return Neighbours(indices, best / flat.shape[1] ** 0.5)


@dataclass(frozen=True, slots=True)
class MovedNeighbours:
    """The nearest reference images of each query, nearest first.

    Attributes:
        indices: Positions among the references.
        distances: Root-mean-square difference of the pixel values that are compared.
    """

    indices: Int64[Tensor, "queries neighbours"]
    distances: Float[Tensor, "queries neighbours"]


def moved_neighbours(
    queries: Float[Tensor, "queries channels height width"],
    references: Float[Tensor, "references channels height width"],
    *,
    num_neighbours: int = 1,
    flips: bool = True,
    max_shift: int = 1,
) -> MovedNeighbours:
    """For each query the nearest reference images, however the query is flipped and shifted a little.

    The middle of a reference is compared with every window of its size in the query and in its mirror
    image; the least distance counts.

    Args:
        queries: Images to look up, such as samples of a model.
        references: Images to search.
        num_neighbours: Neighbours of each query; fewer where there are fewer references.
        flips: Whether left and right may be exchanged.
        max_shift: Pixels that an image may have moved each way, below half its side.

    Raises:
        ValueError: If there are no references, or shifts leave nothing of the images.

    Note:
        Candidates are found by a lower bound of the distance: that of local means, and of the lengths of
        what the means miss. Below a side of 48 pixels, shifts off, it is the distance itself. Above, the
        nearest of 3,000 faces of 64 pixels was found for all of 60, sharp, blurred and with noise, where ten
        neighbours were asked for; the tenth itself is at times the eleventh or so.

    Example:
        >>> images = torch.rand(20, 1, 8, 8, generator=torch.Generator().manual_seed(0))
        >>> moved = images[5:8].flip(3).roll(1, dims=2)
        >>> moved_neighbours(moved, images).indices.flatten()
        tensor([5, 6, 7])
    """
    height, width = queries.shape[2] - 2 * max_shift, queries.shape[3] - 2 * max_shift
    if not len(references) or min(height, width) < 1:
        raise ValueError(
            f"there are no reference images to search, or {max_shift} pixels of shift leave nothing of "
            f"{queries.shape[2]} x {queries.shape[3]}: hand in images, or shift less."
        )
    middles = references[:, :, max_shift : max_shift + height, max_shift : max_shift + width].contiguous()
    coarse = _coarse(middles)
    candidates = min(num_neighbours + SPARE, len(references))
    num_views = (1 + flips) * (2 * max_shift + 1) ** 2
    indices, distances = [], []
    for some in queries.split(max(1, WORK // (num_views * len(references)))):
        views = _views(some, height, width, flips)
        bounds = torch.cdist(_coarse(views.flatten(0, 1)), coarse).view(len(some), num_views, -1).amin(1)
        listed = bounds.topk(min(candidates, bounds.shape[1]), largest=False).indices
        # Exact differences: the product form is wrong for near neighbours, the ones that count.
        exact = torch.stack([_least(view, middles[row]) for view, row in zip(views, listed, strict=True)])
        ordered, places = exact.sort(dim=1, stable=True)
        indices.append(listed.gather(1, places)[:, :num_neighbours])
        distances.append(ordered[:, :num_neighbours])
    return MovedNeighbours(torch.cat(indices), torch.cat(distances) / middles[0].numel() ** 0.5)


def _nearest_of_batch(queries: Tensor, references: Tensor) -> tuple[Tensor, Tensor]:
    """Exact distances and positions of the nearest of one batch, found by way of a fast short list."""
    # |q - r|^2 without |q|^2, which does not change the order.
    scores = references.square().sum(1) - 2 * queries @ references.T
    shortlist = scores.topk(min(SHORTLIST, len(references)), dim=1, largest=False).indices
    exact = torch.stack([(queries - references[column]).norm(dim=1) for column in shortlist.T], dim=1)
    distances, position = exact.min(dim=1)
    return distances, shortlist.gather(1, position[:, None]).squeeze(1)


def _views(
    images: Images, height: int, width: int, flips: bool
) -> Float[Tensor, "batch views channels _height _width"]:
    """All windows of a size in each image, and in its mirror image."""
    both = torch.stack([images, images.flip(3)] if flips else [images], dim=1)
    windows = both.unfold(3, height, 1).unfold(4, width, 1)  # image, flip, channel, top, left, then pixels
    return windows.permute(0, 1, 3, 4, 2, 5, 6).flatten(1, 3)


def _coarse(images: Images) -> Float[Tensor, "batch values"]:
    """Vectors whose distances are at most those of the images: local means, and how much these miss.

    With the local means m (scaled to the length of what they stand for) and the remainder r, which is
    orthogonal to them, |x - y|^2 = |m_x - m_y|^2 + |r_x - r_y|^2, and |r_x - r_y| >= ||r_x| - |r_y||.
    """
    factor = max(1, min(images.shape[-2:]) // COARSE)
    means = functional.avg_pool2d(images, factor).flatten(1) * factor
    missed = images.flatten(1).square().sum(1) - means.square().sum(1)
    return torch.cat([means, missed.clamp_min(0).sqrt()[:, None]], dim=1)


def _least(views: Tensor, candidates: Tensor) -> Float[Tensor, " candidates"]:
    """The distance of each candidate to the nearest view."""
    exact = "donot_use_mm_for_euclid_dist"
    return torch.cdist(views.flatten(1), candidates.flatten(1), compute_mode=exact).amin(0)
