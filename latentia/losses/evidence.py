"""Importance weights of draws from a posterior, and the bound that they give."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from latentia._types import Images, Latents, PerImage
from latentia.distributions import BatchMean, Density, Normal, mean_over_first


def log_importance_weights(
    images: Images,
    posterior: Density,
    prior: Density,
    decode: Callable[[Latents], Density],
    noise: Tensor,
    *,
    pixel_noise: Callable[[], Tensor] | None = None,
    batch_mean: BatchMean = mean_over_first,
    doubly: bool = False,
) -> Float[Tensor, "draws batch"]:
    """Log p(x|z) + log p(z) - log q(z|x) for several draws of z, of images encoded once.

    Args:
        images: x.
        posterior: q(z|x), of all images.
        prior: p(z).
        decode: From latents to p(x|z).
        noise: Standard normal, (draws, batch, *noise_shape of the posterior).
        pixel_noise: Draws uniform noise of the images' shape, one level wide, for training densities on
            dequantised levels; without it p(x|z) is the mass of the stored levels.
        batch_mean: The mean over the global batch, for likelihoods that training refits to it.
        doubly: Whether the gradient that reaches a draw is multiplied by its normalised weight, and none
            reaches the posterior besides: the doubly reparameterised gradient of the importance-weighted
            bound. Values do not change.

    Returns:
        Nats. The logarithm of the mean of their exponentials over K draws is the importance-weighted
        bound.

    Raises:
        ValueError: If the doubly reparameterised gradient is asked of a posterior that is not Gaussian.

    Source:
        Burda et al. 2016 (arXiv:1509.00519), eq. 8; Tucker et al. 2019 (arXiv:1810.04152), eq. 6.
    """
    num_draws, batch = noise.shape[:2]
    if doubly:
        if not isinstance(posterior, Normal):
            raise ValueError(
                f"The doubly reparameterised gradient needs a Gaussian posterior, and this one is "
                f"{type(posterior).__name__}. Train with `doubly=False`, or with a diagonal posterior."
            )
        latents = posterior.draw(noise)
        log_posterior = posterior.detached().log_prob(latents)
    else:
        latents, log_posterior = posterior.draw_and_log_prob(noise)
    likelihood = decode(latents.flatten(0, 1))
    repeated = images.expand(num_draws, *images.shape).flatten(0, 1)
    if pixel_noise is None:
        log_likelihood = likelihood.log_prob(repeated)
    else:
        log_likelihood = likelihood.dequantised_log_prob(
            repeated, lambda: pixel_noise().expand(num_draws, *images.shape).flatten(0, 1), batch_mean
        )
    log_weights = log_likelihood.reshape(num_draws, batch) + prior.log_prob(latents) - log_posterior
    if doubly and latents.requires_grad:
        normalised = log_weights.detach().softmax(0).unsqueeze(-1)
        latents.register_hook(lambda gradient: gradient * normalised)  # Tucker et al., eq. 6
    return log_weights


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
