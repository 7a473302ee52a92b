"""What every model with latents does the same way: draw images, state the bound, weigh draws.

Functions over what a model can do (encode, decode), so that each family stays one flat class.
"""

from collections.abc import Callable
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from latentia._types import Given, Images, Latents, PerImage
from latentia.distributions import Density
from latentia.losses import importance_weighted_bound, log_importance_weights
from latentia.protocols import Decodes

ON_PROCESSOR, ON_ACCELERATOR = 2**19, 2**25
"""Pixel values that are decoded at a time."""


@runtime_checkable
class Explicit(Protocol):
    """Encoder, decoder and prior that all return densities."""

    image_shape: tuple[int, int, int]

    def encode(self, images: Images, *, given: Given | None = None) -> Density: ...
    def decode(self, latents: Latents, *, given: Given | None = None) -> Density: ...
    def prior(self, *, given: Given | None = None) -> Density: ...


def standard_normal(shape: tuple[int, ...], like: Tensor, generator: torch.Generator | None) -> Tensor:
    """Noise on the device and in the precision of another tensor."""
    return torch.randn(shape, generator=generator, device=like.device, dtype=like.dtype)


def draw_images(
    model: Decodes,
    num_images: int,
    *,
    generator: torch.Generator | None,
    noise: bool,
    temperature: float,
    given: Given | None = None,
) -> Images:
    """Z from the prior, then x from p(x|z), or the mean of p(x|z) without noise.

    Raises:
        ValueError: If fewer than one image is asked for, or the temperature is negative.
    """
    if num_images < 1:
        raise ValueError(f"Asked for {num_images} images; ask for at least 1.")
    if not temperature >= 0:
        raise ValueError(f"The temperature is {temperature}; it has to be 0 or more.")
    prior = model.prior(given=given)
    prior_noise = standard_normal((num_images, *prior.noise_shape), prior.mean, generator)
    latents = prior.draw(temperature * prior_noise)
    pixels = model.decode(latents, given=given)
    if not noise:
        return pixels.mean
    return pixels.draw(standard_normal((num_images, *pixels.noise_shape), latents, generator))


def latent_log_weights(
    model: Explicit,
    images: Images,
    num_draws: int,
    generator: torch.Generator | None,
    given: Given | None = None,
) -> Float[Tensor, "draws batch"]:
    """Log importance weights of draws from the model's posterior, in nats; images are encoded once."""
    posterior, prior = model.encode(images, given=given), model.prior(given=given)
    decode = decoder_told(model, given)
    shape = (len(images), *posterior.noise_shape)
    return torch.cat(
        [
            log_importance_weights(
                images, posterior, prior, decode, standard_normal((draws, *shape), images, generator)
            )
            for draws in portions(num_draws, images)
        ]
    )


def decoder_told(model: Explicit, given: Given | None) -> Callable[[Latents], Density]:
    """The model's decoder of latents, one or more draws for every image that something is given of."""

    def decode(latents: Latents) -> Density:
        if given is None:
            return model.decode(latents)
        return model.decode(latents, given=given.repeat(len(latents) // len(given), *[1] * (given.dim() - 1)))

    return decode


def portions(num_draws: int, images: Images) -> list[int]:
    """Draws to decode at a time, so that memory does not grow with their number.

    On a processor what is decoded at a time stays in its cache, which is a third faster.
    """
    values = ON_PROCESSOR if images.device.type == "cpu" else ON_ACCELERATOR
    size = max(1, values // images.numel())
    return [min(size, num_draws - start) for start in range(0, num_draws, size)]


def latent_log_prob(model: Explicit, images: Images, num_draws: int, given: Given | None = None) -> PerImage:
    """The importance-weighted bound with the same noise for every image and in every call, in nats.

    An image so has one number, whatever stands beside it in the batch.
    """
    posterior = model.encode(images, given=given)
    generator = torch.Generator(images.device).manual_seed(0)
    noise = standard_normal((num_draws, 1, *posterior.noise_shape), images, generator)
    noise = noise.expand(num_draws, len(images), *posterior.noise_shape)
    prior, decode = model.prior(given=given), decoder_told(model, given)
    log_weights = log_importance_weights(images, posterior, prior, decode, noise)
    return importance_weighted_bound(log_weights)
