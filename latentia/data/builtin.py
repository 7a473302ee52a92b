"""Images that need no file: real handwritten digits, and drawn shapes whose factors are known."""

import colorsys
import math

import numpy as np
from PIL import Image, ImageDraw

from latentia.data.contents import Contents
from latentia.data.labels import Labels

VERSION = 1
"""Raised when any built-in image changes, so that stores are built again."""

NUM_SHAPES = 20_000
SHAPES_SIDE = 32
SHAPES = ("square", "ellipse", "heart")
SCALES = tuple(round(0.5 + 0.1 * step, 1) for step in range(6))
ROTATIONS = tuple(2 * math.pi * step / 16 for step in range(16))
PLACES = tuple(step / 15 for step in range(16))
HUES = tuple(step / 8 for step in range(8))
FACTORS = {
    "shape": (0.0, 1.0, 2.0),
    "scale": SCALES,
    "rotation": ROTATIONS,
    "x": PLACES,
    "y": PLACES,
    "hue": HUES,
}
"""Values of each factor. Every image of `shapes` is one combination of them."""

_LARGEST_RADIUS = 8.0
_OVERSAMPLING = 4


def digits() -> Contents:
    """1,797 handwritten digits of 8 x 8 pixels and 17 levels, with their classes.

    Source:
        E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, 1998, UCI Machine Learning
        Repository; the copy that scikit-learn ships, which is the set's test part.
    """
    from sklearn.datasets import load_digits  # slow to import

    loaded = load_digits()
    images = loaded.images.astype(np.uint8)
    names = [f"{index:04d}" for index in range(len(images))]
    labels = Labels(tuple("0123456789"), loaded.target.astype(np.int64))
    return Contents(names, lambda index: images[index], labels=labels, shape=(8, 8), levels=17)


def shapes() -> Contents:
    """20,000 coloured shapes on black, 32 x 32 pixels, with their six factors as attributes.

    A sample without repetition of the 589,824 combinations in `FACTORS`, the same on every machine:
    shape (0 square, 1 ellipse, 2 heart), scale, rotation in radians, x and y from 0 (left, top) to 1,
    and hue from 0 to 1. Squares look the same after a quarter turn, ellipses after half a turn.
    """
    sizes = [len(values) for values in FACTORS.values()]
    chosen = np.random.default_rng(0).choice(math.prod(sizes), NUM_SHAPES, replace=False)
    steps = np.stack(np.unravel_index(chosen, sizes), axis=1)
    table = [np.array(values, dtype=np.float32) for values in FACTORS.values()]
    values = np.stack([table[f][steps[:, f]] for f in range(len(table))], axis=1)
    labels = Labels(attributes=tuple(FACTORS), values=values)
    names = [f"{index:05d}" for index in range(NUM_SHAPES)]
    return Contents(
        names,
        lambda index: draw_shape(*values[index].tolist()),
        labels=labels,
        shape=(SHAPES_SIDE, SHAPES_SIDE),
        levels=256,
    )


def draw_shape(shape: float, scale: float, rotation: float, x: float, y: float, hue: float) -> np.ndarray:
    """One image of `shapes`: drawn four times as large, then averaged.

    Args:
        shape: 0 square, 1 ellipse, 2 heart.
        scale: Share of the largest size, above 0 and up to 1.
        rotation: In radians, clockwise.
        x: Place of the centre, from 0 (left) to 1 (right), such that every shape lies within.
        y: The same, from 0 (top) to 1 (bottom).
        hue: Position on the colour circle, from 0 (red) to 1 (red again).

    Returns:
        uint8 of shape (32, 32, 3).
    """
    margin, span = _LARGEST_RADIUS, SHAPES_SIDE - 2 * _LARGEST_RADIUS
    centre = np.array([margin + span * x, margin + span * y])
    turn = np.array([[math.cos(rotation), math.sin(rotation)], [-math.sin(rotation), math.cos(rotation)]])
    outline = (_OUTLINES[int(shape)] * scale * _LARGEST_RADIUS) @ turn + centre
    side = SHAPES_SIDE * _OVERSAMPLING
    large = Image.new("L", (side, side))
    ImageDraw.Draw(large).polygon([tuple(point) for point in outline * _OVERSAMPLING], fill=255)
    coverage = np.asarray(large.reduce(_OVERSAMPLING), dtype=np.float32)[:, :, None] / 255
    colour = np.array(colorsys.hsv_to_rgb(hue, 0.8, 1.0), dtype=np.float32)
    return (coverage * colour * 255).round().astype(np.uint8)


def _outline(shape: str) -> np.ndarray:
    """Corners of a shape that fits into the unit circle, (points, 2)."""
    if shape == "square":
        corner = math.sqrt(0.5)
        return np.array([(-corner, -corner), (corner, -corner), (corner, corner), (-corner, corner)])
    angle = np.linspace(0, 2 * math.pi, 64, endpoint=False)
    if shape == "ellipse":
        return np.stack([np.cos(angle), 0.55 * np.sin(angle)], axis=1)
    across = 16 * np.sin(angle) ** 3
    down = -(13 * np.cos(angle) - 5 * np.cos(2 * angle) - 2 * np.cos(3 * angle) - np.cos(4 * angle))
    return np.stack([across, down - 2], axis=1) / 19


_OUTLINES = tuple(_outline(shape) for shape in SHAPES)
