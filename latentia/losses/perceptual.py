"""How differently two images look to a network."""

from collections.abc import Sequence

import torch
from torch import Tensor

from latentia._types import PerImage


def perceptual_distance(first: Sequence[Tensor], second: Sequence[Tensor]) -> PerImage:
    """The distance of what several levels of a network make of two images.

        sum over levels l of mean over places of |f_l - g_l|^2,   f, g of unit length over channels

    Every level counts alike, whatever the size of its activations.

    Args:
        first: f, one tensor a level, (batch, channels, rows, columns).
        second: g, of the same shapes.

    Returns:
        From 0, for equal features, to 4 times the number of levels.

    Source:
        Zhang et al. 2018 (arXiv:1801.03924), eq. 1, with weights of 1.

    Example:
        >>> here, there = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 2.0]])
        >>> float(perceptual_distance([here[..., None, None]], [there[..., None, None]]).round(decimals=3))
        2.0
    """
    distances = [
        (_directions(one) - _directions(other)).square().sum(1).flatten(1).mean(1)
        for one, other in zip(first, second, strict=True)
    ]
    return torch.stack(distances).sum(0)


def _directions(features: Tensor) -> Tensor:
    # A floor under the length, or the slope where nothing is active would be without bound.
    return features / (features.square().sum(1, keepdim=True) + 1e-4).sqrt()
