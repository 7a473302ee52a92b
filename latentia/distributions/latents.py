"""Modules that make distributions over latents: posteriors from features, and priors."""

from collections.abc import Callable
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from latentia._types import Images
from latentia.distributions.dirac import Dirac
from latentia.distributions.distribution import Density
from latentia.distributions.normal import Normal
from latentia.distributions.soft_bound import soft_bound


@runtime_checkable
class LatentPrior(Protocol):
    """A module that makes the prior p(z); some priors are made of posteriors, hence of the encoder."""

    def __call__(self, encode: Callable[[Images], Density]) -> Density: ...


class StandardNormal(nn.Module):
    """The prior N(0, I) over latents."""

    def __init__(self, num_latents: int) -> None:
        super().__init__()
        self.register_buffer("zero", torch.zeros(1, num_latents), persistent=False)

    def forward(self, encode: Callable[[Images], Density] | None = None) -> Normal:
        zero = self.get_buffer("zero")
        return Normal(zero, zero)


class LatentNormal(nn.Module):
    """Features to a Gaussian over latents with diagonal covariance."""

    def __init__(self, num_features: int, num_latents: int) -> None:
        super().__init__()
        self.linear = nn.Linear(num_features, 2 * num_latents)
        nn.init.normal_(self.linear.weight, std=0.1 * num_features**-0.5)  # q(z|x) starts near the prior
        nn.init.zeros_(self.linear.bias)

    def forward(self, features: Float[Tensor, "batch features"]) -> Normal:
        mean, log_std = self.linear(features).chunk(2, dim=1)
        # From exp(-8), a latent that knows its value to 12 bits, to exp(2), wider than any prior.
        return Normal(mean, soft_bound(log_std, -8.0, 2.0))


class LatentPoint(nn.Module):
    """Features to a point among latents: a posterior that is certain, and has no density."""

    def __init__(self, num_features: int, num_latents: int) -> None:
        super().__init__()
        self.linear = nn.Linear(num_features, num_latents)

    def forward(self, features: Float[Tensor, "batch features"]) -> Dirac:
        return Dirac(self.linear(features))
