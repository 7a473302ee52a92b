"""The distance of earth mover's: critics whose slope is held."""

from latentia.data import Facts
from latentia.losses import gradient_penalty
from latentia.recipes.gan.parts import Augment, pair, plan
from latentia.recipes.ranges import above_zero, at_least
from latentia.training import Plan


def wasserstein(
    facts: Facts,
    *,
    clip: float = 0.01,
    critic_steps: int = 5,
    num_latents: int = 64,
    width: int = 16,
    augment: Augment = "none",
    flip: bool = False,
    rate: float = 2e-4,
    batch_size: int = 16,
    half_life: int = 10_000,
) -> Plan:
    """The earth mover's distance, by a critic whose weights are clipped.

    Clipping holds the slope from above, and wastes much of what a critic could be: `gan.wgan_gp` holds it
    by a penalty instead.

    Args:
        facts: Facts of the data.
        clip: Largest size of every weight of the critic.
        critic_steps: Steps of the critic for each of the generator. Each takes a batch of its own.
        num_latents: Length of a latent vector.
        width: Channels after the critic's first convolution and before the generator's last.
        augment: Whether the critic is shown augmented images: `none`, `always`, or `adaptive`, the more
            often the surer it is of the training images.
        flip: Whether augmentation mirrors left and right.
        rate: Learning rate of Adam, of both players.
        batch_size: Images a step; at least 2, for batch normalisation.
        half_life: Images after which a step counts half in the averaged weights.

    Returns:
        The plan.

    Raises:
        ValueError: If an argument is out of range.

    Source:
        Arjovsky et al. 2017 (arXiv:1701.07875), algorithm 1. Differs in Adam without momentum and with
        beta2 = 0.99 instead of RMSprop, in a rate of 0.0002 instead of 0.00005, and in that weights are
        clipped once a turn, after the steps of all players.
    """
    at_least(1, critic_steps=critic_steps)
    above_zero(clip=clip)
    return plan(
        facts,
        pair("convolutional", facts, num_latents=num_latents, width=width, norm="batch"),
        game="wasserstein",
        num_latents=num_latents,
        critic_steps=critic_steps,
        clip=clip,
        augment=augment,
        flip=flip,
        rate=rate,
        betas=(0.0, 0.99),
        batch_size=batch_size,
        half_life=half_life,
    )


def wgan_gp(
    facts: Facts,
    *,
    penalty: float = 10.0,
    one_sided: bool = False,
    critic_steps: int = 5,
    num_latents: int = 64,
    width: int = 16,
    augment: Augment = "none",
    flip: bool = False,
    rate: float = 1e-3,
    batch_size: int = 16,
    half_life: int = 10_000,
) -> Plan:
    """The earth mover's distance, by a critic whose slope between real and generated images is held at 1.

    Args:
        facts: Facts of the data.
        penalty: Weight of the squared distance of the slope to 1; above 0.
        one_sided: Whether only slopes above 1 cost something.
        critic_steps: Steps of the critic for each of the generator. Each takes a batch of its own.
        num_latents: Length of a latent vector.
        width: Channels after the critic's first convolution and before the generator's last.
        augment: Whether the critic is shown augmented images: `none`, `always`, or `adaptive`, the more
            often the surer it is of the training images.
        flip: Whether augmentation mirrors left and right.
        rate: Learning rate of Adam, of both players.
        batch_size: Images a step; at least 2, for the generator's batch normalisation.
        half_life: Images after which a step counts half in the averaged weights.

    Returns:
        The plan.

    Raises:
        ValueError: If an argument is out of range.

    Source:
        Gulrajani et al. 2017 (arXiv:1704.00028), algorithm 1; one side: Petzka et al. 2018
        (arXiv:1709.08894). Differs in the networks, which are those of `gan.dcgan`, the critic without
        normalisation, and in a rate of 0.001 instead of 0.0001.
    """
    at_least(1, critic_steps=critic_steps)
    above_zero(penalty=penalty)
    return plan(
        facts,
        pair("convolutional", facts, num_latents=num_latents, width=width),
        game="wasserstein",
        num_latents=num_latents,
        critic_steps=critic_steps,
        penalties=[gradient_penalty(penalty, one_sided=one_sided)],
        augment=augment,
        flip=flip,
        rate=rate,
        betas=(0.0, 0.9),
        batch_size=batch_size,
        half_life=half_life,
    )
