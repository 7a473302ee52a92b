"""The evidence lower bound, as two terms for training and as importance weights for evaluation."""

from collections.abc import Callable, Mapping

import torch
from jaxtyping import Float
from torch import Tensor

from latentia._types import Images, Latents, PerImage
from latentia.distributions import Density
from latentia.losses.rates import rate


def evidence_terms(
    images: Images,
    posterior: Density,
    prior: Density,
    decode: Callable[[Latents], Density],
    *,
    latent_noise: Tensor,
    pixel_noise: Tensor,
) -> Mapping[str, PerImage]:
    """Distortion and rate, whose sum is the negative evidence lower bound.

        distortion = -E_q[log p(x|z)],  rate = KL(q(z|x) || p(z))

    Args:
        images: x, at stored levels.
        posterior: q(z|x).
        prior: p(z).
        decode: From latents to p(x|z).
        latent_noise: Standard normal, for one draw from the posterior.
        pixel_noise: Uniform on (-1/2, 1/2), one level wide: a density is fitted to dequantised levels.

    Returns:
        Nats an image, summed over pixels and latents (a mean over either would change the weight of
        the rate without saying so).

    Source:
        Kingma & Welling 2014 (arXiv:1312.6114), eq. 3.
    """
    latents = posterior.draw(latent_noise)
    return {
        "distortion": -decode(latents).dequantised_log_prob(images, pixel_noise),
        "rate": rate(posterior, prior, latents),
    }


def log_importance_weights(
    images: Images,
    posterior: Density,
    prior: Density,
    decode: Callable[[Latents], Density],
    noise: Tensor,
) -> Float[Tensor, "draws batch"]:
    """Log p(x|z) + log p(z) - log q(z|x) for several draws of z, of images encoded once.

    Args:
        images: x.
        posterior: q(z|x), of all images.
        prior: p(z).
        decode: From latents to p(x|z).
        noise: Standard normal, (draws, batch, *noise_shape of the posterior).

    Returns:
        Nats. The logarithm of the mean of their exponentials over K draws is the importance-weighted
        bound.

    Source:
        Burda et al. 2016 (arXiv:1509.00519), eq. 8.
    """
    num_draws, batch = noise.shape[:2]
    latents, log_posterior = posterior.draw_and_log_prob(noise)
    repeated = images.expand(num_draws, *images.shape).flatten(0, 1)
    log_likelihood = decode(latents.flatten(0, 1)).log_prob(repeated).reshape(num_draws, batch)
    return log_likelihood + prior.log_prob(latents) - log_posterior


def importance_weighted_bound(log_weights: Float[Tensor, "draws batch"]) -> PerImage:
    """log((1/K) sum_k w_k): a lower bound on log p(x) that rises with K to it.

    Returns:
        Nats an image.

    Source:
        Burda et al. 2016 (arXiv:1509.00519), eq. 8.

    Example:
        >>> importance_weighted_bound(torch.tensor([[0.0], [0.0]]))
        tensor([0.])
    """
    num_draws = torch.tensor(float(log_weights.shape[0]), device=log_weights.device)
    return torch.logsumexp(log_weights, dim=0) - num_draws.log().to(log_weights.dtype)
