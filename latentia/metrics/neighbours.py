"""The nearest training images of samples: has the model learned, or has it copied?"""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor

SHORTLIST = 4  # nearest by the fast, inexact distance; the exact one chooses among them


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
        Pixel distance finds copies, and near copies that did not move. A shifted copy escapes it. What a
        distance means is seen beside that of held-out real images.

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


def _nearest_of_batch(queries: Tensor, references: Tensor) -> tuple[Tensor, Tensor]:
    """Exact distances and positions of the nearest of one batch, found by way of a fast short list."""
    # |q - r|^2 without |q|^2, which does not change the order.
    scores = references.square().sum(1) - 2 * queries @ references.T
    shortlist = scores.topk(min(SHORTLIST, len(references)), dim=1, largest=False).indices
    exact = torch.stack([(queries - references[column]).norm(dim=1) for column in shortlist.T], dim=1)
    distances, position = exact.min(dim=1)
    return distances, shortlist.gather(1, position[:, None]).squeeze(1)
