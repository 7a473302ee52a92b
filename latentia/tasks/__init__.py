"""Tasks: what a trained model is put to. Each asks for the capabilities that it needs, never for a kind."""

from latentia.tasks.compress import compress, decompress
from latentia.tasks.detect import CAVEAT, Complexity, anomaly_scores, log_likelihoods, png_lengths
from latentia.tasks.draw import sample_truncated, truncate
from latentia.tasks.explore import Directions, directions, manifold, traverse
from latentia.tasks.invert import Inversion, invert
from latentia.tasks.look import Course, interpolate, interpolate_draws, interpolate_images, reconstruct
from latentia.tasks.packed import Packed

__all__ = [
    "CAVEAT",
    "Complexity",
    "Course",
    "Directions",
    "Inversion",
    "Packed",
    "anomaly_scores",
    "compress",
    "decompress",
    "directions",
    "interpolate",
    "interpolate_draws",
    "interpolate_images",
    "invert",
    "log_likelihoods",
    "manifold",
    "png_lengths",
    "reconstruct",
    "sample_truncated",
    "traverse",
    "truncate",
]
