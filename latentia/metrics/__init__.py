"""Metrics: likelihood of explicit models, and sample quality, coverage and memorisation of all.

Every metric is a function of images or feature vectors with a seed; none needs a download.
"""

from latentia.metrics.coverage import Coverage, measure_coverage
from latentia.metrics.diagnosis import Finding, diagnose
from latentia.metrics.estimate import Estimate
from latentia.metrics.features import FeatureSpace, PixelFeatures, RandomFeatures
from latentia.metrics.frechet import frechet_distance
from latentia.metrics.latent_use import LatentUse, measure_latent_use
from latentia.metrics.likelihood import Likelihood, evaluate_likelihood
from latentia.metrics.neighbours import Neighbours, nearest_neighbours
from latentia.metrics.sliced import (
    SlicedWasserstein,
    sliced_wasserstein,
    sliced_wasserstein_of_vectors,
)

__all__ = [
    "Coverage",
    "Estimate",
    "FeatureSpace",
    "Finding",
    "LatentUse",
    "Likelihood",
    "Neighbours",
    "PixelFeatures",
    "RandomFeatures",
    "SlicedWasserstein",
    "diagnose",
    "evaluate_likelihood",
    "frechet_distance",
    "measure_coverage",
    "measure_latent_use",
    "nearest_neighbours",
    "sliced_wasserstein",
    "sliced_wasserstein_of_vectors",
]
