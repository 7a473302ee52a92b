"""Damaged images restored, with answers from a conditional adversarial network."""

from typing import Literal

from latentia.data import Facts
from latentia.data.degradation import Degradation
from latentia.data.holes import Hole
from latentia.losses import GAMES
from latentia.models.gan.answers import AdversarialAnswers
from latentia.networks import PatchCritic
from latentia.networks.restoring import RestoringNetwork
from latentia.recipes.ranges import above_zero, at_least
from latentia.recipes.restoring import Factor, LatentGrids, Task, degrades, network_settings, restorer_plan
from latentia.training import Adam, Plan

RestoringGame = Literal["hinge", "relativistic", "least_squares"]


def restore(
    facts: Facts,
    degradation: Degradation | None = None,
    *,
    task: Task = "upscale",
    factor: Factor | None = None,
    hole: Hole | None = None,
    side: int | None = None,
    noise: float | None = None,
    blur: float | None = None,
    width: int = 48,
    depth: int = 1,
    patch: int | None = None,
    latent_channels: int = 4,
    latent_grids: LatentGrids = 3,
    critic_width: int = 32,
    game: RestoringGame = "hinge",
    centred: float = 1.0,
    rate: float = 1e-3,
    batch_size: int = 16,
    half_life: int = 5_000,
    cool_down: float = 0.5,
) -> Plan:
    """Restores damaged images: the expected one, and several that may have been (conditional GAN).

    Args:
        facts: Facts of the data.
        degradation: What is done to images, from Python; then the task and its settings are not looked at.
        task: What is undone: `upscale`, `colourise`, `inpaint`, `denoise` or `deblur`.
        factor: Of `upscale`: how many times larger images become; 4 without it.
        hole: Of `inpaint`: what hides parts: `box`, `brush`, `pixels` or `any` of these, which is usual.
        side: Of `inpaint`: longest side of a box in pixels, and four times the brush; without it half of the
            image's.
        noise: Of `denoise`: largest standard deviation, in values from -1 to 1; 0.2 without it.
        blur: Of `deblur`: standard deviation of the blur in pixels; 1.5 without it.
        width: Channels of the first grid; 3/2 and twice as many of the next two.
        depth: Residual blocks a grid, each way.
        patch: Side of the patches that are places of the first grid; without it 4 px, or 2 px of images below
            48 px.
        latent_channels: Latents at each place of the grids that have some.
        latent_grids: How many have, the coarsest ones. With fewer than 3 a generator takes longer to use
            them.
        critic_width: Channels of the critic of patches after its first halving.
        game: What the critic's scores are taken for.
        centred: Weight of the distance between the mean of answers and the expected image.
        rate: Learning rate of Adam.
        batch_size: Images a step.
        half_life: Images after which a step counts half in the averaged weights.
        cool_down: Part of the run, at its end, over which the learning rates fall.

    Returns:
        The plan.

    Raises:
        ValueError: If an argument is out of range, of another task, or does not fit the data.

    Source:
        Isola et al. 2017 (arXiv:1611.07004); Ledig et al. 2017 (arXiv:1609.04802); what keeps answers around
        the expected image: Ohayon et al. 2021 (arXiv:2103.04192).
    """
    at_least(1, latent_channels=latent_channels)
    at_least(1, critic_width=critic_width)
    at_least(0, centred=centred)
    above_zero(rate=rate)
    if degradation is None:
        degradation = degrades(facts, task, factor=factor, hole=hole, side=side, noise=noise, blur=blur)
    sizes = network_settings(facts, width, depth, patch)
    own = {"num_latents": latent_channels, "latent_grids": latent_grids}
    channels = facts.channels
    generator = RestoringNetwork(2 * channels + 1, channels, **own, **sizes)
    critic = PatchCritic((3 * channels + 1, facts.height, facts.width), width=critic_width)
    adam = Adam(rate=rate, betas=(0.5, 0.99))
    return restorer_plan(
        facts,
        degradation,
        AdversarialAnswers(generator, critic, game=GAMES[game], centred=centred),
        rate=rate,
        batch_size=batch_size,
        half_life=half_life,
        cool_down=cool_down,
        optimisers={"answers": adam, "critic": adam},
        **sizes,
    )
