"""Closer posteriors: a flow behind the Gaussian."""

from latentia.data import Facts
from latentia.distributions import LatentFlow
from latentia.models.bounds import Evidence
from latentia.recipes.ranges import at_least
from latentia.recipes.vae.parts import Likelihood, Network, autoencoder, plan
from latentia.training import Plan


def iaf(
    facts: Facts,
    *,
    depth: int = 4,
    flow_width: int = 320,
    free_bits: float = 0.0,
    warm_up: int = 50_000,
    likelihood: Likelihood = "auto",
    network: Network = "convolutional",
    num_latents: int = 32,
    width: int | None = None,
    rate: float = 1e-3,
    batch_size: int = 64,
    half_life: int = 20_000,
    cool_down: float = 0.0,
) -> Plan:
    """Inverse autoregressive flow: a posterior that bends to the image, behind a diagonal Gaussian.

    Draws stay as cheap as the networks of its steps; the bound is closer to the likelihood, and the latents
    can say more for the same rate.

    Args:
        facts: Facts of the data.
        depth: Autoregressive steps.
        flow_width: Hidden units in each.
        free_bits: Nats that every latent may cost without being pressed lower, all latents together.
        warm_up: Images over which the weight of the rate rises from 0. The rate is known from one draw only,
            whose noise hides from the encoder what latents are good for; without a warm-up few are used.
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
        Kingma et al. 2016 (arXiv:1606.04934).
    """
    at_least(0, free_bits=free_bits, warm_up=warm_up)
    at_least(1, depth=depth, flow_width=flow_width)
    model = autoencoder(
        facts,
        likelihood=likelihood,
        network=network,
        num_latents=num_latents,
        width=width,
        bound=Evidence(1.0, warm_up, free_bits),
        posterior=lambda features: LatentFlow(features, num_latents, depth=depth, width=flow_width),
    )
    return plan(model, rate=rate, batch_size=batch_size, half_life=half_life, cool_down=cool_down)
