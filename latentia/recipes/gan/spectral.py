"""Critics with spectral normalisation."""

from typing import Literal

from latentia.data import Facts
from latentia.recipes.gan.parts import Augment, pair, plan
from latentia.recipes.ranges import at_least
from latentia.training import Plan


def hinge(
    facts: Facts,
    *,
    norm: Literal["spectral", "batch"] = "spectral",
    critic_steps: int = 1,
    num_latents: int = 64,
    width: int = 16,
    augment: Augment = "none",
    flip: bool = False,
    rate: float = 2e-4,
    batch_size: int = 16,
    half_life: int = 10_000,
) -> Plan:
    """The hinge game between small convolutional networks: fast on a processor, and steady.

    The critic cares only for images within a margin of 1 around its threshold.

    Args:
        facts: Facts of the data.
        norm: What normalises the critic: the largest singular value of each weight, or the batch. The
            generator's is the batch.
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
        Lim & Ye 2017 (arXiv:1705.02894), section 3; spectral normalisation: Miyato et al. 2018
        (arXiv:1802.05957), algorithm 1. Differs in the networks, which are those of `gan.dcgan`.
    """
    at_least(1, critic_steps=critic_steps)
    return plan(
        facts,
        pair("convolutional", facts, num_latents=num_latents, width=width, norm=norm),
        game="hinge",
        num_latents=num_latents,
        critic_steps=critic_steps,
        augment=augment,
        flip=flip,
        rate=rate,
        betas=(0.0, 0.9),
        batch_size=batch_size,
        half_life=half_life,
    )


def sngan(
    facts: Facts,
    *,
    game: Literal["hinge", "non_saturating"] = "hinge",
    critic_steps: int = 1,
    num_latents: int = 64,
    width: int = 16,
    augment: Augment = "none",
    flip: bool = False,
    rate: float = 2e-4,
    batch_size: int = 16,
    half_life: int = 10_000,
) -> Plan:
    """Residual networks, the critic's weights spectrally normalised.

    A step takes five to six times as long as one of `gan.hinge`.

    Args:
        facts: Facts of the data.
        game: What the players want.
        critic_steps: Steps of the critic for each of the generator. Each takes a batch of its own.
        num_latents: Length of a latent vector.
        width: Channels of the networks at half size.
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
        Miyato et al. 2018 (arXiv:1802.05957), eq. 16 and 17, tables 4 to 6. Differs in one step of the critic
        for each of the generator, for five, and in width and batch (16 for 64 to 256, and 64).
    """
    at_least(1, critic_steps=critic_steps)
    return plan(
        facts,
        pair("residual", facts, num_latents=num_latents, width=width),
        game=game,
        num_latents=num_latents,
        critic_steps=critic_steps,
        augment=augment,
        flip=flip,
        rate=rate,
        betas=(0.0, 0.9),
        batch_size=batch_size,
        half_life=half_life,
    )
