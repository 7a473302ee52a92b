"""Stored levels of images: equally spaced values from -1 to 1, numbered from 0."""

import torch
from torch import Tensor

INFINITE = 1e30  # further than any cell reaches; unlike inf, it has a gradient, which is 0


def level_width(levels: int) -> float:
    """Distance between two levels."""
    return 2 / (levels - 1)


def nearest_level(value: Tensor, levels: int) -> Tensor:
    """The number of the level that is nearest, as a float; beyond an end, that of the end.

    Example:
        >>> nearest_level(torch.tensor([-1.0, 0.1, 7.0]), 3)
        tensor([0., 1., 2.])
    """
    return ((value + 1) / level_width(levels)).round().clamp(0, levels - 1)


def value_of_level(level: Tensor, levels: int) -> Tensor:
    """Where a level lies on [-1, 1]."""
    return level * level_width(levels) - 1


def all_levels(levels: int, like: Tensor) -> Tensor:
    """Where all levels lie on [-1, 1], on the device and in the precision of another tensor."""
    return value_of_level(torch.arange(levels, device=like.device, dtype=like.dtype), levels)


def cell_around(value: Tensor, levels: int) -> tuple[Tensor, Tensor]:
    """Both ends of the cell around a level: half a level to each side, and on to infinity at the two ends.

    The number of a level is exact, whatever rounding the value went through; so the cells of neighbours
    meet, and masses of all levels sum to 1.
    """
    level = nearest_level(value, levels)
    lower = torch.where(level <= 0, -INFINITE, value_of_level(level - 0.5, levels))
    upper = torch.where(level >= levels - 1, INFINITE, value_of_level(level + 0.5, levels))
    return lower, upper
