"""Gaussians whose deviation is refitted to every batch that they are trained on."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from jaxtyping import Float
from torch import Tensor

from latentia.distributions.distribution import BatchMean, Density, mean_over_first
from latentia.distributions.normal import DiscretisedNormal


@dataclass(frozen=True, slots=True)
class RefittedNormal(Density):
    """A Gaussian likelihood with one deviation, in training the best one for the batch.

        s^2 = mean over images and dimensions of (x - m)^2, without gradient

    So the bound is always the highest that any s gives, and its gradient is the whole one: that through s
    is 0 at the optimum.

    Attributes:
        density: The Gaussian outside of training.
        refit: From s^2 to log s; may remember it, for `density` to come.

    Source:
        Rybkin et al. 2021 (arXiv:2006.13202), eq. 7, where s is of an image or of a batch. Differs in that
        x has noise one level wide, and that the mean is over the global batch.
    """

    density: DiscretisedNormal
    refit: Callable[[Float[Tensor, ""]], Float[Tensor, ""]]

    @property
    def mean(self) -> Tensor:
        return self.density.mean

    @property
    def noise_shape(self) -> tuple[int, ...]:
        return self.density.noise_shape

    def draw(self, noise: Tensor) -> Tensor:
        return self.density.draw(noise)

    def log_prob(self, value: Tensor) -> Float[Tensor, "*batch"]:
        return self.density.log_prob(value)

    def dequantised_log_prob(
        self, value: Tensor, uniform: Callable[[], Tensor], batch_mean: BatchMean = mean_over_first
    ) -> Float[Tensor, "*batch"]:
        """The log-density with noise one level wide, at the deviation that is best for the batch."""
        noise = uniform()
        residual = value + self.density.width * noise - self.density.location
        variance = batch_mean(residual.square().flatten(1).mean(1))  # eq. 7
        refitted = replace(self.density, log_std=self.refit(variance).to(residual).reshape(1, 1, 1, 1))
        return refitted.dequantised_log_prob(value, lambda: noise)
