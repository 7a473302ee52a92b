"""A Gaussian with full covariance that follows what it is shown, for models that train no prior."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor, nn

from latentia._types import Images, Latents
from latentia.distributions.distribution import BatchMean, Density, Distribution
from latentia.distributions.precision import in_double
from latentia.networks import Remembers

MOMENTUM = 0.02  # weight of the last batch: about the last fifty count


@dataclass(frozen=True, slots=True)
class FullNormal(Density):
    """A Gaussian whose latents depend on each other.

    Attributes:
        mean: Shape (1, latents).
        factor: Lower triangular L of the covariance L L^T.
    """

    mean: Tensor = field()  # takes the place of the property, which would be read as a default
    factor: Float[Tensor, "latents latents"]

    @property
    def noise_shape(self) -> tuple[int, ...]:
        return tuple(self.mean.shape[1:])

    def draw(self, noise: Tensor) -> Tensor:
        return self.mean + noise @ self.factor.T

    def log_prob(self, value: Tensor) -> Float[Tensor, "*batch"]:
        residual = (value - self.mean).unsqueeze(-1)
        standardised = torch.linalg.solve_triangular(self.factor, residual, upper=False).squeeze(-1)
        normaliser = self.factor.diagonal().log().sum() + 0.5 * len(self.factor) * math.log(2 * math.pi)
        return -0.5 * standardised.square().sum(-1) - normaliser


class RunningNormal(nn.Module, Remembers):
    """The Gaussian with the mean and covariance of the vectors of the last batches.

        S <- (1 - w) S + w E[d d^T] - w^2 E[d] E[d]^T,   m <- m + w E[d],   d = z - m

    Moments of a batch are taken about the running mean, so that vectors which lie far from 0 and hardly
    differ keep their digits; S is never negative, nor is an average of such S, as averaged weights are.

    Args:
        num_latents: Length of a vector.
    """

    mean: Tensor
    covariance: Tensor

    def __init__(self, num_latents: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(num_latents))
        self.register_buffer("covariance", torch.eye(num_latents))
        self._latest: tuple[Tensor, Tensor] | None = None

    def forward(self, encode: Callable[[Images], Distribution] | None = None) -> FullNormal:
        covariance = in_double(self.covariance)
        # Float32 is sure to seven digits only; and latents may be functions of each other, or constant.
        slack = 1e-6 * covariance.diagonal().mean() + 1e-12
        factor = torch.linalg.cholesky(covariance + slack * torch.eye(len(covariance)).to(covariance))
        return FullNormal(self.mean.unsqueeze(0), factor.to(self.mean))

    def note(self, vectors: Latents, batch_mean: BatchMean) -> None:
        """Notes the moments of a batch, to be folded in once a turn."""
        apart = vectors.detach() - self.mean
        self._latest = (batch_mean(apart), batch_mean(apart.unsqueeze(2) * apart.unsqueeze(1)))

    def fold(self) -> None:
        """Moves mean and covariance towards those of the last batch."""
        if self._latest is not None:
            apart, products = self._latest
            self.mean += MOMENTUM * apart
            self.covariance.lerp_(products, MOMENTUM).sub_(MOMENTUM**2 * apart.outer(apart))
            self._latest = None
