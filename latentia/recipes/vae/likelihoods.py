"""What to say of pixels: likelihoods that are likelihoods."""

from typing import Literal

from latentia.data import Facts
from latentia.recipes.vae.parts import Network, autoencoder, plan
from latentia.training import Plan


def gaussian(
    facts: Facts,
    *,
    likelihood: Literal["gaussian", "shared", "bernoulli"] = "gaussian",
    network: Network = "convolutional",
    num_latents: int = 64,
    width: int | None = None,
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
        width: Channels after the first convolution (32), or units in a fully connected layer (512).
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
    model = autoencoder(facts, likelihood=likelihood, network=network, num_latents=num_latents, width=width)
    return plan(model, rate=rate, batch_size=batch_size, half_life=half_life)
