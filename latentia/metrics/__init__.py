"""Metrics: likelihood of explicit models, and sample quality, coverage and memorisation of all.

Every metric is a function of images or feature vectors with a seed; none needs a download.
"""

from latentia.metrics.bins import DifferentBins, different_bins
from latentia.metrics.classifier import Examples
from latentia.metrics.copies import CopyTest
from latentia.metrics.coverage import Coverage, measure_coverage
from latentia.metrics.detection import area_under_roc, false_alarms, p_values
from latentia.metrics.diagnosis import Finding, diagnose
from latentia.metrics.disentanglement import (
    Importances,
    factor_score,
    importances,
    mutual_information_gaps,
    separated_predictability,
)
from latentia.metrics.domain import DomainFeatures
from latentia.metrics.estimate import Estimate, Unmeasurable
from latentia.metrics.feature_cache import cached_features
from latentia.metrics.features import FeatureSpace, PixelFeatures, RandomFeatures
from latentia.metrics.frechet import Moments, frechet_distance
from latentia.metrics.kernel import kernel_distance
from latentia.metrics.known_factors import Disentanglement, measure_disentanglement
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
from latentia.metrics.reconstruction import Reconstruction, measure_reconstruction, peak_signal_to_noise
from latentia.metrics.sliced import (
    SlicedWasserstein,
    sliced_wasserstein,
    sliced_wasserstein_of_vectors,
)
from latentia.metrics.spaces import feature_space
from latentia.metrics.spectrum import radial_spectrum, sharpness, spectrum_slope
from latentia.metrics.stability import Course, Stability, follow, measure_stability
from latentia.metrics.structure import diversity, multiscale_ssim, structural_similarity
from latentia.metrics.two_sample import TwoSample, classifier_two_sample
from latentia.metrics.usefulness import Usefulness, measure_usefulness
from latentia.metrics.watching import make_judge

__all__ = [
    "CopyTest",
    "Course",
    "Coverage",
    "DifferentBins",
    "DinoFeatures",
    "Disentanglement",
    "DomainFeatures",
    "Estimate",
    "Examples",
    "FeatureSpace",
    "Finding",
    "Importances",
    "InceptionFeatures",
    "LatentUse",
    "Likelihood",
    "Memorisation",
    "Moments",
    "MovedNeighbours",
    "Neighbours",
    "PixelFeatures",
    "RandomFeatures",
    "Reconstruction",
    "SlicedWasserstein",
    "Stability",
    "TwoSample",
    "Unmeasurable",
    "Usefulness",
    "area_under_roc",
    "cached_features",
    "classification_accuracy_score",
    "classifier_two_sample",
    "diagnose",
    "different_bins",
    "diversity",
    "evaluate_likelihood",
    "factor_score",
    "false_alarms",
    "feature_space",
    "follow",
    "frechet_distance",
    "importances",
    "kernel_distance",
    "make_judge",
    "measure_coverage",
    "measure_disentanglement",
    "measure_latent_use",
    "measure_memorisation",
    "measure_reconstruction",
    "measure_stability",
    "measure_usefulness",
    "moved_neighbours",
    "multiscale_ssim",
    "mutual_information_gaps",
    "nearest_neighbours",
    "p_values",
    "peak_signal_to_noise",
    "radial_spectrum",
    "recognition_score",
    "separated_predictability",
    "sharpness",
    "sliced_wasserstein",
    "sliced_wasserstein_of_vectors",
    "spectrum_slope",
    "structural_similarity",
]
