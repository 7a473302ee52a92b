"""What to descend: the evidence lower bound, its weighted forms, and tighter bounds."""

from latentia.data import Facts
from latentia.models.bounds import Evidence, ImportanceWeighted
from latentia.recipes.ranges import at_least
from latentia.recipes.vae.parts import Likelihood, Network, autoencoder, plan
from latentia.training import Plan


def beta(
    facts: Facts,
    *,
    beta: float = 1.0,
    warm_up: int = 0,
    free_bits: float = 0.0,
    likelihood: Likelihood = "auto",
    network: Network = "convolutional",
    num_latents: int = 32,
    width: int | None = None,
    rate: float = 1e-3,
    batch_size: int = 64,
    half_life: int = 20_000,
    cool_down: float = 0.0,
) -> Plan:
    """The evidence lower bound with a weight on the rate: the plain VAE at 1, beta-VAE above.

    Above 1, fewer bits go through the latents, and the directions that remain are often easier to read;
    below 1, reconstructions are sharper and samples from the prior worse. Evaluation is at beta = 1
    whatever the training's.

    Args:
        facts: Facts of the data.
        beta: Weight of the rate in training.
        warm_up: Images over which that weight rises from 0.
        free_bits: Nats that every latent may cost without being pressed lower.
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
        Higgins et al. 2017 (openreview Sy2fzU9gl), eq. 4; warm-up: Sonderby et al. 2016
        (arXiv:1602.02282); free bits: Kingma et al. 2016 (arXiv:1606.04934).
    """
    at_least(0, beta=beta, warm_up=warm_up, free_bits=free_bits)
    model = autoencoder(
        facts,
        likelihood=likelihood,
        network=network,
        num_latents=num_latents,
        width=width,
        bound=Evidence(beta, warm_up, free_bits),
    )
    return plan(model, rate=rate, batch_size=batch_size, half_life=half_life, cool_down=cool_down)


def importance(
    facts: Facts,
    *,
    num_draws: int = 5,
    doubly: bool = True,
    likelihood: Likelihood = "auto",
    network: Network = "convolutional",
    num_latents: int = 32,
    width: int | None = None,
    rate: float = 1e-3,
    batch_size: int = 64,
    half_life: int = 20_000,
    cool_down: float = 0.0,
) -> Plan:
    """IWAE: a tighter bound from several draws an image, with the doubly reparameterised gradient.

    Each step decodes every image as often as it draws. The better bound shows in the likelihood; a
    posterior that is trained this way need not be a good one for a single draw.

    Args:
        facts: Facts of the data.
        num_draws: K, draws of z an image.
        doubly: Whether the encoder follows the doubly reparameterised gradient, whose noise does not
            drown it as K grows, or the bound's own.
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
        Burda et al. 2016 (arXiv:1509.00519); Tucker et al. 2019 (arXiv:1810.04152).
    """
    at_least(1, num_draws=num_draws)
    model = autoencoder(
        facts,
        likelihood=likelihood,
        network=network,
        num_latents=num_latents,
        width=width,
        bound=ImportanceWeighted(num_draws, doubly),
    )
    return plan(model, rate=rate, batch_size=batch_size, half_life=half_life, cool_down=cool_down)
