"""Penalties on the slope of a critic: how fast its score changes with the image.

All are one number an image, so a critic that they are put on scores each image by itself. The slope is
measured in one of three ways (`Method`):

- `exact`: a gradient whose own gradient is taken, a double backward pass.
- `along`: a central difference along the gradient, which only says where to look. Its derivative with
  respect to the weights is that of the exact slope up to the square of the step, since turning the direction
  does not change the slope to first order. No double backward pass.
- `random`: a central difference along Gaussian noise, right on average only. One backward pass in all.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from latentia._types import Given, Images, PerImage

Method = Literal["exact", "along", "random"]
Place = Literal["real", "generated", "between", "around"]
Score = Callable[[Tensor, Given | None], Tensor]
Noise = Callable[..., Tensor]
"""From the shape of one image's noise to standard normal noise for the whole batch."""

STEPS = {"along": 0.3, "random": 0.03}
"""Length of a step along the gradient, and standard deviation of a random one, in images of [-1, 1]."""


@dataclass(frozen=True, slots=True)
class Penalty:
    """What a critic pays for its slope, as data; `r1`, `r2`, `gradient_penalty` and `dragan` make them.

        |grad|^2,   or   (|grad| - target)^2

    Attributes:
        name: The field's name.
        weight: What it is multiplied by.
        place: Where the slope is taken: at the real images, at the generated ones, on the line between a
            real image and a generated one, or around a real image.
        target: Slope that costs nothing; None for the squared slope itself.
        one_sided: Whether only slopes above the target cost something.
        spread: Standard deviation of what is `around` an image.
        method: How the slope is measured.
        one_in: The penalty is taken at every so many images of a batch, and counts as many times.
        every: It is taken every so many turns, and counts as many times.
        weight_at_end: What the weight has fallen or risen to at the end of a run; None keeps it.

    Raises:
        ValueError: If a number is out of range, or a slope has to be known that is right on average only.
    """

    name: str
    weight: float
    place: Place
    target: float | None = None
    one_sided: bool = False
    spread: float = 0.25
    method: Method = "exact"
    one_in: int = 1
    every: int = 1
    weight_at_end: float | None = None

    def __post_init__(self) -> None:
        if not self.weight >= 0 or self.one_in < 1 or self.every < 1:
            raise ValueError(
                f"The penalty {self.name} has weight {self.weight}, one_in {self.one_in} and every "
                f"{self.every}; the weight has to be 0 or more, the others whole numbers from 1."
            )
        if self.weight_at_end is not None and not min(self.weight, self.weight_at_end) > 0:
            raise ValueError(
                f"The penalty {self.name} goes from weight {self.weight} to {self.weight_at_end} by the same "
                f"factor in equal times, so both have to be above 0."
            )
        if self.target is not None and self.method == "random":
            raise ValueError(
                f"The penalty {self.name} asks how far the slope is from {self.target}, and random "
                f"directions only tell its square on average. Choose the method `exact` or `along`."
            )

    def __call__(
        self, score: Score, real: Images, generated: Images, given: Given | None, noise: Noise
    ) -> PerImage:
        """What each image of the batch costs, unweighted; 0 where the penalty is not taken.

        Args:
            score: From images, and what is known of them, to scores; each image by itself.
            real: Real images, as the critic sees them.
            generated: As many generated ones.
            given: What is known of them, or None.
            noise: Where noise comes from.
        """
        images = self._points(real, generated, noise)[:: self.one_in]
        told = None if given is None else given[:: self.one_in]
        directions = noise(*real.shape[1:])[:: self.one_in] if self.method == "random" else None
        squared = squared_slope(lambda x: score(x, told), images, self.method, directions)
        costs = torch.zeros(len(real), dtype=squared.dtype, device=squared.device)
        costs[:: self.one_in] = self._cost(squared) * (len(real) / len(images))
        return costs

    @property
    def changes(self) -> bool:
        """Whether the weight changes through a run."""
        return self.weight_at_end is not None

    def weight_after(self, part: float) -> float:
        """The weight after a part of the run, 0 to 1: a straight line on a logarithmic scale."""
        if self.weight_at_end is None:
            return self.weight
        return self.weight * (self.weight_at_end / self.weight) ** min(1.0, part)

    def _points(self, real: Images, generated: Images, noise: Noise) -> Images:
        if self.place == "between":
            return torch.lerp(generated, real, torch.special.ndtr(noise(1, 1, 1)))  # uniform on the line
        if self.place == "around":
            return real + self.spread * noise(*real.shape[1:])
        return real if self.place == "real" else generated

    def _cost(self, squared: PerImage) -> PerImage:
        if self.target is None:
            return squared
        excess = (squared + 1e-12).sqrt() - self.target  # the root has no gradient at 0
        return (excess.clamp(min=0) if self.one_sided else excess).square()


