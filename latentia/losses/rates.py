"""Rates: what it costs to say which latents an image has, in nats an image."""

import torch
from jaxtyping import Float
from torch import Tensor

from latentia._types import Latents, PerImage
from latentia.distributions import Density, Normal


def draw_with_rate(posterior: Density, prior: Density, noise: Tensor) -> tuple[Latents, PerImage]:
    """A draw of z and the rate KL(q(z|x) || p(z)): in closed form between Gaussians, else from the draw.

    Args:
        posterior: q(z|x).
        prior: p(z).
        noise: Standard normal, for one draw from the posterior.

    Returns:
        Latents, and nats an image. The rate from one draw is unbiased and may be negative.

    Source:
        Kingma & Welling 2014 (arXiv:1312.6114), appendix B, for a general Gaussian prior.
    """
    if isinstance(posterior, Normal) and isinstance(prior, Normal):
        return posterior.draw(noise), normal_rates(posterior, prior).sum(1)
    latents, log_posterior = posterior.draw_and_log_prob(noise)
    return latents, log_posterior - prior.log_prob(latents)


def normal_rates(posterior: Normal, prior: Normal) -> Float[Tensor, "batch latents"]:
    """KL of two diagonal Gaussians, by latent.

        log(s_p / s_q) + (s_q^2 + (m_q - m_p)^2) / (2 s_p^2) - 1/2

    Returns:
        Nats.

    Example:
        >>> q, p = Normal(torch.ones(1, 3), torch.zeros(1, 3)), Normal(torch.zeros(1, 3), torch.zeros(1, 3))
        >>> normal_rates(q, p)  # half of the squared distance of the means
        tensor([[0.5000, 0.5000, 0.5000]])
    """
    log_ratio = posterior.log_std - prior.log_std
    distance = (posterior.mean - prior.mean) * (-prior.log_std).exp()
    return (0.5 * ((2 * log_ratio).exp() + distance.square() - 1) - log_ratio).flatten(1)


def held_rate(
    rates: Float[Tensor, "batch groups"], means: Float[Tensor, " groups"], floors: Float[Tensor, " groups"]
) -> PerImage:
    """The rate with free bits: groups whose mean rate lies below their floor count as the floor.

    Equal in value, and in gradient, to the sum over groups of max(floor, mean over the batch), but a
    number an image.

    Args:
        rates: KL of every image by group of latents, in nats.
        means: Their means over the global batch, without gradient.
        floors: Free nats of every group.

    Returns:
        Nats an image.

    Source:
        Kingma et al. 2016 (arXiv:1606.04934), eq. 15.
    """
    return torch.where(means > floors, rates, floors).sum(1)
