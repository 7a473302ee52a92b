"""Tasks: what a trained model is put to. Each asks for the capabilities that it needs, never for a kind."""

from latentia.tasks.attribute_directions import Method, attribute_directions
from latentia.tasks.attributes import AttributeReader, Attributes
from latentia.tasks.augment import augment
from latentia.tasks.compress import compress, decompress
from latentia.tasks.detect import (
    CAVEAT,
    Complexity,
    Score,
    anomaly_scores,
    log_likelihoods,
    png_lengths,
    usual_score,
)
from latentia.tasks.direction import Direction
from latentia.tasks.draw import sample_truncated, truncate
from latentia.tasks.edit import arithmetic, change_a_step, edit, example_direction, measure_effect
from latentia.tasks.explore import Directions, directions, manifold, traverse
from latentia.tasks.invert import Inversion, invert
from latentia.tasks.latents import latents_of
from latentia.tasks.layers import FeatureReader, layer_names
from latentia.tasks.linear_probe import LinearProbe
from latentia.tasks.look import Course, interpolate, interpolate_draws, interpolate_images, reconstruct
from latentia.tasks.map import Layout, MapMethod, lay_out, thumbnails
from latentia.tasks.packed import Packed
from latentia.tasks.principal_directions import principal_directions
from latentia.tasks.restore import Restoration, Search, restore
from latentia.tasks.synthesis import Synthesised
from latentia.tasks.transfer import Curve, Probe, curve_table, transfer

__all__ = [
    "CAVEAT",
    "AttributeReader",
    "Attributes",
    "Complexity",
    "Course",
    "Curve",
    "Direction",
    "Directions",
    "FeatureReader",
    "Inversion",
    "Layout",
    "LinearProbe",
    "MapMethod",
    "Method",
    "Packed",
    "Probe",
    "Restoration",
    "Score",
    "Search",
    "Synthesised",
    "anomaly_scores",
    "arithmetic",
    "attribute_directions",
    "augment",
    "change_a_step",
    "compress",
    "curve_table",
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
    "layer_names",
    "log_likelihoods",
    "manifold",
    "measure_effect",
    "png_lengths",
    "principal_directions",
    "reconstruct",
    "restore",
    "sample_truncated",
    "thumbnails",
    "transfer",
    "traverse",
    "truncate",
    "usual_score",
]
