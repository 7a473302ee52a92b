"""Implicit models: adversarial networks."""

from typing import Literal

from latentia.data import Facts
from latentia.losses import GAMES
from latentia.models import AdversarialNetwork
from latentia.networks import Critic, Generator
from latentia.recipes.ranges import above_zero, at_least
from latentia.training import Adam, Plan

__all__ = ["dcgan"]


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
    at_least(1, num_latents=num_latents, width=width, critic_steps=critic_steps, half_life=half_life)
    at_least(2, batch_size=batch_size)
    above_zero(rate=rate)
    model = AdversarialNetwork(
        image_shape=facts.image_shape,
        generator=Generator(num_latents, facts.image_shape, width=width),
        critic=Critic(facts.image_shape, width=width),
        game=GAMES[game],
        num_latents=num_latents,
        critic_steps=critic_steps,
    )
    adam = Adam(rate=rate, betas=(0.5, 0.999))
    return Plan(
        model,
        optimisers={"critic": adam, "generator": adam},
        batch_size=batch_size,
        half_life=half_life,
    )
