"""Pressure on the aggregate posterior: total correlation, and maximum mean discrepancy."""

from latentia.data import Facts
from latentia.models.coupled_bounds import Information, TotalCorrelation
from latentia.recipes.ranges import at_least
from latentia.recipes.vae.parts import Likelihood, Network, autoencoder, plan
from latentia.training import Plan


def tc(
    facts: Facts,
    *,
    beta: float = 6.0,
    likelihood: Likelihood = "auto",
    network: Network = "convolutional",
    num_latents: int = 10,
    width: int | None = None,
    rate: float = 1e-3,
    batch_size: int = 64,
    half_life: int = 20_000,
) -> Plan:
    """Beta-TC-VAE: a weight on the total correlation alone, so that latents vary independently.

    Beta-VAE presses on all of the rate and so loses what latents say of the image; this presses on what
    they say of each other. Each latent then often stands for one thing that one can name.

    Args:
        facts: Facts of the data.
        beta: Weight of the total correlation in training; 1 is the plain bound.
        likelihood: p(x|z); `auto` is Bernoulli for binary data and a Gaussian a pixel for others.
        network: Convolutions that follow from the image size, or fully connected layers.
        num_latents: Length of a latent vector.
        width: Channels after the first convolution (32), or units in a fully connected layer (512).
        rate: Learning rate of Adam.
        batch_size: Images a step, at least 2: the aggregate is estimated from a batch.
        half_life: Images after which a step counts half in the averaged weights.

    Returns:
        The plan.

    Raises:
        ValueError: If an argument is out of range, or the likelihood does not fit the data.

    Source:
        Chen et al. 2018 (arXiv:1802.04942).
    """
    at_least(0, beta=beta)
    at_least(2, batch_size=batch_size)
    model = autoencoder(
        facts,
        likelihood=likelihood,
        network=network,
        num_latents=num_latents,
        width=width,
        bound=TotalCorrelation(facts.num_train, beta),
    )
    return plan(model, rate=rate, batch_size=batch_size, half_life=half_life)


def info(
    facts: Facts,
    *,
    alpha: float = 0.0,
    strength: float = 1000.0,
    likelihood: Likelihood = "auto",
    network: Network = "convolutional",
    num_latents: int = 16,
    width: int | None = None,
    rate: float = 1e-3,
    batch_size: int = 64,
    half_life: int = 20_000,
) -> Plan:
    """InfoVAE: holds the aggregate of all posteriors to the prior, so that each may say more of its image.

    Args:
        facts: Facts of the data.
        alpha: Part of the rate that is lifted, at most 1: there the model is the MMD-VAE, whose bound is
            poor and whose latents are informative.
        strength: Weight of the discrepancy between aggregate and prior, in nats; at least 1 - alpha.
        likelihood: p(x|z); `auto` is Bernoulli for binary data and a Gaussian a pixel for others.
        network: Convolutions that follow from the image size, or fully connected layers.
        num_latents: Length of a latent vector.
        width: Channels after the first convolution (32), or units in a fully connected layer (512).
        rate: Learning rate of Adam.
        batch_size: Images a step, at least 2: the discrepancy is between batches.
        half_life: Images after which a step counts half in the averaged weights.

    Returns:
        The plan.

    Raises:
        ValueError: If an argument is out of range, or the likelihood does not fit the data.

    Source:
        Zhao et al. 2017 (arXiv:1706.02262).
    """
    at_least(2, batch_size=batch_size)
    at_least(1 - alpha, strength=strength)
    if alpha > 1:
        raise ValueError(
            f"alpha is {alpha}; it has to be 1 or less: more would reward posteriors for straying."
        )
    model = autoencoder(
        facts,
        likelihood=likelihood,
        network=network,
        num_latents=num_latents,
        width=width,
        bound=Information(alpha, strength),
    )
    return plan(model, rate=rate, batch_size=batch_size, half_life=half_life)
