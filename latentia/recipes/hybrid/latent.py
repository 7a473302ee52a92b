"""Autoencoders of images for generators of latents."""

import math
from typing import Literal

from torch import nn

from latentia.data import Facts
from latentia.distributions import Codebook, RectifiedFlowPrior, Solver
from latentia.models import ImageAutoencoder
from latentia.models.bounds import PLAYER
from latentia.models.hybrid.bottleneck import Bottleneck, CodeBottleneck, GaussianBottleneck
from latentia.networks import LatentGridDecoder, LatentGridEncoder, Layout, PatchCritic, VelocityNetwork
from latentia.recipes.ranges import above_zero, at_least
from latentia.training import Adam, Plan

Halvings = Literal[2, 3]
PRIOR_RATE = 1e-3
"""Learning rate of the prior, whose network is small."""


def autoencoder_kl(
    facts: Facts,
    *,
    halvings: Halvings = 2,
    latent_channels: int = 4,
    beta: float = 1e-3,
    width: int = 16,
    depth: int = 1,
    attention: bool = False,
    perceptual: float = 0.1,
    adversarial: float = 0.1,
    adversarial_start: float = 0.3,
    critic_width: int = 32,
    prior_width: int = 96,
    prior_depth: int = 6,
    prior_start: float = 0.5,
    num_steps: int = 8,
    solver: Solver = "heun",
    rate: float = 1e-3,
    batch_size: int = 16,
    half_life: int = 10_000,
    cool_down: float = 0.3,
) -> Plan:
    """Image autoencoder: a grid of latents at a quarter or an eighth of the size, and a flow over them.

    A critic of patches keeps what is decoded sharp. In the second part of the run a rectified flow learns
    what latents images have, so that new ones can be drawn. Its weights can be opened by `diffusers`.

    Args:
        facts: Facts of the data.
        halvings: How often height and width are halved: 2 for a quarter of the size, 3 for an eighth.
        latent_channels: Latents at each position of the grid.
        beta: Weight of the rate, beside the sum of absolute errors of an image.
        width: Channels at full size; twice as many below.
        depth: Residual blocks of the encoder at each size; the decoder has one more.
        attention: Whether all positions of the grid look at each other in the middle of both networks.
        perceptual: Weight of the distance of the critic's features.
        adversarial: Weight of the game in the decoder, in gradients as long as those of the reconstruction.
        adversarial_start: Part of the run after which the decoder plays, 0 to 1.
        critic_width: Channels of the critic after its first halving.
        prior_width: Channels of the flow's network.
        prior_depth: Its residual blocks.
        prior_start: Part of the run after which the flow is fitted, 0 to 1.
        num_steps: Steps in which the flow draws.
        solver: How it steps; Heun's asks the network twice a step.
        rate: Learning rate of Adam, of autoencoder and critic.
        batch_size: Images a step.
        half_life: Images after which a step counts half in the averaged weights.
        cool_down: Part of the run, at its end, over which the learning rates fall.

    Returns:
        The plan.

    Raises:
        ValueError: If an argument is out of range, or the sides of the images cannot be halved so often.

    Source:
        Rombach et al. 2022 (arXiv:2112.10752), section 3.1; the flow: Lipman et al. 2023 (arXiv:2210.02747).
        Differs in that networks are small, that beta is 1,000 times theirs, that the perceptual distance is
        in the critic's features, and that attention is off by default.
    """
    at_least(0, beta=beta)
    at_least(1, latent_channels=latent_channels)
    layout = _layout(facts, halvings, latent_channels, width, depth, attention=attention)
    return _plan(
        facts,
        layout,
        LatentGridEncoder(layout, num_outputs=2 * latent_channels),
        GaussianBottleneck(beta),
        _prior(facts, layout, prior_width, prior_depth, num_steps, solver),
        critic_width=critic_width,
        rate=rate,
        batch_size=batch_size,
        half_life=half_life,
        cool_down=cool_down,
        perceptual=perceptual,
        adversarial=adversarial,
        adversarial_start=adversarial_start,
        prior_start=prior_start,
    )


