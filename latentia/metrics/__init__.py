"""Metrics: likelihood of explicit models, and sample quality, coverage and memorisation of all.

Every metric is a function of images or feature vectors with a seed; none needs a download.
"""

from latentia.metrics.bins import DifferentBins, different_bins
from latentia.metrics.coverage import Coverage, measure_coverage
from latentia.metrics.diagnosis import Finding, diagnose
from latentia.metrics.domain import DomainFeatures
from latentia.metrics.estimate import Estimate, Unmeasurable
from latentia.metrics.feature_cache import cached_features
from latentia.metrics.features import FeatureSpace, PixelFeatures, RandomFeatures
from latentia.metrics.frechet import Moments, frechet_distance
from latentia.metrics.kernel import kernel_distance
from latentia.metrics.latent_use import LatentUse, measure_latent_use
from latentia.metrics.likelihood import Likelihood, evaluate_likelihood
from latentia.metrics.memorisation import Memorisation, measure_memorisation
from latentia.metrics.neighbours import (
    MovedNeighbours,
    Neighbours,
    moved_neighbours,
    nearest_neighbours,
)
from latentia.metrics.published import DinoFeatures, InceptionFeatures
from latentia.metrics.recognition import classification_accuracy_score, recognition_score
from latentia.metrics.sliced import (
    SlicedWasserstein,
    sliced_wasserstein,
    sliced_wasserstein_of_vectors,
)
from latentia.metrics.spaces import feature_space
from latentia.metrics.spectrum import radial_spectrum, sharpness, spectrum_slope
from latentia.metrics.stability import Course, Stability, follow, measure_stability
from latentia.metrics.structure import diversity, multiscale_ssim
from latentia.metrics.two_sample import TwoSample, classifier_two_sample
from latentia.metrics.watching import make_judge

__all__ = [
    "Course",
    "Coverage",
    "DifferentBins",
    "DinoFeatures",
    "DomainFeatures",
    "Estimate",
    "FeatureSpace",
    "Finding",
    "InceptionFeatures",
    "LatentUse",
    "Likelihood",
    "Memorisation",
    "Moments",
    "MovedNeighbours",
    "Neighbours",
    "PixelFeatures",
    "RandomFeatures",
    "SlicedWasserstein",
    "Stability",
    "TwoSample",
    "Unmeasurable",
    "cached_features",
    "classification_accuracy_score",
    "classifier_two_sample",
    "diagnose",
    "different_bins",
    "diversity",
    "evaluate_likelihood",
    "feature_space",
    "follow",
    "frechet_distance",
    "kernel_distance",
    "make_judge",
    "measure_coverage",
    "measure_latent_use",
    "measure_memorisation",
    "measure_stability",
    "moved_neighbours",
    "multiscale_ssim",
    "nearest_neighbours",
    "radial_spectrum",
    "recognition_score",
    "sharpness",
    "sliced_wasserstein",
    "sliced_wasserstein_of_vectors",
    "spectrum_slope",
]
