"""Tasks: what a trained model is put to. Each asks for the capabilities that it needs, never for a kind."""

from latentia.tasks.compress import compress, decompress
from latentia.tasks.detect import CAVEAT, Complexity, anomaly_scores, log_likelihoods, png_lengths
from latentia.tasks.explore import Directions, directions, manifold, traverse
from latentia.tasks.look import interpolate, interpolate_images, reconstruct
from latentia.tasks.packed import Packed

__all__ = [
    "CAVEAT",
    "Complexity",
    "Directions",
    "Packed",
    "anomaly_scores",
    "compress",
    "decompress",
    "directions",
    "interpolate",
    "interpolate_images",
    "log_likelihoods",
    "manifold",
    "png_lengths",
    "reconstruct",
    "traverse",
]