def vqgan(
    facts: Facts,
    *,
    halvings: Halvings = 2,
    num_codes: int = 256,
    code_size: int = 4,
    commitment: float = 0.25,
    width: int = 16,
    depth: int = 1,
    attention: bool = False,
    perceptual: float = 0.1,
    adversarial: float = 0.1,
    adversarial_start: float = 0.3,
    critic_width: int = 32,
    prior_width: int = 96,
    prior_depth: int = 6,
    prior_start: float = 0.5,
    num_steps: int = 8,
    solver: Solver = "heun",
    rate: float = 1e-3,
    batch_size: int = 16,
    half_life: int = 10_000,
    cool_down: float = 0.3,
) -> Plan:
    """VQGAN: the image autoencoder with a codebook, whose latents are vectors of codes on a grid.

    Args:
        facts: Facts of the data.
        halvings: How often height and width are halved: 2 for a quarter of the size, 3 for an eighth.
        num_codes: Codes in the codebook.
        code_size: Length of a code's vector.
        commitment: Weight of the squared distance between the encoder's vectors and their codes.
        width: Channels at full size; twice as many below.
        depth: Residual blocks of the encoder at each size; the decoder has one more.
        attention: Whether all positions of the grid look at each other in the middle of both networks.
        perceptual: Weight of the distance of the critic's features.
        adversarial: Weight of the game in the decoder, in gradients as long as those of the reconstruction.
        adversarial_start: Part of the run after which the decoder plays, 0 to 1.
        critic_width: Channels of the critic after its first halving.
        prior_width: Channels of the flow's network.
        prior_depth: Its residual blocks.
        prior_start: Part of the run after which the flow is fitted, 0 to 1.
        num_steps: Steps in which the flow draws.
        solver: How it steps; Heun's asks the network twice a step.
        rate: Learning rate of Adam, of autoencoder and critic.
        batch_size: Images a step.
        half_life: Images after which a step counts half in the averaged weights.
        cool_down: Part of the run, at its end, over which the learning rates fall.

    Returns:
        The plan.

    Raises:
        ValueError: If an argument is out of range, or the sides of the images cannot be halved so often.

    Source:
        Esser et al. 2021 (arXiv:2012.09841), section 3.1; codes of few numbers: Yu et al. 2022
        (arXiv:2110.04627), section 3.2. Differs in that the perceptual distance is in the critic's features,
        and that what draws is a flow over the codes' vectors instead of a transformer over codes.
    """
    at_least(2, num_codes=num_codes)
    at_least(1, code_size=code_size)
    above_zero(commitment=commitment)
    layout = _layout(facts, halvings, code_size, width, depth, attention=attention)
    return _plan(
        facts,
        layout,
        LatentGridEncoder(layout, num_outputs=code_size),
        CodeBottleneck(Codebook(num_codes, code_size), commitment),
        _prior(facts, layout, prior_width, prior_depth, num_steps, solver),
        critic_width=critic_width,
        rate=rate,
        batch_size=batch_size,
        half_life=half_life,
        cool_down=cool_down,
        perceptual=perceptual,
        adversarial=adversarial,
        adversarial_start=adversarial_start,
        prior_start=prior_start,
    )


def _layout(facts: Facts, halvings: int, size: int, width: int, depth: int, *, attention: bool) -> Layout:
    at_least(1, width=width, depth=depth)
    groups = max(1, math.gcd(width, 32) // 4)
    return Layout(facts.channels, (width, *[2 * width] * halvings), size, depth, groups, attention)


def _prior(
    facts: Facts, layout: Layout, width: int, depth: int, num_steps: int, solver: Solver
) -> RectifiedFlowPrior:
    at_least(1, prior_width=width, prior_depth=depth, num_steps=num_steps)
    shape = (layout.size, *layout.grid_of(facts.image_shape))
    network = VelocityNetwork(shape, width=width, depth=depth)
    return RectifiedFlowPrior(network, shape, num_steps=num_steps, solver=solver)


def _plan(
    facts: Facts,
    layout: Layout,
    encoder: LatentGridEncoder,
    bottleneck: nn.Module,
    prior: RectifiedFlowPrior,
    *,
    critic_width: int,
    rate: float,
    batch_size: int,
    half_life: int,
    cool_down: float,
    **settings: float,
) -> Plan:
    at_least(1, critic_width=critic_width, batch_size=batch_size, half_life=half_life)
    at_least(0, **settings)
    above_zero(rate=rate)
    for name in ("adversarial_start", "prior_start"):
        if settings[name] > 1:
            raise ValueError(f"{name} is {settings[name]}; it is a part of the run, from 0 to 1.")
    assert isinstance(bottleneck, Bottleneck)
    model = ImageAutoencoder(
        image_shape=facts.image_shape,
        encoder=encoder,
        decoder=LatentGridDecoder(layout),
        critic=PatchCritic(facts.image_shape, width=critic_width),
        bottleneck=bottleneck,
        prior=prior,
        **settings,
    )
    adam = Adam(rate=rate, betas=(0.5, 0.99))
    return Plan(
        model,
        optimisers={PLAYER: adam, "critic": adam, "prior": Adam(rate=PRIOR_RATE)},
        batch_size=batch_size,
        half_life=half_life,
        warm_up=50 * batch_size,
        cool_down=cool_down,
    )
