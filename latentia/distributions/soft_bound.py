"""Bounds with a gradient on both sides."""

import math

from torch import Tensor
from torch.nn import functional


def soft_bound(value: Tensor, low: float, high: float) -> Tensor:
    """Brings numbers smoothly between two bounds; far from both they hardly change.

    A hard clamp has no gradient outside, and what strays there never returns.
    """
    value = high - functional.softplus(high - value)
    top = math.log1p(math.exp(high - low))  # what softplus makes of the upper bound
    return low + functional.softplus(value - low) * ((high - low) / top)
