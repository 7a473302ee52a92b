"""The linear variational autoencoder, whose density is known in closed form."""

import math
from typing import ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from latentia._types import Given, Images, Latents, PerImage
from latentia.distributions import Density, Normal, NormalPixels, StandardNormal, in_double
from latentia.models.bounds import Evidence
from latentia.models.latent import draw_images, latent_log_weights
from latentia.protocols import Decodes, Encodes, ExplicitModel, Objective


class LinearVariationalAutoencoder(ExplicitModel, Encodes, Decodes):
    """A variational autoencoder with linear maps: probabilistic principal component analysis.

        p(x|z) = N(W z + mean, s^2 I),  q(z|x) = N(V (x - mean), diag(t^2)),  p(x) = N(mean, W W' + s^2 I)

    Its lower bound has no maxima but those of the likelihood, at which the columns of W are the
    principal directions; there q(z|x) is exact.

    Args:
        image_shape: (channels, height, width).
        num_latents: Length of a latent vector.
        levels: Number of stored levels of the data; None for continuous data, whose density this is.
        mean: Mean image of the training data; zeros without it.
        std: Standard deviation of every pixel over the training data; ones without it.

    Source:
        Tipping & Bishop 1999 (doi:10.1111/1467-9868.00196); Lucas et al. 2019 (arXiv:1911.02469).
    """

    density: ClassVar[Literal["exact", "lower bound"]] = "exact"

    def __init__(
        self,
        *,
        image_shape: tuple[int, int, int],
        num_latents: int,
        levels: int | None,
        mean: Tensor | None = None,
        std: Tensor | None = None,
    ) -> None:
        super().__init__()
        num_pixels = math.prod(image_shape)
        self.image_shape = image_shape
        self.loadings = nn.Parameter(torch.randn(num_pixels, num_latents) * 0.1 * num_pixels**-0.5)
        self.recognition = nn.Parameter(torch.randn(num_latents, num_pixels) * 0.1 * num_pixels**-0.5)
        self.latent_log_std = nn.Parameter(torch.zeros(num_latents))
        self.likelihood = NormalPixels(image_shape, levels=levels, variance="shared", mean=mean, std=std)
        self.latent_prior = StandardNormal(num_latents)

    def encode(self, images: Images, *, given: Given | None = None) -> Normal:
        centred = (images - self.likelihood.mean).flatten(1)
        mean = centred @ self.recognition.T
        return Normal(mean, self.latent_log_std.expand_as(mean))

    def decode(self, latents: Latents, *, given: Given | None = None) -> Density:
        likelihood: Density = self.likelihood((latents @ self.loadings.T).unflatten(1, self.image_shape))
        return likelihood

    def prior(self, *, given: Given | None = None) -> Density:
        prior: Density = self.latent_prior()
        return prior

    def sample(
        self,
        num_images: int,
        *,
        given: Given | None = None,
        generator: torch.Generator | None = None,
        noise: bool = True,
        temperature: float = 1.0,
    ) -> Images:
        return draw_images(self, num_images, generator=generator, noise=noise, temperature=temperature)

    def objectives(self) -> tuple[Objective, ...]:
        return (Evidence().objective(self, (self,)),)

    def log_weights(
        self,
        images: Images,
        num_draws: int,
        *,
        given: Given | None = None,
        generator: torch.Generator | None = None,
    ) -> Float[Tensor, "draws batch"]:
        return latent_log_weights(self, images, num_draws, generator)

    def log_prob(self, images: Images, *, given: Given | None = None) -> PerImage:
        """The log-density log N(x; mean, W W' + s^2 I), in closed form.

        Of stored levels: its expectation under uniform noise one level wide, plus the log-width of a
        level a dimension, which bounds their log-mass from below (the noise is integrated exactly).

        Returns:
            Nats an image.

        Note:
            Costs the Cholesky factor of a matrix of latents by latents (the matrix inversion lemma), in
            float64.
        """
        loadings = in_double(self.loadings)
        residual = in_double(images - self.likelihood.mean).flatten(1)
        num_pixels, num_latents = loadings.shape
        variance = in_double(self.likelihood.shared_std()).square()
        inner = torch.eye(num_latents, dtype=variance.dtype, device=variance.device)
        factor = torch.linalg.cholesky(inner + loadings.T @ loadings / variance)
        explained = torch.linalg.solve_triangular(factor, (residual @ loadings).T / variance, upper=False)
        log_determinant = num_pixels * variance.log() + 2 * factor.diagonal().log().sum()
        square = residual.square().sum(1) / variance - explained.square().sum(0)
        log_density = -0.5 * (square + log_determinant + num_pixels * math.log(2 * math.pi))
        if self.likelihood.levels is not None:
            width = 2 / (self.likelihood.levels - 1)
            unexplained = num_latents - torch.cholesky_inverse(factor).diagonal().sum()
            trace_of_precision = (num_pixels - unexplained) / variance
            log_density = log_density + num_pixels * math.log(width) - width**2 / 24 * trace_of_precision
        return log_density.to(images)
