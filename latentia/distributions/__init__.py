"""Distributions, and the heads that make them out of a network's numbers."""

from latentia.distributions.bernoulli import Bernoulli
from latentia.distributions.categorical import Categorical
from latentia.distributions.coded import CodedNormal, CodedPrior, Codes
from latentia.distributions.codes import AutoregressiveCodes, Certain, Codebook
from latentia.distributions.dirac import Dirac
from latentia.distributions.distribution import (
    BatchMean,
    Density,
    Distribution,
    LevelTables,
    mean_over_first,
)
from latentia.distributions.flows import (
    AutoregressiveFlow,
    FlowPrior,
    InverseAutoregressive,
    LatentFlow,
    MaskedAutoregressive,
)
from latentia.distributions.latents import LatentNormal, LatentPoint, LatentPrior, StandardNormal
from latentia.distributions.level_pixels import CategoricalPixels, LogisticMixturePixels
from latentia.distributions.logistic import LogisticMixture
from latentia.distributions.mixtures import Mixture, MixturePrior, NormalMixtures, VampPrior
from latentia.distributions.normal import DiscretisedNormal, Normal
from latentia.distributions.pixels import BernoulliPixels, NormalPixels, PixelHead, Variance
from latentia.distributions.precision import at_least_single, in_double
from latentia.distributions.rectified import RectifiedFlow, RectifiedFlowPrior, Solver, integrate
from latentia.distributions.refitted import RefittedNormal
from latentia.distributions.running import FullNormal, RunningNormal
from latentia.distributions.soft_bound import soft_bound
from latentia.networks import Remembers

__all__ = [
    "AutoregressiveCodes",
    "AutoregressiveFlow",
    "BatchMean",
    "Bernoulli",
    "BernoulliPixels",
    "Categorical",
    "CategoricalPixels",
    "Certain",
    "Codebook",
    "CodedNormal",
    "CodedPrior",
    "Codes",
    "Density",
    "Dirac",
    "DiscretisedNormal",
    "Distribution",
    "FlowPrior",
    "FullNormal",
    "InverseAutoregressive",
    "LatentFlow",
    "LatentNormal",
    "LatentPoint",
    "LatentPrior",
    "LevelTables",
    "LogisticMixture",
    "LogisticMixturePixels",
    "MaskedAutoregressive",
    "Mixture",
    "MixturePrior",
    "Normal",
    "NormalMixtures",
    "NormalPixels",
    "PixelHead",
    "RectifiedFlow",
    "RectifiedFlowPrior",
    "RefittedNormal",
    "Remembers",
    "RunningNormal",
    "Solver",
    "StandardNormal",
    "VampPrior",
    "Variance",
    "at_least_single",
    "in_double",
    "integrate",
    "mean_over_first",
    "soft_bound",
]
