"""Terms about the aggregate posterior q(z), the mean of q(z|x) over the data, from one batch of it."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from latentia._types import Latents, PerImage
from latentia.distributions import Density, Normal


def decomposed_rate(
    posterior: Normal, prior: Density, latents: Latents, *, num_images: int
) -> dict[str, PerImage]:
    """The rate in three parts: what latents say of images, of each other, and how each strays from its prior.

        mutual information   log q(z|x) - log q(z)
        total correlation    log q(z) - sum_j log q(z_j)
        dimension-wise rate  sum_j log q(z_j) - log p(z)

    Args:
        posterior: q(z|x) of every image in the batch.
        prior: p(z), whose latents are independent.
        latents: One draw from each posterior.
        num_images: N, images in the whole training set.

    Returns:
        `mutual_information`, `total_correlation` and `dimension_wise_rate`, in nats an image; they sum to
        the rate at the draws.

    Note:
        q(z) is estimated from B images of N: the image that z was drawn from stands for itself with weight
        1/N, every other one for (N - 1)/(B - 1) images. This is the stratified estimate of the source,
        averaged over which of the others it singles out; in the code published with it, strides of B
        instead of B + 1 put the weights into the wrong cells.

    Source:
        Chen et al. 2018 (arXiv:1802.04942), eq. 2 and appendix C.2.
    """
    by_latent = _log_density_of_each(posterior, latents)  # (draw, image, latent)
    log_weights = stratified_log_weights(len(latents), num_images).to(latents)
    log_aggregate = torch.logsumexp(by_latent.sum(2) + log_weights, dim=1)
    log_marginals = torch.logsumexp(by_latent + log_weights.unsqueeze(2), dim=1).sum(1)
    return {
        "mutual_information": posterior.log_prob(latents) - log_aggregate,
        "total_correlation": log_aggregate - log_marginals,
        "dimension_wise_rate": log_marginals - prior.log_prob(latents),
    }


def stratified_log_weights(batch: int, num_images: int) -> Float[Tensor, "draw image"]:
    """Logarithms of the weights of a batch's posteriors in q(z), by draw; every row sums to 1.

    Example:
        >>> stratified_log_weights(3, 10).exp()
        tensor([[0.1000, 0.4500, 0.4500],
                [0.4500, 0.1000, 0.4500],
                [0.4500, 0.4500, 0.1000]])
    """
    num_images = max(num_images, batch)
    weights = torch.full((batch, batch), math.log((num_images - 1) / (num_images * max(1, batch - 1)) or 1.0))
    return weights.fill_diagonal_(-math.log(num_images))


def discrepancy(latents: Latents, draws: Latents) -> PerImage:
    """The squared maximum mean discrepancy between q(z) and p(z), from a batch of each.

        E k(z, z') + E k(y, y') - 2 E k(z, y),   k(a, b) = exp(-|a - b|^2 / number of latents)

    Args:
        latents: A draw from each image's posterior.
        draws: As many draws from the prior.

    Returns:
        A number an image, whose mean is the unbiased estimate: it may be negative.

    Source:
        Gretton et al. 2012 (JMLR 13), eq. 3; the kernel's width: Zhao et al. 2017 (arXiv:1706.02262).
    """
    others = max(1, len(latents) - 1)
    within = _kernel(latents, latents).sum(1) + _kernel(draws, draws).sum(1) - 2  # each less itself
    across = _kernel(latents, draws)
    return within / others - across.mean(1) - across.mean(0)


def _kernel(left: Latents, right: Latents) -> Float[Tensor, "left right"]:
    squares = (left.unsqueeze(1) - right.unsqueeze(0)).square().sum(2)
    return torch.exp(-squares / left.shape[1])


def _log_density_of_each(posterior: Normal, latents: Latents) -> Float[Tensor, "draw image latent"]:
    standardised = (latents.unsqueeze(1) - posterior.mean) * torch.exp(-posterior.log_std)
    return -0.5 * (standardised.square() + math.log(2 * math.pi)) - posterior.log_std
