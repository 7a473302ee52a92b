"""The first games, played by convolutional networks with batch normalisation."""

from typing import Literal

from latentia.data import Facts
from latentia.recipes.gan.parts import Augment, pair, plan
from latentia.recipes.ranges import at_least
from latentia.training import Plan


def minimax(
    facts: Facts,
    *,
    network: Literal["convolutional", "mlp"] = "convolutional",
    critic_steps: int = 1,
    num_latents: int = 64,
    width: int | None = None,
    augment: Augment = "none",
    flip: bool = False,
    rate: float = 2e-4,
    batch_size: int = 16,
    half_life: int = 10_000,
) -> Plan:
    """The game as it was defined: the generator minimises log(1 - D(G(z))).

    The generator stands still where the critic is sure. Here to compare with: `gan.dcgan` differs in nothing
    but the generator's loss.

    Args:
        facts: Facts of the data.
        network: Convolutions with batch normalisation, or fully connected layers without.
        critic_steps: Steps of the critic for each of the generator.
        num_latents: Length of a latent vector.
        width: Channels after the critic's first convolution and before the generator's last (16), or
            units in a fully connected layer (256).
        augment: Whether the critic is shown augmented images: `none`, `always`, or `adaptive`, the more
            often the surer it is of the training images.
        flip: Whether augmentation mirrors left and right.
        rate: Learning rate of Adam, of both players.
        batch_size: Images a step; at least 2 with batch normalisation.
        half_life: Images after which a step counts half in the averaged weights.

    Returns:
        The plan.

    Raises:
        ValueError: If an argument is out of range.

    Source:
        Goodfellow et al. 2014 (arXiv:1406.2661), eq. 1 and algorithm 1. Differs in Adam instead of momentum,
        in the networks (there: fully connected with maxout and dropout), and in averaged weights.
    """
    at_least(1, critic_steps=critic_steps)
    return plan(
        facts,
        pair(network, facts, num_latents=num_latents, width=width, norm="batch"),
        game="minimax",
        num_latents=num_latents,
        critic_steps=critic_steps,
        augment=augment,
        flip=flip,
        rate=rate,
        betas=(0.5, 0.999),
        batch_size=batch_size,
        half_life=half_life,
    )


def dcgan(
    facts: Facts,
    *,
    game: Literal["non_saturating", "minimax"] = "non_saturating",
    num_latents: int = 64,
    width: int = 16,
    rate: float = 2e-4,
    critic_steps: int = 1,
    batch_size: int = 16,
    half_life: int = 10_000,
    augment: Augment = "none",
    flip: bool = False,
) -> Plan:
    """Convolutional generator and critic with batch normalisation, in the first adversarial game.

    Critic and generator step in alternation. The minimax loss is the game's definition; its generator
    stands still where the critic is sure, and the non-saturating loss is what makes it train.

    Args:
        facts: Facts of the data.
        game: What the generator wants: to maximise log D(G(z)), or to minimise log(1 - D(G(z))).
        num_latents: Length of a latent vector.
        width: Channels after the critic's first convolution and before the generator's last.
        rate: Learning rate of Adam, of both players.
        critic_steps: Steps of the critic for each of the generator.
        batch_size: Images a step; at least 2, for batch normalisation.
        half_life: Images after which a step counts half in the averaged weights.
        augment: Whether the critic is shown augmented images: `none`, `always`, or `adaptive`, the more
            often the surer it is of the training images.
        flip: Whether augmentation mirrors left and right.

    Returns:
        The plan.

    Raises:
        ValueError: If an argument is out of range.

    Source:
        Goodfellow et al. 2014 (arXiv:1406.2661); Radford et al. 2016 (arXiv:1511.06434), section 3. Differs
        in that width and batch are smaller by default (16 for 64 and 128: on a processor many small
        steps get further than few large ones), depth follows from the image size, and averaged weights
        are what is sampled.
    """
    at_least(1, critic_steps=critic_steps)
    return plan(
        facts,
        pair("convolutional", facts, num_latents=num_latents, width=width, norm="batch"),
        game=game,
        num_latents=num_latents,
        critic_steps=critic_steps,
        augment=augment,
        flip=flip,
        rate=rate,
        betas=(0.5, 0.999),
        batch_size=batch_size,
        half_life=half_life,
    )


def least_squares(
    facts: Facts,
    *,
    num_latents: int = 64,
    width: int = 16,
    augment: Augment = "none",
    flip: bool = False,
    rate: float = 2e-4,
    batch_size: int = 16,
    half_life: int = 10_000,
) -> Plan:
    """Scores regressed on 1 and 0: images on the right side of the critic, but far off, still pull.

    Args:
        facts: Facts of the data.
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
        Mao et al. 2017 (arXiv:1611.04076), eq. 9. Differs in the networks, which are those of `gan.dcgan`
        (theirs have a fully connected layer more, and a rate of 0.001), and in width and batch.
    """
    return plan(
        facts,
        pair("convolutional", facts, num_latents=num_latents, width=width, norm="batch"),
        game="least_squares",
        num_latents=num_latents,
        augment=augment,
        flip=flip,
        rate=rate,
        betas=(0.5, 0.999),
        batch_size=batch_size,
        half_life=half_life,
    )
