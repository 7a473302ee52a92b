"""How a source becomes images, and what is then known of them."""

import dataclasses
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from jaxtyping import Float
from torch import Tensor

Fit = Literal["crop", "pad"]
Channels = Literal["auto", "grey", "rgb"]
Background = Literal["white", "black", "grey"]
Splitting = Literal["auto", "published", "hash", "folder"]
Binarising = Literal["no", "threshold", "static", "dynamic"]

TENSORS = ("attribute_values", "mean", "std")
"""Facts that are no JSON: what recipes make of them stands in the model's buffers."""

SMALLEST_SIDE, LARGEST_SIDE, SIDE_STEP = 8, 256, 4
"""Sides that the networks of this library can halve and double again, in pixels."""


@dataclass(frozen=True, slots=True)
class Preparation:
    """How a source becomes images.

    Attributes:
        size: Side of the square images, in pixels: a multiple of 4 between 8 and 256. Without it, a
            size is chosen from the data and said.
        fit: What makes an image square: `crop` cuts out its centre, `pad` keeps all of it and fills
            the rest with the background.
        channels: `grey` or `rgb` for all images; `auto` keeps colour where there is some.
        background: What is put under transparent pixels and around padded images.
        labels: `folders` makes folders classes, `none` drops labels, FILE.csv reads classes or
            attributes from a table whose first column is the file name; `auto` takes the labels
            that come with the source, or folders where they look like classes.
        split: What decides on the train, validation and test parts: the `published` one, the
            `hash` of an image's content, or the `folder` that it lies in; `auto` is `published`
            where there is one and `hash` elsewhere.
        binarise: Makes images black and white: by a `threshold` at half, by one fixed random draw
            an image with its intensities as probabilities (`static`), or by such a draw anew each time
            that a training image is seen, and a fixed one of other images (`dynamic`).
        data_root: Folder with published data sets; without it, the environment variable
            LATENTIA_DATA.

    Raises:
        ValueError: If a value is none of those above.

    >>> Preparation(size=33)
    Traceback (most recent call last):
        ...
    ValueError: size is 33, but must be a multiple of 4 between 8 and 256. Try 32 or 36.
    """

    size: int | None = None
    fit: Fit = "crop"
    channels: Channels = "auto"
    background: Background = "white"
    labels: str = "auto"
    split: Splitting = "auto"
    binarise: Binarising = "no"
    data_root: str | None = None

    def __post_init__(self) -> None:
        if self.size is not None and not is_side(self.size, LARGEST_SIDE):
            lower = min(max(self.size // SIDE_STEP * SIDE_STEP, SMALLEST_SIDE), LARGEST_SIDE)
            upper = min(lower + SIDE_STEP, LARGEST_SIDE)
            hint = f"Try {lower}." if self.size < lower or lower == upper else f"Try {lower} or {upper}."
            raise ValueError(
                f"size is {self.size}, but must be a multiple of {SIDE_STEP} between {SMALLEST_SIDE} and "
                f"{LARGEST_SIDE}. {hint}"
            )
        choices = {
            "fit": Fit,
            "channels": Channels,
            "background": Background,
            "split": Splitting,
            "binarise": Binarising,
        }
        for name, allowed in choices.items():
            if getattr(self, name) not in get_args(allowed):
                expected = ", ".join(get_args(allowed))
                raise ValueError(f"{name} is {getattr(self, name)!r}, but must be one of: {expected}.")


USUAL = Preparation()
"""What is done where nothing else was asked for."""


def is_side(pixels: int, largest: int) -> bool:
    """Whether a side of so many pixels can be kept as it is."""
    return SMALLEST_SIDE <= pixels <= largest and pixels % SIDE_STEP == 0


@dataclass(frozen=True, slots=True)
class Facts:
    """What a recipe may know of the data.

    Attributes:
        name: Short name of the source.
        fingerprint: SHA-256 of the stored pixels, labels and split, as hexadecimal digits.
        channels: 1 (grey) or 3 (red, green, blue).
        height: In pixels.
        width: In pixels.
        levels: How many levels a pixel can take: 256 for 8-bit images, 17 for the digits, 2 for
            black and white.
        num_train: Images in the training split.
        num_validation: Images in the validation split.
        num_test: Images in the test split.
        classes: Name of each class; empty where there are none.
        attributes: Name of each attribute; empty where there are none.
        attribute_values: Attributes of every training image, NaN where unknown.
        mean: Mean of each pixel over the training split, on the scale [-1, 1].
        std: Standard deviation of each pixel over the training split, on the same scale.
    """

    name: str
    fingerprint: str
    channels: int
    height: int
    width: int
    levels: int
    num_train: int
    num_validation: int
    num_test: int
    classes: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ()
    attribute_values: Float[Tensor, "images attributes"] | None = field(
        default=None, compare=False, repr=False
    )
    mean: Float[Tensor, "channels height width"] | None = field(default=None, compare=False, repr=False)
    std: Float[Tensor, "channels height width"] | None = field(default=None, compare=False, repr=False)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(channels, height, width) of an image."""
        return self.channels, self.height, self.width

    def to_json(self) -> dict[str, Any]:
        """All but the tensors, as a dictionary that JSON can hold."""
        names = [f.name for f in dataclasses.fields(self) if f.name not in TENSORS]
        facts = {name: getattr(self, name) for name in names}
        return {name: list(fact) if isinstance(fact, tuple) else fact for name, fact in facts.items()}

    @classmethod
    def from_json(cls, facts: dict[str, Any]) -> "Facts":
        """The facts that `to_json` wrote, without tensors."""
        lists = {name: tuple(facts[name]) for name in ("classes", "attributes")}
        return cls(**{**facts, **lists})
