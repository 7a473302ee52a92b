"""Large images in overlapping tiles, whose seams fade into each other."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from latentia._types import Measured

Made = Float[Tensor, "made batch channels height width"]


def in_tiles(measured: Measured, tile: int, work: Callable[[Measured], Tensor], *, step: int = 1) -> Tensor:
    """What is made of an image in tiles of one size, each with a weight that falls towards its edges.

    Args:
        measured: The image, of any size, at least a tile each way; what is smaller is one tile.
        tile: Side of a tile, in pixels, a multiple of `step`.
        work: From a tile to one or more images of its size, the last two dimensions of which are its own.
        step: Tiles begin at multiples of it, so that blocks of pixels stay whole.

    Returns:
        What `work` returns, of the size of the image.

    Note:
        Tiles overlap by a quarter or more. Where two answers that differ overlap, their mean is shown.

    Example:
        >>> image = torch.rand(1, 2, 20, 31)
        >>> torch.allclose(in_tiles(image, 16, lambda part: part[:, :1]), image[:, :1], atol=1e-6)
        True
    """
    height, width = measured.shape[2:]
    if height <= tile and width <= tile:
        return work(measured)
    total: Tensor | None = None
    weights = torch.zeros(height, width, device=measured.device)
    for top in _starts(height, tile, step):
        for left in _starts(width, tile, step):
            part = measured[:, :, top : top + tile, left : left + tile]
            made = work(part)
            weight = (_ramp(part.shape[2])[:, None] * _ramp(part.shape[3])).to(made)
            if total is None:
                total = made.new_zeros(*made.shape[:-2], height, width)
            rows, columns = slice(top, top + tile), slice(left, left + tile)
            total[..., rows, columns] += made * weight
            weights[rows, columns] += weight
    assert total is not None
    return total / weights


def _starts(side: int, tile: int, step: int) -> list[int]:
    """Where tiles begin, the last one so that it ends with the image."""
    if side <= tile:
        return [0]
    stride = max(step, tile * 3 // 4 // step * step)
    last = side - tile
    return [*range(0, last, stride), last]


def _ramp(size: int) -> Float[Tensor, " size"]:
    """Weights that rise from an edge over a quarter, and fall to the other."""
    places = torch.arange(size) + 0.5
    return (torch.minimum(places, size - places) / max(1, size // 4)).clamp(max=1.0)
