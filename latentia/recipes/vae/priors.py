"""Better priors: where images lie in latent space is learned as well."""

import torch

from latentia.data import Facts
from latentia.distributions import FlowPrior, MixturePrior, VampPrior
from latentia.recipes.ranges import at_least
from latentia.recipes.vae.parts import Likelihood, Network, autoencoder, plan
from latentia.training import Plan


def vamp(
    facts: Facts,
    *,
    num_pseudo: int = 200,
    likelihood: Likelihood = "auto",
    network: Network = "convolutional",
    num_latents: int = 32,
    width: int | None = None,
    rate: float = 1e-3,
    batch_size: int = 64,
    half_life: int = 20_000,
    cool_down: float = 0.0,
) -> Plan:
    """VampPrior: the prior is the mixture of the posteriors of learned pseudo-images.

    It lies where images lie, so that fewer latents stand idle and samples start from places that the
    decoder knows. Each step encodes the pseudo-images as well.

    Args:
        facts: Facts of the data.
        num_pseudo: Pseudo-images, components of the prior.
        likelihood: p(x|z); `auto` is Bernoulli for binary data and a Gaussian a pixel for others.
        network: Convolutions that follow from the image size, or fully connected layers.
        num_latents: Length of a latent vector.
        width: Channels after the first convolution (32), or units in a fully connected layer (512).
        rate: Learning rate of Adam.
        batch_size: Images a step.
        half_life: Images after which a step counts half in the averaged weights.
        cool_down: Part of the run, at its end, over which the learning rate falls to a hundredth.

    Returns:
        The plan.

    Raises:
        ValueError: If an argument is out of range, or the likelihood does not fit the data.

    Source:
        Tomczak & Welling 2018 (arXiv:1705.07120).
    """
    at_least(1, num_pseudo=num_pseudo)
    mean = torch.zeros(facts.image_shape) if facts.mean is None else facts.mean
    std = torch.full(facts.image_shape, 0.5) if facts.std is None else facts.std
    model = autoencoder(
        facts,
        likelihood=likelihood,
        network=network,
        num_latents=num_latents,
        width=width,
        prior=VampPrior(num_pseudo, mean=mean, std=std),
    )
    return plan(model, rate=rate, batch_size=batch_size, half_life=half_life, cool_down=cool_down)


def mixture(
    facts: Facts,
    *,
    num_components: int = 50,
    likelihood: Likelihood = "auto",
    network: Network = "convolutional",
    num_latents: int = 32,
    width: int | None = None,
    rate: float = 1e-3,
    batch_size: int = 64,
    half_life: int = 20_000,
    cool_down: float = 0.0,
) -> Plan:
    """A mixture of Gaussians as the prior, trained with the rest.

    Args:
        facts: Facts of the data.
        num_components: Gaussians in the mixture.
        likelihood: p(x|z); `auto` is Bernoulli for binary data and a Gaussian a pixel for others.
        network: Convolutions that follow from the image size, or fully connected layers.
        num_latents: Length of a latent vector.
        width: Channels after the first convolution (32), or units in a fully connected layer (512).
        rate: Learning rate of Adam.
        batch_size: Images a step.
        half_life: Images after which a step counts half in the averaged weights.
        cool_down: Part of the run, at its end, over which the learning rate falls to a hundredth.

    Returns:
        The plan.

    Raises:
        ValueError: If an argument is out of range, or the likelihood does not fit the data.

    Source:
        Dilokthanakul et al. 2016 (arXiv:1611.02648), without its second latent.
    """
    at_least(1, num_components=num_components)
    model = autoencoder(
        facts,
        likelihood=likelihood,
        network=network,
        num_latents=num_latents,
        width=width,
        prior=MixturePrior(num_latents, num_components=num_components),
    )
    return plan(model, rate=rate, batch_size=batch_size, half_life=half_life, cool_down=cool_down)


def flow(
    facts: Facts,
    *,
    depth: int = 3,
    flow_width: int = 128,
    likelihood: Likelihood = "auto",
    network: Network = "convolutional",
    num_latents: int = 32,
    width: int | None = None,
    rate: float = 1e-3,
    batch_size: int = 64,
    half_life: int = 20_000,
    cool_down: float = 0.0,
) -> Plan:
    """A flow as the prior, fitted to where the posteriors lie, and then counted in the likelihood.

    The autoencoder is trained against the standard normal and does not feel the flow, which follows the
    aggregate of its posteriors. It is drawn from latent by latent.

    Args:
        facts: Facts of the data.
        depth: Autoregressive steps of the flow.
        flow_width: Hidden units of each.
        likelihood: p(x|z); `auto` is Bernoulli for binary data and a Gaussian a pixel for others.
        network: Convolutions that follow from the image size, or fully connected layers.
        num_latents: Length of a latent vector.
        width: Channels after the first convolution (32), or units in a fully connected layer (512).
        rate: Learning rate of Adam.
        batch_size: Images a step.
        half_life: Images after which a step counts half in the averaged weights.
        cool_down: Part of the run, at its end, over which the learning rate falls to a hundredth.

    Returns:
        The plan.

    Raises:
        ValueError: If an argument is out of range, or the likelihood does not fit the data.

    Source:
        Papamakarios et al. 2017 (arXiv:1705.07057), fitted as in Ghosh et al. 2020 (arXiv:1903.12436).
    """
    at_least(1, depth=depth, flow_width=flow_width)
    model = autoencoder(
        facts,
        likelihood=likelihood,
        network=network,
        num_latents=num_latents,
        width=width,
        fitted_prior=FlowPrior(num_latents, depth=depth, width=flow_width),
    )
    return plan(model, rate=rate, batch_size=batch_size, half_life=half_life, cool_down=cool_down)
