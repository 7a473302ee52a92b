"""Distributions, and the heads that make them out of a network's numbers."""

from latentia.distributions.bernoulli import Bernoulli
from latentia.distributions.dirac import Dirac
from latentia.distributions.distribution import Density, Distribution
from latentia.distributions.heads import (
    BernoulliPixels,
    LatentNormal,
    NormalPixels,
    PixelHead,
    StandardNormal,
    soft_bound,
)
from latentia.distributions.normal import DiscretisedNormal, Normal
from latentia.distributions.precision import in_double

__all__ = [
    "Bernoulli",
    "BernoulliPixels",
    "Density",
    "Dirac",
    "DiscretisedNormal",
    "Distribution",
    "LatentNormal",
    "Normal",
    "NormalPixels",
    "PixelHead",
    "StandardNormal",
    "in_double",
    "soft_bound",
]