def squared_slope(
    score: Callable[[Tensor], Tensor],
    images: Images,
    method: Method = "exact",
    directions: Float[Tensor, "batch channels height width"] | None = None,
    step: float | None = None,
) -> PerImage:
    """The squared norm of the gradient of each image's score with respect to the image.

    Args:
        score: From images to scores, each image by itself.
        images: Where the slope is measured.
        method: How.
        directions: Standard normal noise, for `random`.
        step: Length of the difference's step; None for that of `STEPS`.

    Source:
        `random` with one side: Lin et al. 2025 (arXiv:2501.08316); differs in that both sides are
        taken, so that the error is of second order. `along` is the envelope theorem.
    """
    if method == "random":
        assert directions is not None
        return _difference(score, images, directions, step or STEPS["random"]).square()
    with torch.enable_grad():  # in a rehearsal too
        images = images.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(score(images).sum(), images, create_graph=method == "exact")
    if method == "exact":
        return gradient.square().flatten(1).sum(1)
    unit = functional.normalize(gradient.flatten(1)).view_as(gradient)
    return _difference(score, images.detach(), unit, step or STEPS["along"]).square()


def _difference(
    score: Callable[[Tensor], Tensor], images: Images, direction: Tensor, step: float
) -> PerImage:
    """The slope of the score along a direction, by a central difference."""
    return (score(images + step * direction) - score(images - step * direction)) / (2 * step)


def r1(
    gamma: float,
    *,
    at_end: float | None = None,
    every: int = 1,
    one_in: int = 1,
    method: Method = "exact",
) -> Penalty:
    """The squared slope at real images, times gamma / 2.

    Args:
        gamma: Its strength, 0 or more.
        at_end: Its strength at the end of a run; None keeps it.
        every: Turns from one time that it is taken to the next.
        one_in: Images of a batch from one that it is taken at to the next.
        method: How the slope is measured.

    Source:
        Mescheder et al. 2018 (arXiv:1801.04406), eq. 9; every so many turns: Karras et al. 2020
        (arXiv:1912.04958), section 3.1.
    """
    end = None if at_end is None else at_end / 2
    return Penalty("r1", gamma / 2, "real", method=method, every=every, one_in=one_in, weight_at_end=end)


def r2(
    gamma: float,
    *,
    at_end: float | None = None,
    every: int = 1,
    one_in: int = 1,
    method: Method = "exact",
) -> Penalty:
    """The squared slope at generated images, times gamma / 2.

    Args:
        gamma: Its strength, 0 or more.
        at_end: Its strength at the end of a run; None keeps it.
        every: Turns from one time that it is taken to the next.
        one_in: Images of a batch from one that it is taken at to the next.
        method: How the slope is measured.

    Source:
        Mescheder et al. 2018 (arXiv:1801.04406), eq. 10.
    """
    end = None if at_end is None else at_end / 2
    return Penalty("r2", gamma / 2, "generated", method=method, every=every, one_in=one_in, weight_at_end=end)


def gradient_penalty(
    weight: float = 10.0,
    *,
    one_sided: bool = False,
    every: int = 1,
    one_in: int = 1,
    method: Method = "exact",
) -> Penalty:
    """The squared distance of the slope to 1, between real and generated images.

    The norm is that of each image's gradient, not of the batch's.

    Args:
        weight: Its strength, 0 or more.
        one_sided: Whether only slopes above 1 cost something.
        every: Turns from one time that it is taken to the next.
        one_in: Images of a batch from one that it is taken at to the next.
        method: How the slope is measured, `exact` or `along`.

    Source:
        Gulrajani et al. 2017 (arXiv:1704.00028), eq. 3; one side: Petzka et al. 2018 (arXiv:1709.08894).
    """
    return Penalty("gradient_penalty", weight, "between", 1.0, one_sided, 0.0, method, one_in, every)


def dragan(
    weight: float = 10.0,
    *,
    spread: float = 0.25,
    every: int = 1,
    one_in: int = 1,
    method: Method = "exact",
) -> Penalty:
    """The squared distance of the slope to 1, around real images.

    Args:
        weight: Its strength, 0 or more.
        spread: Standard deviation of the noise that is added to images; half of that of usual images.
        every: Turns from one time that it is taken to the next.
        one_in: Images of a batch from one that it is taken at to the next.
        method: How the slope is measured, `exact` or `along`.

    Source:
        Kodali et al. 2017 (arXiv:1705.07215).
    """
    return Penalty("dragan", weight, "around", 1.0, False, spread, method, one_in, every)
