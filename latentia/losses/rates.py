"""Rates: what it costs to say which latents an image has, in nats an image."""

from latentia._types import Latents, PerImage
from latentia.distributions import Density, Normal


def rate(posterior: Density, prior: Density, latents: Latents) -> PerImage:
    """The rate KL(q(z|x) || p(z)): in closed form between Gaussians, elsewhere from one draw.

    Args:
        posterior: q(z|x).
        prior: p(z).
        latents: A draw from the posterior; not used where there is a closed form.

    Returns:
        Nats an image. The estimate from one draw is unbiased and may be negative.

    Source:
        Kingma & Welling 2014 (arXiv:1312.6114), appendix B, for a general Gaussian prior.
    """
    if isinstance(posterior, Normal) and isinstance(prior, Normal):
        return normal_rate(posterior, prior)
    return posterior.log_prob(latents) - prior.log_prob(latents)


def normal_rate(posterior: Normal, prior: Normal) -> PerImage:
    """KL of two diagonal Gaussians.

        sum over latents of log(s_p / s_q) + (s_q^2 + (m_q - m_p)^2) / (2 s_p^2) - 1/2

    Returns:
        Nats an image.

    Example:
        >>> import torch
        >>> q, p = Normal(torch.ones(1, 3), torch.zeros(1, 3)), Normal(torch.zeros(1, 3), torch.zeros(1, 3))
        >>> normal_rate(q, p)  # half of the squared distance of the means
        tensor([1.5000])
    """
    log_ratio = posterior.log_std - prior.log_std
    distance = (posterior.mean - prior.mean) * (-prior.log_std).exp()
    each = 0.5 * ((2 * log_ratio).exp() + distance.square() - 1) - log_ratio
    return each.flatten(1).sum(1)
