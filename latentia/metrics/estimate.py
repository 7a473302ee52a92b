"""A measured number and how sure one may be of it."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Shaped
from torch import Tensor

CONFIDENCE = 1.96  # standard errors on either side that hold 95 of 100 true values, of a normal error


class Unmeasurable(ValueError):  # noqa: N818 - what is wrong is the set of images, not the program
    """A metric would mean nothing here, mostly for want of images; the letter names one that would."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number that was measured on a finite set of images.

    Attributes:
        value: The number.
        error: Its standard error over draws of the judged images, in the same unit.
    """

    value: float
    error: float

    @property
    def interval(self) -> tuple[float, float]:
        """Where the number lies with a confidence of 95 %."""
        return self.value - CONFIDENCE * self.error, self.value + CONFIDENCE * self.error

    @staticmethod
    def of_mean(values: Shaped[Tensor, " values"]) -> "Estimate":
        """The mean of independent values, one an image or a pair.

        >>> Estimate.of_mean(torch.tensor([1.0, 3.0]))
        Estimate(value=2.0, error=1.0)
        """
        values = values.double()
        spread = values.std(correction=min(1, len(values) - 1))
        return Estimate(values.mean().item(), (spread / len(values) ** 0.5).item())

    @staticmethod
    def jackknife(value: float, without: Sequence[float]) -> "Estimate":
        """A number whose error is told by how it changes when one group of images at a time is left out.

        error^2 = (G - 1) / G * sum_g (value_g - mean_g value_g)^2

        A bootstrap would draw images twice, and a repeated image is what distances between neighbours,
        unbiased kernel sums and covariances of few images must not meet.

        Args:
            value: On all images.
            without: On all but one of G groups of about the same size, for each of them; at least 2.

        Source:
            Efron & Stein 1981, "The jackknife estimate of variance"; with groups, Shao & Tu 1995, "The
            Jackknife and Bootstrap", section 2.3.

        Example:
            >>> Estimate.jackknife(2.0, [3.0, 2.0, 1.0])  # the mean of 0, 2 and 4: its error is 2 / 3^0.5
            Estimate(value=2.0, error=1.1547005383792515)
        """
        left = torch.tensor(without, dtype=torch.float64)
        squares = (left - left.mean()).square().sum() * (len(left) - 1) / len(left)
        return Estimate(value, squares.sqrt().item())
