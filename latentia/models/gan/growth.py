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
        images: Real images that a phase lasts; None for equal parts of the first half of the run, of which
            there is one for every phase but the last, and one for every fade.
        fade: Real images that a fade lasts; None likewise.

    Raises:
        ValueError: If a number is below 1.

    Source:
        Karras et al. 2017 (arXiv:1710.10196), section 2 and figure 2; 600,000 images for each there.

    Example:
        >>> growth = Growth(num_phases=3, images=100, fade=50)
        >>> [growth.depth_at(seen, horizon=1000) for seen in (0, 99, 125, 150, 290, 10**9)]
        [0.0, 0.0, 0.5, 1.0, 1.8, 2.0]
        >>> [Growth(num_phases=3).depth_at(seen, horizon=800) for seen in (0, 99, 150, 250, 399, 400)]
        [0.0, 0.0, 0.5, 1.0, 1.99, 2.0]
    """

    num_phases: int
    images: int | None = None
    fade: int | None = None

    def __post_init__(self) -> None:
        for name, value in (("resolutions", self.num_phases), ("images", self.images), ("fade", self.fade)):
            if value is not None and value < 1:
                raise ValueError(f"Growth with {name} = {value}: it has to be 1 or more.")

    @property
    def by_the_run(self) -> bool:
        """Whether the length of the run says when it grows."""
        return self.images is None or self.fade is None

    def depth_at(self, images_seen: int, horizon: int) -> float:
        """The depth after some images: 1.3 is the second resolution, on its way to the third by 0.3.

        Args:
            images_seen: Real images that the run has seen.
            horizon: Those that it is planned for.
        """
        doublings = max(1, self.num_phases - 1)
        part = max(1, horizon // (4 * doublings))  # half of the run, two parts for each
        images, fade = self.images or part, self.fade or part
        phase, rest = divmod(images_seen, images + fade)
        return float(min(phase + max(0, rest - images) / fade, self.num_phases - 1))

    def at_depth(self, images: Images, depth: float) -> Smaller:
        """Images at the resolution of a depth, between two resolutions faded as generated ones are."""
        whole = math.ceil(depth)
        shrunk = functional.avg_pool2d(images, 2 ** (self.num_phases - 1 - whole))
        if whole == depth:
            return shrunk
        coarse = functional.interpolate(functional.avg_pool2d(shrunk, 2), scale_factor=2)
        return coarse.lerp(shrunk, depth - whole + 1)
