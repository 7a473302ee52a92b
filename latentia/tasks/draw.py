"""Draws from a model with their noise in hand: which it is, how far out it may lie, and what it is told."""

import math
from collections.abc import Iterator
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from latentia._types import Given, Images
from latentia.distributions import Distribution
from latentia.networks import Condition
from latentia.protocols import Decodes, require

AT_ONCE = 256
"""Images decoded in one go."""


@runtime_checkable
class Conditional(Protocol):
    """A model that may be told something of every image: its class, or its attributes."""

    condition: Condition | None

    def parameters(self) -> Iterator[nn.Parameter]: ...


def truncate(noise: Float[Tensor, "*shape"], threshold: float) -> Float[Tensor, "*shape"]:
    """Normal noise as noise of the normal cut off at a threshold: the truncation trick.

        F^-1(F(t) F(n)),   F(n) = erf(n / sqrt(2)), the probability within n of 0

    The result is distributed as if every value beyond the threshold were drawn again until it lies within,
    and moves smoothly with the threshold, so that one seed can be looked at under several.

    Args:
        noise: Standard normal.
        threshold: Largest size of a value, in standard deviations, above 0. Draws are more typical and less
            varied below; infinity changes nothing.

    Raises:
        ValueError: If the threshold is not above 0.

    Source:
        Brock et al. 2019 (arXiv:1809.11096), section 3.1, which draws again instead.

    Example:
        >>> truncate(torch.tensor([-3.0, 0.0, 0.5, 3.0]), 1.0)
        tensor([-0.9962,  0.0000,  0.3337,  0.9962])
    """
    if not threshold > 0:
        raise ValueError(
            f"The threshold of truncation is {threshold}; it is a size in standard deviations above 0: 2 "
            f"hardly cuts, 0.5 cuts much."
        )
    # In float64: in float32 all noise beyond 3.9 would have probability 1, and lie at the threshold.
    within = math.erf(threshold / math.sqrt(2)) * torch.erf(noise.double() / math.sqrt(2))
    cut = math.sqrt(2) * torch.erfinv(within)
    return torch.where(noise.abs() < 8, cut, noise.double()).clamp(-threshold, threshold).to(noise)


@torch.no_grad()
def sample_truncated(
    model: object,
    num_images: int,
    threshold: float,
    *,
    given: Given | None = None,
    generator: torch.Generator | None = None,
) -> Images:
    """Draws of which no part of the noise lies beyond a threshold: more typical, less varied.

    Args:
        model: One that decodes, in evaluation mode.
        num_images: How many, at least 1.
        threshold: Largest size of the noise, in standard deviations, above 0.
        given: What a conditional model is told of each image; without it that is drawn.
        generator: Source of randomness, on the model's device.

    Returns:
        Means of p(x|z). They are no draws from what the model has learned, unless the threshold is infinite.

    Raises:
        ValueError: If the model cannot decode, or a number is out of range.

    Note:
        `sample(temperature=)` scales the noise instead of cutting it. Both buy precision with recall.

    Source:
        Brock et al. 2019 (arXiv:1809.11096), section 3.1.
    """
    decoder = require(model, Decodes, task="sample with truncation")
    if num_images < 1:
        raise ValueError(f"Asked for {num_images} images; ask for at least 1.")
    given = conditions_for(model, num_images, generator) if given is None else given
    prior = decoder.prior(given=given)
    latents = prior.draw(truncate(noise_for(prior, num_images, generator), threshold))
    parts = latents.split(AT_ONCE)
    told = [None] * len(parts) if given is None else given.split(AT_ONCE)
    return torch.cat([decoder.decode(z, given=some).mean for z, some in zip(parts, told, strict=True)])


def noise_for(prior: Distribution, num_draws: int, generator: torch.Generator | None) -> Tensor:
    """Standard normal noise for draws from a prior."""
    like = prior.mean
    shape = (num_draws, *prior.noise_shape)
    return torch.randn(shape, generator=generator, device=like.device, dtype=like.dtype)


def conditions_for(model: object, num_images: int, generator: torch.Generator | None) -> Given | None:
    """What a conditional model may be told of images, drawn as it draws it; None for any other."""
    if not (isinstance(model, Conditional) and model.condition is not None):
        return None
    device = next(model.parameters()).device
    return model.condition.draw(num_images, generator=generator, device=device)


def is_conditional(model: object) -> bool:
    """Whether a model has to be told something of every image."""
    return isinstance(model, Conditional) and model.condition is not None
