"""Latents in groups, from the top down."""

from latentia.data import Facts
from latentia.models import LadderVariationalAutoencoder
from latentia.models.bounds import PLAYER, Evidence
from latentia.networks import BottomUp, Pixels, Step, default_layers, steps_of
from latentia.recipes.ranges import above_zero, at_least
from latentia.recipes.vae.parts import Likelihood, pixel_head
from latentia.training import Adam, Plan


def ladder(
    facts: Facts,
    *,
    layers: str = "auto",
    width: int = 64,
    hidden: int = 32,
    num_channels: int = 8,
    top_channels: int = 16,
    likelihood: Likelihood = "auto",
    relative: bool = False,
    beta: float = 1.0,
    warm_up: int = 30_000,
    free_bits: float = 0.0,
    rate: float = 2e-3,
    batch_size: int = 64,
    half_life: int = 20_000,
    cool_down: float = 0.0,
    skip: float = 20.0,
) -> Plan:
    """A ladder of latent groups, each drawn given all above it: the very deep VAE, of any depth.

    Groups at the top say what an image is about, groups below how its parts look. The groups nearest to the
    pixels learn first, and those above may fall silent for good: the warm-up gives them time. A relative
    posterior needs free bits as well, two nats a group, say.

    Args:
        facts: Facts of the data.
        layers: Height x number of steps, from the top down, as in "1x3,7x3"; each height divides
            the next, and the last one that of the images; `auto` is fast rather than fine.
        width: Channels of the features.
        hidden: Channels inside blocks.
        num_channels: Channels of the latents of a step.
        top_channels: The same, of steps that are 1 px high.
        likelihood: p(x|z); `auto` is Bernoulli for binary data and a Gaussian a pixel for others.
        relative: Whether the posterior is written in units of the prior.
        beta: Weight of the rate in training.
        warm_up: Images over which that weight rises from 0.
        free_bits: Nats that every group may cost without being pressed lower.
        rate: Learning rate of Adam.
        batch_size: Images a step.
        half_life: Images after which a step counts half in the averaged weights.
        cool_down: Part of the run, at its end, over which the learning rate falls to a hundredth.
        skip: Steps whose gradient is so many times longer than usual are not taken.

    Returns:
        The plan.

    Raises:
        ValueError: If an argument is out of range, the layers do not fit the images, or the likelihood
            does not fit the data.

    Source:
        Child 2021 (arXiv:2011.10650); Sonderby et al. 2016 (arXiv:1602.02282); Kingma et al. 2016
        (arXiv:1606.04934), section 5.
    """
    at_least(1, width=width, hidden=hidden, num_channels=num_channels, top_channels=top_channels)
    at_least(1, batch_size=batch_size, half_life=half_life)
    at_least(0, beta=beta, warm_up=warm_up, free_bits=free_bits)
    above_zero(rate=rate)
    shape = facts.image_shape
    sizes = steps_of(default_layers(shape) if layers == "auto" else layers, shape)
    head = pixel_head(facts, likelihood)
    gain = len(sizes) ** -0.5
    model = LadderVariationalAutoencoder(
        image_shape=shape,
        bottom_up=BottomUp(shape, sizes, width=width, hidden=hidden),
        steps=[
            Step(
                width,
                hidden,
                top_channels if size[0] == 1 else num_channels,
                size=size,
                above=above,
                gain=gain,
            )
            for size, above in zip(sizes, [sizes[0], *sizes], strict=False)
        ],
        pixels=Pixels(width, head.num_outputs, facts.height // sizes[-1][0]),
        likelihood=head,
        relative=relative,
        bound=Evidence(beta, warm_up, free_bits),
    )
    return Plan(
        model,
        optimisers={PLAYER: Adam(rate=rate, skip=skip)},
        batch_size=batch_size,
        half_life=half_life,
        warm_up=100 * batch_size,
        cool_down=cool_down,
    )
