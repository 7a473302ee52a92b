"""Tasks: what a trained model is put to. Each asks for the capabilities that it needs, never for a kind."""

from latentia.tasks.attribute_directions import Method, attribute_directions
from latentia.tasks.attributes import AttributeReader, Attributes
from latentia.tasks.compress import compress, decompress
from latentia.tasks.detect import CAVEAT, Complexity, anomaly_scores, log_likelihoods, png_lengths
from latentia.tasks.direction import Direction
from latentia.tasks.draw import sample_truncated, truncate
from latentia.tasks.edit import arithmetic, change_a_step, edit, example_direction, measure_effect
from latentia.tasks.explore import Directions, directions, manifold, traverse
from latentia.tasks.invert import Inversion, invert
from latentia.tasks.latents import latents_of
from latentia.tasks.look import Course, interpolate, interpolate_draws, interpolate_images, reconstruct
from latentia.tasks.map import Layout, MapMethod, lay_out, thumbnails
from latentia.tasks.packed import Packed
from latentia.tasks.principal_directions import principal_directions

__all__ = [
    "CAVEAT",
    "AttributeReader",
    "Attributes",
    "Complexity",
    "Course",
    "Direction",
    "Directions",
    "Inversion",
    "Layout",
    "MapMethod",
    "Method",
    "Packed",
    "anomaly_scores",
    "arithmetic",
    "attribute_directions",
    "change_a_step",
    "compress",
    "decompress",
    "directions",
    "edit",
    "example_direction",
    "interpolate",
    "interpolate_draws",
    "interpolate_images",
    "invert",
    "latents_of",
    "lay_out",
    "log_likelihoods",
    "manifold",
    "measure_effect",
    "png_lengths",
    "principal_directions",
    "reconstruct",
    "sample_truncated",
    "thumbnails",
    "traverse",
    "truncate",
]
