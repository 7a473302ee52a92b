"""Latents that are noise and codes: categories and numbers that a generator is to make visible."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional

from latentia._types import Images
from latentia.distributions.distribution import Density, Distribution


@dataclass(frozen=True, slots=True)
class Codes:
    """How a latent vector is divided: noise, then one-hot categories, then numbers from (-1, 1).

    Attributes:
        num_noise: Length of the noise.
        categories: How many values each categorical code has.
        num_continuous: How many continuous codes there are.

    Example:
        >>> Codes(62, categories=(10,), num_continuous=2).num_latents
        74
    """

    num_noise: int
    categories: tuple[int, ...] = ()
    num_continuous: int = 0

    @property
    def num_latents(self) -> int:
        """Length of a latent vector."""
        return self.num_noise + sum(self.categories) + self.num_continuous

    @property
    def entropy(self) -> float:
        """H(c) of all codes, nats; of the continuous ones the differential entropy."""
        return sum(map(math.log, self.categories)) + self.num_continuous * math.log(2)

    def split(self, latents: Tensor) -> tuple[Tensor, tuple[Tensor, ...], Tensor]:
        """Noise, categories and numbers of latent vectors."""
        noise, *categories, numbers = latents.split(
            [self.num_noise, *self.categories, self.num_continuous], dim=-1
        )
        return noise, tuple(categories), numbers


@dataclass(frozen=True, slots=True)
class CodedNormal(Distribution):
    """Standard normal noise, uniform categories and uniform numbers, drawn from normal noise.

    Attributes:
        codes: How a latent vector is divided.
        mean: Shape (1, latents).
    """

    codes: Codes
    mean: Tensor = field()  # takes the place of the property, which would be read as a default

    @property
    def noise_shape(self) -> tuple[int, ...]:
        return (self.codes.num_latents,)

    def draw(self, noise: Tensor) -> Tensor:
        rest, categories, numbers = self.codes.split(noise)
        # The largest of k alike is each of them as often; the normal's distribution function is uniform.
        one_hot = [functional.one_hot(c.argmax(-1), c.shape[-1]).to(noise) for c in categories]
        return torch.cat([rest, *one_hot, torch.erf(numbers / math.sqrt(2))], -1)


class CodedPrior(nn.Module):
    """The prior of noise and codes.

    Args:
        codes: How a latent vector is divided.

    Source:
        Chen et al. 2016 (arXiv:1606.03657), section 7.
    """

    def __init__(self, codes: Codes) -> None:
        super().__init__()
        self.codes = codes
        categories = [torch.full((k,), 1 / k) for k in codes.categories]
        mean = torch.cat([torch.zeros(codes.num_noise), *categories, torch.zeros(codes.num_continuous)])
        self.register_buffer("mean", mean.unsqueeze(0), persistent=False)

    def forward(self, encode: Callable[[Images], Density] | None = None) -> CodedNormal:
        return CodedNormal(self.codes, self.get_buffer("mean"))
