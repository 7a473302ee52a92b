"""What a run may take: a number of images or of minutes, on a kind of device."""

from dataclasses import dataclass

DEFAULT_IMAGES = 200_000


@dataclass(frozen=True, slots=True)
class Budget:
    """What a run may take.

    Attributes:
        images: Real images to see in all; of no meaning where minutes are given.
        minutes: Minutes to train; None for a number of images.
        device: `cpu`, `cuda` or `mps`.
    """

    images: int = DEFAULT_IMAGES
    minutes: float | None = None
    device: str = "cpu"
