"""Images of which one says what they show."""

from latentia.data import Facts
from latentia.models.bounds import Evidence
from latentia.recipes.conditions import Kind, condition_of
from latentia.recipes.ranges import at_least
from latentia.recipes.vae.parts import Likelihood, Network, autoencoder, plan
from latentia.training import Plan


def conditional(
    facts: Facts,
    *,
    told: Kind = "auto",
    beta: float = 1.0,
    likelihood: Likelihood = "auto",
    network: Network = "convolutional",
    num_latents: int = 32,
    width: int | None = None,
    rate: float = 1e-3,
    batch_size: int = 64,
    half_life: int = 20_000,
    cool_down: float = 0.0,
) -> Plan:
    """Encoder and decoder are told the class or the attributes: latents are left with what these do not say.

    The density is that of an image given what is told of it, p(x|y), and has to be asked for with it.

    Args:
        facts: Facts of the data, which must have classes or attributes.
        told: `classes`, `attributes`, or `auto` for whichever the data has.
        beta: Weight of the rate in training; 1 is the bound.
        likelihood: p(x|z, y); `auto` is Bernoulli for binary data and a Gaussian a pixel for others.
        network: Convolutions that follow from the image size, or fully connected layers.
        num_latents: Length of a latent vector, and of the vectors of what is told.
        width: Channels after the first convolution (32), or units in a fully connected layer (512).
        rate: Learning rate of Adam.
        batch_size: Images a step.
        half_life: Images after which a step counts half in the averaged weights.
        cool_down: Part of the run, at its end, over which the learning rate falls to a hundredth.

    Returns:
        The plan.

    Raises:
        ValueError: If an argument is out of range, the likelihood does not fit the data, or that has neither
            classes nor attributes.

    Source:
        Sohn et al. 2015 (NeurIPS 28), eq. 4; Kingma et al. 2014 (arXiv:1406.5298), eq. 6, without unlabelled
        images: p(z) is the same whatever is told.
    """
    at_least(0, beta=beta)
    model = autoencoder(
        facts,
        likelihood=likelihood,
        network=network,
        num_latents=num_latents,
        width=width,
        bound=Evidence(beta),
        condition=condition_of(facts, told, "vae.conditional"),
    )
    return plan(model, rate=rate, batch_size=batch_size, half_life=half_life, cool_down=cool_down)
