"""Diagonal Gaussians: over latents, over continuous images, and over stored levels."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from latentia._types import Images
from latentia.distributions.distribution import BatchMean, Density, mean_over_first
from latentia.distributions.levels import all_levels, cell_around, level_width, nearest_level, value_of_level
from latentia.distributions.precision import in_double

LOG_SQRT_TWO_PI = 0.5 * math.log(2 * math.pi)


@dataclass(frozen=True, slots=True)
class Normal(Density):
    """Gaussians with diagonal covariance.

    Attributes:
        mean: Shape (batch, *event); every dimension after the first belongs to one value.
        log_std: Logarithm of the standard deviation, of a shape that broadcasts to that of the mean.

    Example:
        >>> standard = Normal(torch.zeros(1, 2), torch.zeros(1, 2))
        >>> standard.log_prob(torch.zeros(1, 2)).exp()  # 1 / (2 pi)
        tensor([0.1592])
    """

    mean: Tensor = field()  # takes the place of the property, which would be read as a default
    log_std: Tensor

    @property
    def noise_shape(self) -> tuple[int, ...]:
        return tuple(self.mean.shape[1:])

    def detached(self) -> "Normal":
        """The same distribution, without gradient to its parameters."""
        return Normal(self.mean.detach(), self.log_std.detach())

    def draw(self, noise: Tensor) -> Tensor:
        return self.mean + self.log_std.exp() * noise

    def log_prob(self, value: Tensor) -> Float[Tensor, "*batch"]:
        standardised = (value - self.mean) * torch.exp(-self.log_std)
        log_density = -0.5 * standardised.square() - self.log_std - LOG_SQRT_TWO_PI
        return _sum_over_event(log_density, self.mean)


@dataclass(frozen=True, slots=True)
class DiscretisedNormal(Density):
    """A Gaussian a pixel whose outcomes are the stored levels of images.

    The probability of a level is the mass of the Gaussian in the cell around it; the cells at the two
    ends reach to infinity, so that the probabilities of all levels sum to 1 whatever the mean and the
    deviation. Levels lie 2 / (levels - 1) apart on [-1, 1].

    Attributes:
        location: Mean of the Gaussian before it is cut into cells, (batch, channels, height, width).
        log_std: Logarithm of its standard deviation, broadcasting to the location.
        levels: How many levels the data has, at least 2 (8-bit images: 256).
    """

    location: Tensor
    log_std: Tensor
    levels: int

    @property
    def width(self) -> float:
        """Distance between two levels."""
        return level_width(self.levels)

    @property
    def mean(self) -> Tensor:
        """The location, brought into the range of images."""
        return self.location.clamp(-1, 1)

    @property
    def noise_shape(self) -> tuple[int, ...]:
        return tuple(self.location.shape[1:])

    def draw(self, noise: Tensor) -> Tensor:
        drawn = self.location + self.log_std.exp() * noise
        return value_of_level(nearest_level(drawn, self.levels), self.levels)

    def log_prob(self, value: Tensor) -> Float[Tensor, "*batch"]:
        """Log-mass of the cells that the levels lie in, in nats an image, computed in float64."""
        location, inverse_std = in_double(self.location), torch.exp(-in_double(self.log_std))
        lower, upper = cell_around(in_double(value), self.levels)
        log_mass = _log_mass_between((lower - location) * inverse_std, (upper - location) * inverse_std)
        return _sum_over_event(log_mass, self.location).to(self.location)

    def level_log_probs(self, earlier: Images) -> Float[Tensor, "batch height width levels"]:
        location = in_double(self.location)
        inverse_std = torch.exp(-in_double(self.log_std)).expand_as(location)
        here, scale = (numbers[:, earlier.shape[1], ..., None] for numbers in (location, inverse_std))
        lower, upper = cell_around(all_levels(self.levels, location), self.levels)
        return _log_mass_between((lower - here) * scale, (upper - here) * scale)

    def dequantised_log_prob(
        self, value: Tensor, uniform: Callable[[], Tensor], batch_mean: BatchMean = mean_over_first
    ) -> Float[Tensor, "*batch"]:
        """Log-density at the level with noise one level wide, plus the log-width of a level."""
        density = Normal(self.location, self.log_std).log_prob(value + self.width * uniform())
        return density + self.location[0].numel() * math.log(self.width)


def _log_mass_between(lower: Tensor, upper: Tensor) -> Tensor:
    """log(Phi(upper) - Phi(lower)) of the standard normal, accurate in both tails."""
    # Both in the upper tail: by symmetry, look from the other side, where Phi is not 1 - something tiny.
    mirrored = lower > 0
    low = torch.where(mirrored, -upper, lower)
    high = torch.where(mirrored, -lower, upper)
    log_low, log_high = torch.special.log_ndtr(low), torch.special.log_ndtr(high)
    return log_high + torch.log(-torch.expm1(log_low - log_high))


def _sum_over_event(values: Tensor, like: Tensor) -> Tensor:
    """Sums the dimensions of one event: all but the first of the parameters'."""
    return values.flatten(start_dim=values.ndim - like.ndim + 1).sum(-1)
