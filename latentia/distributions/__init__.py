"""Distributions, and the heads that make them out of a network's numbers."""

from latentia.distributions.bernoulli import Bernoulli
from latentia.distributions.dirac import Dirac
from latentia.distributions.distribution import Density, Distribution
from latentia.distributions.latents import LatentNormal, LatentPrior, StandardNormal
from latentia.distributions.normal import DiscretisedNormal, Normal
from latentia.distributions.pixels import BernoulliPixels, NormalPixels, PixelHead
from latentia.distributions.precision import in_double
from latentia.distributions.soft_bound import soft_bound

__all__ = [
    "Bernoulli",
    "BernoulliPixels",
    "Density",
    "Dirac",
    "DiscretisedNormal",
    "Distribution",
    "LatentNormal",
    "LatentPrior",
    "Normal",
    "NormalPixels",
    "PixelHead",
    "StandardNormal",
    "in_double",
    "soft_bound",
]
