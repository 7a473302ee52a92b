"""Classical augmentation: the same image a little shifted, turned, enlarged, mirrored where one says so."""

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torch.nn import functional

from latentia._types import Given, Images
from latentia.data.store import Split


@dataclass(frozen=True, slots=True)
class Classical:
    """Shifts, turns, changes of size and mirror images, drawn for every image by itself.

    A pixel of the result at x, measured from the middle, shows the place A x + t of the image:

        A = s R(a) diag(m, 1),   s in [1 - scale, 1 + scale],   a in [-turn, turn],   m in {-1, 1}

    What comes in from outside repeats the edge; pixels between four others are mixed of them.

    Attributes:
        shift: Longest shift each way, as a part of the side, 0 to 1.
        turn: Largest angle, in degrees, 0 to 180.
        scale: Largest change of size, as a part of it, 0 to below 1.
        flip: Whether to mirror half of the images left and right; only where that leaves them what they are.
        num_numbers: How many random numbers an image takes.

    Raises:
        ValueError: If a number is out of range.

    Source:
        Simard et al. 2003, "Best practices for convolutional neural networks applied to visual document
        analysis", whose elastic deformations are left out.

    Example:
        >>> images = torch.rand(2, 1, 8, 8) * 2 - 1
        >>> same = Classical(shift=0, turn=0, scale=0)(images, torch.rand(2, Classical.num_numbers))
        >>> bool(torch.allclose(same, images, atol=1e-5))
        True
    """

    shift: float = 0.05
    turn: float = 5.0
    scale: float = 0.05
    flip: bool = False

    num_numbers: ClassVar[int] = 5

    def __post_init__(self) -> None:
        if not (0 <= self.shift <= 1 and 0 <= self.turn <= 180 and 0 <= self.scale < 1):
            raise ValueError(
                f"got a shift of {self.shift}, a turn of {self.turn} and a scale of {self.scale}: a shift is "
                f"a part of the side from 0 to 1, a turn 0 to 180 degrees, a scale 0 to below 1."
            )

    def __call__(self, images: Images, uniform: Float[Tensor, "batch 5"]) -> Images:
        """Changed images.

        Args:
            images: Values in [-1, 1].
            uniform: Numbers on [0, 1), `num_numbers` an image.
        """
        maps = self._maps(uniform, images.shape[2] / images.shape[3])
        places = functional.affine_grid(maps, list(images.shape), align_corners=False)
        return functional.grid_sample(images, places, padding_mode="border", align_corners=False)

    def _maps(self, uniform: Float[Tensor, "batch 5"], tallness: float) -> Float[Tensor, "batch 2 3"]:
        """From places in the result to places in the image, both from -1 to 1, as (A | t).

        Args:
            uniform: Numbers on [0, 1).
            tallness: Height over width, without which a turn would shear images that are not square.
        """
        turn, scale, right, down = (2 * uniform[:, :4] - 1).unbind(1)
        angle, size = turn * self.turn * math.pi / 180, 1 + scale * self.scale
        mirror = torch.where(uniform[:, 4] < 0.5, -1.0, 1.0) if self.flip else torch.ones_like(size)
        cosine, sine = size * angle.cos(), size * angle.sin()
        across = torch.stack([mirror * cosine, -sine * tallness, 2 * self.shift * right], dim=1)
        along = torch.stack([mirror * sine / tallness, cosine, 2 * self.shift * down], dim=1)
        return torch.stack([across, along], dim=1)


@dataclass(frozen=True, slots=True)
class Changed:
    """Images of a split, changed anew each time that they are trained on: what a run trains on instead of it.

    Attributes:
        split: The images, which are no fresh draws themselves.
        change: How they are changed.

    Raises:
        ValueError: If they are drawn anew already.
    """

    split: Split
    change: Classical

    def __post_init__(self) -> None:
        if self.split.fresh:
            raise ValueError(
                "images that are drawn anew each time (--binarise dynamic) are black and white, and shifts "
                "by parts of a pixel would make them grey. Leave out one of the two."
            )

    def __len__(self) -> int:
        return len(self.split)

    @property
    def image_shape(self) -> tuple[int, ...]:
        return self.split.image_shape

    @property
    def fresh(self) -> bool:
        """Whether images come with numbers of their own: they do."""
        return True

    def images(self, indices: Int64[Tensor, "batch"] | slice, *, uniform: Images | None = None) -> Images:
        """Some of the images, changed by the first of the numbers; as they are without."""
        images = self.split.images(indices)
        return (
            images if uniform is None else self.change(images, uniform.flatten(1)[:, : Classical.num_numbers])
        )

    def given(self, indices: Int64[Tensor, "batch"] | slice) -> Given | None:
        """What a conditional model is told of these images."""
        return self.split.given(indices)
