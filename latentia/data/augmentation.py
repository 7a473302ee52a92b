"""Augmentation of images that gradients pass through: an adversarial critic then sees nothing else.

Real images and generated ones are augmented alike, so a generator learns the images themselves, and a critic
cannot know a few training images by heart.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from latentia._types import Images

Uniform = Float[Tensor, "batch numbers"]
Column = Float[Tensor, "batch"]
Side = Bool[Tensor, "batch pixels"]


@dataclass(frozen=True, slots=True)
class Augmentation:
    """Changes of colour, place and content, each drawn for every image by itself.

    Each of the four is made with a probability of its own draw; what falls out of the image is replaced by
    the grey in the middle.

    Attributes:
        colour: Whether to change brightness (up to a quarter of the range), saturation (0 to 2 times) and
            contrast (0.5 to 1.5 times).
        translation: Longest shift, as a part of the side, 0 to 1.
        cutout: Side of the square that is cut out, as a part of the image's, 0 to 1.
        flip: Whether to mirror left and right; only for data in which that makes no difference.
        num_numbers: How many random numbers an image takes.

    Raises:
        ValueError: If a part is not between 0 and 1.

    Source:
        Zhao et al. 2020 (arXiv:2006.10738), section 3.2. Differs in that each change has a probability
        (Karras et al. 2020, arXiv:2006.06676), and in the flip.

    Example:
        >>> images, uniform = torch.ones(2, 1, 8, 8), torch.zeros(2, Augmentation.num_numbers)
        >>> bool((Augmentation()(images, uniform, 0.0) == images).all())
        True
    """

    colour: bool = True
    translation: float = 0.125
    cutout: float = 0.5
    flip: bool = False

    num_numbers: ClassVar[int] = 12

    def __post_init__(self) -> None:
        for name in ("translation", "cutout"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it is a part of the side, from 0 to 1.")

    def __call__(self, images: Images, uniform: Uniform, probability: float | Tensor) -> Images:
        """Augmented images, as a differentiable function of the images.

        Args:
            images: Values in [-1, 1].
            uniform: Numbers from (-1/2, 1/2), `num_numbers` an image.
            probability: That each of the changes is made, 0 to 1. At 0 images stay as they are.
        """
        made, drawn = (uniform[:, :4] + 0.5 < probability).to(images), uniform[:, 4:]
        if self.flip:
            images = torch.where(_each((drawn[:, 0] > 0) & (made[:, 0] > 0)), images.flip(3), images)
        if self.colour:
            images = _recoloured(images, drawn[:, 1:4] * made[:, 1:2])
        if self.translation:
            images = _translated(images, drawn[:, 4:6] * made[:, 2:3], self.translation)
        if self.cutout:
            images = _cut_out(images, drawn[:, 6:8], made[:, 3] > 0, self.cutout)
        return images


def _recoloured(images: Images, drawn: Uniform) -> Images:
    """Brightness, saturation, contrast; where 0 is drawn, nothing."""
    brightness, saturation, contrast = (_each(column) for column in drawn.unbind(1))
    images = images + brightness
    images = images + 2 * saturation * (images - images.mean(1, keepdim=True))
    return images + contrast * (images - images.mean((1, 2, 3), keepdim=True))


def _translated(images: Images, drawn: Uniform, part: float) -> Images:
    """Shifts of whole pixels, down and to the right, up to a part of the side; where 0 is drawn, none."""
    for dim, column in zip((2, 3), drawn.unbind(1), strict=True):
        side = images.shape[dim]
        furthest = round(part * side)
        shift = ((2 * furthest + 1) * column).round().clamp(-furthest, furthest).long()
        source = torch.arange(side, device=images.device) - shift.unsqueeze(1)
        images = _lines(images, dim, source.clamp(0, side - 1)) * _spread(
            (source >= 0) & (source < side), dim
        )
    return images


def _lines(images: Images, dim: int, source: Int64[Tensor, "batch pixels"]) -> Images:
    return images.gather(dim, _spread(source, dim).expand_as(images))


def _cut_out(images: Images, drawn: Uniform, made: Bool[Tensor, "batch"], part: float) -> Images:
    """A square around a pixel of the image, lost; parts of it may lie outside."""
    inside = made.view(-1, 1, 1, 1)
    for dim, column in zip((2, 3), drawn.unbind(1), strict=True):
        inside = inside & _spread(_near(images.shape[dim], column, part), dim)
    return images * ~inside


def _near(side: int, column: Column, part: float) -> Side:
    """Which pixels of a side lie in a stretch, a part of the side long, around a random one."""
    length = round(part * side)
    start = ((column + 0.5) * side).floor().clamp(max=side - 1).unsqueeze(1) - length // 2
    pixels = torch.arange(side, device=column.device)
    return (pixels >= start) & (pixels < start + length)


def _each(column: Tensor) -> Tensor:
    """One number an image, for all of its pixels."""
    return column.view(-1, 1, 1, 1)


def _spread(lines: Tensor, dim: int) -> Tensor:
    """One number a row (dimension 2) or a column (3) of each image, for all of its pixels."""
    return lines[:, None, :, None] if dim == 2 else lines[:, None, None, :]
