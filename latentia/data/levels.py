"""How many levels a set of images really has."""

import math

import numpy as np

BITS_8 = 256


def find_step(seen: np.ndarray) -> int:
    """The widest step between levels that explains all 8-bit values of a set.

    The largest g that divides 255 and every value: values 0 and 255 alone give 255, hence 2 levels.

    Args:
        seen: (256,) how often, or whether, each value occurs.

    Returns:
        g; the set has 255 / g + 1 levels.

    >>> find_step(np.isin(np.arange(256), [0, 51, 102]))
    51
    """
    return math.gcd(255, *np.flatnonzero(seen).tolist())


def spread(levels: np.ndarray, number: int) -> np.ndarray:
    """Indices of levels as 8-bit values, from 0 to 255."""
    if number == BITS_8:
        return levels
    return (levels.astype(np.float32) * (255 / (number - 1))).round().astype(np.uint8)


def binarise(levels: np.ndarray, number: int, content: bytes | None) -> np.ndarray:
    """Black and white, as indices 0 and 1.

    Args:
        levels: Indices of levels of one image.
        number: How many levels there are.
        content: For a random draw with the intensities as probabilities, what seeds it; None puts a
            threshold at half instead.
    """
    intensities = levels / (number - 1)
    if content is None:
        return (intensities > 0.5).astype(np.uint8)
    # Seeded by the image itself, so that a draw depends on no other image, and copies stay copies.
    generator = np.random.default_rng(int.from_bytes(content[:16], "big"))
    return (generator.random(levels.shape) < intensities).astype(np.uint8)
