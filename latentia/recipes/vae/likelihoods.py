"""What to say of pixels: likelihoods that are likelihoods."""

from typing import Literal

from latentia.data import Facts
from latentia.recipes.ranges import above_zero, at_least
from latentia.recipes.vae.parts import Network, autoencoder, pixel_head, plan
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
        Kingma & Welling 2014 (arXiv:1312.6114).
    """
    model = autoencoder(facts, likelihood=likelihood, network=network, num_latents=num_latents, width=width)
    return plan(model, rate=rate, batch_size=batch_size, half_life=half_life)


def sigma(
    facts: Facts,
    *,
    variance: Literal["optimal", "shared", "fixed"] = "optimal",
    fixed_std: float | None = None,
    network: Network = "convolutional",
    num_latents: int = 64,
    width: int | None = None,
    rate: float = 1e-3,
    batch_size: int = 64,
    half_life: int = 20_000,
) -> Plan:
    """Sigma-VAE: a Gaussian decoder with one variance for all pixels, which balances rate and distortion.

    A squared error without a variance is a Gaussian whose variance somebody has chosen by the scale of the
    images and the way errors are averaged, and with it how much the rate counts. Here it is the best one.

    Args:
        facts: Facts of the data.
        variance: `optimal`: the mean squared error of each batch, and a running average of it outside of
            training; `shared`: learned by gradient; `fixed`: `fixed_std`.
        fixed_std: Standard deviation on the scale [-1, 1], only of `fixed`, where it is 0.1 without it. At
            1, half the range of images, a blur costs nothing.
        network: Convolutions that follow from the image size, or fully connected layers.
        num_latents: Length of a latent vector.
        width: Channels after the first convolution (32), or units in a fully connected layer (512).
        rate: Learning rate of Adam.
        batch_size: Images a step.
        half_life: Images after which a step counts half in the averaged weights.

    Returns:
        The plan.

    Raises:
        ValueError: If an argument is out of range, or a deviation is given that is not fixed.

    Source:
        Rybkin et al. 2021 (arXiv:2006.13202), eq. 7.
    """
    if fixed_std is not None and variance != "fixed":
        raise ValueError(
            f"fixed_std is {fixed_std}, but the variance is {variance}, not fixed. Ask for "
            f"`variance='fixed'`, or leave fixed_std out."
        )
    fixed_std = 0.1 if fixed_std is None else fixed_std
    above_zero(fixed_std=fixed_std)
    head = pixel_head(facts, variance, fixed_std=fixed_std)
    model = autoencoder(facts, likelihood=head, network=network, num_latents=num_latents, width=width)
    return plan(model, rate=rate, batch_size=batch_size, half_life=half_life)


def logistic(
    facts: Facts,
    *,
    num_mixtures: int = 5,
    network: Network = "convolutional",
    num_latents: int = 64,
    width: int | None = None,
    rate: float = 1e-3,
    batch_size: int = 64,
    half_life: int = 20_000,
) -> Plan:
    """A decoder of discretised logistics: the mass of each stored level itself, without noise in training.

    A pixel may be of one of several values, and in colour images green follows red, and blue both. Takes
    any number of levels, and grey or colour images.

    Args:
        facts: Facts of the data.
        num_mixtures: Logistics a pixel; with one, a pixel has a single centre.
        network: Convolutions that follow from the image size, or fully connected layers.
        num_latents: Length of a latent vector.
        width: Channels after the first convolution (32), or units in a fully connected layer (512).
        rate: Learning rate of Adam.
        batch_size: Images a step.
        half_life: Images after which a step counts half in the averaged weights.

    Returns:
        The plan.

    Raises:
        ValueError: If an argument is out of range.

    Source:
        Salimans et al. 2017 (arXiv:1701.05517); one logistic: Kingma et al. 2016 (arXiv:1606.04934).
    """
    at_least(1, num_mixtures=num_mixtures)
    head = pixel_head(facts, "mixture", num_mixtures=num_mixtures)
    model = autoencoder(facts, likelihood=head, network=network, num_latents=num_latents, width=width)
    return plan(model, rate=rate, batch_size=batch_size, half_life=half_life)
