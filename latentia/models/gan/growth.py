"""Growing: how deep a progressive pair of networks is, as a function of the images seen."""

import math
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from latentia._types import Images

Smaller = Float[Tensor, "batch channels _ _"]


@dataclass(frozen=True, slots=True)
class Growth:
    """When each resolution is faded in: a phase at one resolution, then a fade to the next, and so on.

    Attributes:
        num_phases: Resolutions, the smallest and the whole image included.
        images: Real images that a phase lasts.
        fade: Real images that a fade lasts.

    Raises:
        ValueError: If a number is below 1.

    Source:
        Karras et al. 2017 (arXiv:1710.10196), section 2 and figure 2; 600,000 images for each there.

    Example:
        >>> growth = Growth(num_phases=3, images=100, fade=50)
        >>> [growth.depth_at(seen) for seen in (0, 99, 125, 150, 290, 10**9)]
        [0.0, 0.0, 0.5, 1.0, 1.8, 2.0]
    """

    num_phases: int
    images: int
    fade: int

    def __post_init__(self) -> None:
        if min(self.num_phases, self.images, self.fade) < 1:
            raise ValueError(
                f"Growth over {self.num_phases} resolutions of {self.images} images each, faded in over "
                f"{self.fade}: all of them have to be 1 or more."
            )

    def depth_at(self, images_seen: int) -> float:
        """The depth after some images: 1.3 is the second resolution, on its way to the third by 0.3."""
        phase, rest = divmod(images_seen, self.images + self.fade)
        return float(min(phase + max(0, rest - self.images) / self.fade, self.num_phases - 1))

    def at_depth(self, images: Images, depth: float) -> Smaller:
        """Images at the resolution of a depth, between two resolutions faded as generated ones are."""
        whole = math.ceil(depth)
        shrunk = functional.avg_pool2d(images, 2 ** (self.num_phases - 1 - whole))
        if whole == depth:
            return shrunk
        coarse = functional.interpolate(functional.avg_pool2d(shrunk, 2), scale_factor=2)
        return coarse.lerp(shrunk, depth - whole + 1)
