"""Damaged images restored, with answers from a conditional variational autoencoder."""

from latentia.data import Facts
from latentia.data.degradation import Degradation
from latentia.data.holes import Hole
from latentia.models.vae.answers import VariationalAnswers
from latentia.networks.restoring import GridStatistics, RestoringNetwork
from latentia.recipes.ranges import above_zero, at_least
from latentia.recipes.restoring import Factor, LatentGrids, Task, degrades, network_settings, restorer_plan
from latentia.training import Adam, Plan


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
    latent_channels: int = 8,
    latent_grids: LatentGrids = 2,
    beta: float = 1.0,
    rate: float = 1e-3,
    batch_size: int = 16,
    half_life: int = 5_000,
    cool_down: float = 0.5,
) -> Plan:
    """Restores damaged images: the expected one, and several that may have been (conditional VAE).

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
        latent_grids: How many have, the coarsest ones. With 3 answers soon differ more, and are grainy.
        beta: Weight of the rate; below 1 answers differ more.
        rate: Learning rate of Adam.
        batch_size: Images a step.
        half_life: Images after which a step counts half in the averaged weights.
        cool_down: Part of the run, at its end, over which the learning rates fall.

    Returns:
        The plan.

    Raises:
        ValueError: If an argument is out of range, of another task, or does not fit the data.

    Source:
        Sohn et al. 2015 (NeurIPS 28), section 4; the expected image first: Whang et al. 2022
        (arXiv:2112.02475).
    """
    at_least(1, latent_channels=latent_channels)
    at_least(0, beta=beta)
    above_zero(rate=rate)
    if degradation is None:
        degradation = degrades(facts, task, factor=factor, hole=hole, side=side, noise=noise, blur=blur)
    sizes = network_settings(facts, width, depth, patch)
    own = {"num_latents": latent_channels, "latent_grids": latent_grids}
    channels = facts.channels
    decoder = RestoringNetwork(2 * channels + 1, channels, **own, **sizes)
    posterior = GridStatistics(3 * channels + 1, **own, **sizes)
    return restorer_plan(
        facts,
        degradation,
        VariationalAnswers(decoder, posterior, beta=beta),
        rate=rate,
        batch_size=batch_size,
        half_life=half_life,
        cool_down=cool_down,
        optimisers={"answers": Adam(rate=rate)},
        **sizes,
    )
