"""Explicit models: variational autoencoders."""

from typing import Literal

from torch import nn

from latentia.data import Facts
from latentia.distributions import BernoulliPixels, LatentNormal, NormalPixels, PixelHead
from latentia.models import LinearVariationalAutoencoder, VariationalAutoencoder
from latentia.networks import ConvolutionalDecoder, ConvolutionalEncoder, MLPDecoder, MLPEncoder
from latentia.recipes.ranges import above_zero, at_least
from latentia.training import Adam, Plan


def gaussian(
    facts: Facts,
    *,
    likelihood: Literal["gaussian", "shared", "bernoulli"] = "gaussian",
    network: Literal["convolutional", "mlp"] = "convolutional",
    num_latents: int = 64,
    width: int = 32,
    rate: float = 1e-3,
    batch_size: int = 64,
    half_life: int = 20_000,
) -> Plan:
    """A Gaussian encoder and a Gaussian decoder, both with diagonal covariance from the network.

    Every learned variance is trained with uniform noise one level wide, so that the density of stored
    levels stays bounded; `log_prob` is the log-mass of the stored levels. The decoder starts at the mean
    and deviation of every pixel over the training images.

    Args:
        facts: Facts of the data.
        likelihood: p(x|z): a Gaussian whose mean and variance a pixel come from the network; a Gaussian
            with one learned variance, shared by all pixels; Bernoulli, for binary images only.
        network: Convolutions that follow from the image size, or fully connected layers.
        num_latents: Length of a latent vector.
        width: Channels after the first convolution; of an MLP, a sixteenth of the units a layer.
        rate: Learning rate of Adam.
        batch_size: Images a step.
        half_life: Images after which a step counts half in the averaged weights.

    Returns:
        The plan.

    Raises:
        ValueError: If an argument is out of range, or the likelihood does not fit the data.

    Source:
        Kingma & Welling 2014 (arXiv:1312.6114); the shared variance: Rybkin et al. 2021 (arXiv:2006.13202).
    """
    at_least(1, num_latents=num_latents, width=width, batch_size=batch_size, half_life=half_life)
    above_zero(rate=rate)
    shape = facts.image_shape
    head: PixelHead
    if likelihood == "bernoulli":
        head = BernoulliPixels(shape, levels=facts.levels, mean=facts.mean)
    else:
        shared = likelihood == "shared"
        head = NormalPixels(shape, levels=facts.levels, shared=shared, mean=facts.mean, std=facts.std)
    encoder: nn.Module
    decoder: nn.Module
    if network == "mlp":
        encoder = MLPEncoder(shape, width=16 * width)
        num_features = encoder.num_features
        decoder = MLPDecoder(num_latents, shape, outputs_per_pixel=head.outputs_per_pixel, width=16 * width)
    else:
        encoder = ConvolutionalEncoder(shape, width=width)
        num_features = encoder.num_features
        decoder = ConvolutionalDecoder(
            num_latents, shape, outputs_per_pixel=head.outputs_per_pixel, width=width, output_gain=0.1
        )
    model = VariationalAutoencoder(
        image_shape=shape,
        encoder=encoder,
        posterior=LatentNormal(num_features, num_latents),
        decoder=decoder,
        likelihood=head,
        num_latents=num_latents,
    )
    return Plan(
        model,
        optimisers={"autoencoder": Adam(rate=rate)},
        batch_size=batch_size,
        half_life=half_life,
        warm_up=50 * batch_size,
    )


def linear(
    facts: Facts,
    *,
    num_latents: int = 16,
    rate: float = 3e-3,
    batch_size: int = 64,
    half_life: int = 20_000,
) -> Plan:
    """Linear encoder and decoder: probabilistic principal components, whose density is exact.

    Args:
        facts: Facts of the data.
        num_latents: Length of a latent vector.
        rate: Learning rate of Adam.
        batch_size: Images a step.
        half_life: Images after which a step counts half in the averaged weights.

    Returns:
        The plan.

    Raises:
        ValueError: If an argument is out of range.

    Source:
        Tipping & Bishop 1999 (doi:10.1111/1467-9868.00196); Lucas et al. 2019 (arXiv:1911.02469).
    """
    at_least(1, num_latents=num_latents, batch_size=batch_size, half_life=half_life)
    above_zero(rate=rate)
    model = LinearVariationalAutoencoder(
        image_shape=facts.image_shape,
        num_latents=num_latents,
        levels=facts.levels,
        mean=facts.mean,
        std=facts.std,
    )
    return Plan(
        model,
        optimisers={"autoencoder": Adam(rate=rate)},
        batch_size=batch_size,
        half_life=half_life,
        warm_up=50 * batch_size,
    )
