"""What latents cost and what they say: rate and distortion, active units, rates by latent or by group."""

from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from latentia._types import Given, Images, Latents
from latentia.distributions import Density, Normal
from latentia.losses import normal_rates
from latentia.protocols import Decodes, Encodes, ExplicitModel, require

ACTIVE = 0.01
"""Variance of a latent's posterior mean over images, above which it says something of them."""
BATCH = 100  # images at a time


@runtime_checkable
class Autoencoder(Protocol):
    """A model with latents, whose encoder, decoder and prior all return densities."""

    def encode(self, images: Images, *, given: Given | None = None) -> Density: ...
    def decode(self, latents: Latents, *, given: Given | None = None) -> Density: ...
    def prior(self, *, given: Given | None = None) -> Density: ...


@runtime_checkable
class Ladder(Protocol):
    """A model whose latents are drawn group after group."""

    def rates_by_group(
        self, images: Images, *, generator: torch.Generator | None = None
    ) -> Float[Tensor, "batch groups"]: ...


@dataclass(frozen=True, slots=True)
class LatentUse:
    """How a model uses its latents, on some images.

    Attributes:
        rate: KL(q(z|x) || p(z)): what it costs to say which latents an image has, in nats an image.
        distortion: -log p(x|z): what it costs to say the image when its latents are known, in nats. Rate
            and distortion add up to the negative ELBO.
        num_active: Latents whose posterior mean varies over images (active units).
        num_latents: Latents in all.
        rates_by: What `rates` are of: "latent" where posterior and prior are Gaussian, "group" (the top one
            first) for a ladder, None where there is only the whole.
        rates: Mean rate of each, in nats.
    """

    rate: float
    distortion: float
    num_active: int
    num_latents: int
    rates_by: Literal["latent", "group"] | None
    rates: tuple[float, ...]

    def __str__(self) -> str:
        lines = [
            f"rate {self.rate:.2f} + distortion {self.distortion:.2f} nats an image; "
            f"{self.num_active} of {self.num_latents} latents are active"
        ]
        if self.rates_by:
            falling = sorted(self.rates, reverse=True) if self.rates_by == "latent" else self.rates
            order = "the largest" if self.rates_by == "latent" else "the top one"
            told = " ".join(f"{rate:.2f}" for rate in falling[:16]) + (" ..." if len(falling) > 16 else "")
            lines.append(f"rate by {self.rates_by}, {order} first: {told}")
        return "\n".join(lines)


def active_latents(means: Float[Tensor, "images latents"]) -> Bool[Tensor, " latents"]:
    """Which latents say something of images: those whose posterior mean varies over them by more than 0.01.

    Source:
        Burda et al. 2016 (arXiv:1509.00519), section 5.
    """
    return means.var(0) > ACTIVE


@torch.inference_mode()
def measure_latent_use(
    model: ExplicitModel, images: Images, *, given: Given | None = None, seed: int = 0
) -> LatentUse:
    """Rate, distortion and active units of a model on images, from one draw an image.

    Args:
        model: It has latents, is in evaluation mode, and has averaged weights where the run keeps them.
        images: Held-out images in [-1, 1], at least 2.
        given: What a conditional model is told of each image.
        seed: Seed of the draws.

    Raises:
        ValueError: If the model has no latents, or there are fewer than 2 images, over which nothing varies.
    """
    require(model, Encodes, task="measure_latent_use")
    require(model, Decodes, task="measure_latent_use")
    assert isinstance(model, Autoencoder)
    if len(images) < 2:
        raise ValueError(f"{len(images)} images: latents are active where they vary, so give 2 or more.")
    prior = model.prior()
    device = prior.mean.device
    generator = torch.Generator(device).manual_seed(seed)
    means, rates, distortions = [], [], []
    for start in range(0, len(images), BATCH):
        rows = slice(start, start + BATCH)
        batch, told = images[rows].to(device), None if given is None else given[rows].to(device)
        posterior = model.encode(batch, given=told)
        noise = torch.randn(len(batch), *posterior.noise_shape, generator=generator, device=device)
        latents, log_posterior = posterior.draw_and_log_prob(noise)
        rates_by, parts = _parts(model, batch, posterior, prior, generator)
        if parts is None:
            parts = (log_posterior - prior.log_prob(latents)).unsqueeze(1)
        rates.append(parts.cpu().double())
        distortions.append(-model.decode(latents, given=told).log_prob(batch).cpu().double())
        means.append(posterior.mean.cpu())
    mean_rates = torch.cat(rates).mean(0)
    return LatentUse(
        rate=mean_rates.sum().item(),
        distortion=torch.cat(distortions).mean().item(),
        num_active=int(active_latents(torch.cat(means)).sum()),
        num_latents=means[0].shape[1],
        rates_by=rates_by,
        rates=tuple(mean_rates.tolist()) if rates_by else (),
    )


def _parts(
    model: Autoencoder, images: Images, posterior: Density, prior: Density, generator: torch.Generator
) -> tuple[Literal["latent", "group"] | None, Float[Tensor, "batch parts"] | None]:
    """What a rate can be divided into, and the rates of these parts."""
    if isinstance(posterior, Normal) and isinstance(prior, Normal):
        return "latent", normal_rates(posterior, prior)
    if isinstance(model, Ladder):
        return "group", model.rates_by_group(images, generator=generator)
    return None, None
