"""Networks that grow."""

from typing import Literal

from latentia.data import Facts
from latentia.losses import Penalty, gradient_penalty, r1
from latentia.models.gan.growth import Growth
from latentia.networks import num_halvings
from latentia.recipes.gan.parts import Augment, pair, plan
from latentia.recipes.ranges import above_zero, at_least
from latentia.training import Plan


def progressive(
    facts: Facts,
    *,
    phase: int | None = None,
    fade: int | None = None,
    game: Literal["wasserstein", "non_saturating"] = "wasserstein",
    penalty: float = 10.0,
    num_latents: int = 64,
    width: int = 16,
    augment: Augment = "none",
    flip: bool = False,
    rate: float = 1e-3,
    batch_size: int = 16,
    half_life: int = 10_000,
    cool_down: float = 0.0,
) -> Plan:
    """From a few pixels to the whole image: every resolution is learnt, then the next is faded in.

    By itself it is at full size after half of the run. With lengths of one's own, a run has to show more than
    (phase + fade) images for each doubling from 4 to 7 px upwards, or it ends below full size.

    Args:
        facts: Facts of the data.
        phase: Images that are shown at each resolution before the next is begun; without it, equal parts of
            the first half of the run, one for each phase but the last and one for each fade.
        fade: Images over which it is faded in; without it, the same.
        game: What the players want.
        penalty: Weight of what the critic pays for its slope, above 0: in the Wasserstein game of the squared
            distance to 1 between real and generated images, in the other of half its square at real ones.
        num_latents: Length of a latent vector.
        width: Channels of the networks at half size.
        augment: Whether the critic is shown augmented images: `none`, `always`, or `adaptive`, the more
            often the surer it is of the training images.
        flip: Whether augmentation mirrors left and right.
        rate: Learning rate of Adam, of both players.
        batch_size: Images a step; at least 2, since the critic sees how much a batch differs.
        half_life: Images after which a step counts half in the averaged weights.
        cool_down: Part of the run, at its end, over which the learning rate falls to a hundredth.

    Returns:
        The plan.

    Raises:
        ValueError: If an argument is out of range.

    Source:
        Karras et al. 2017 (arXiv:1710.10196), sections 2 to 4 and appendix A. Differs in phases by the
        length of the run for 600,000 images each, in width (16 channels at half size), in the absence of the
        drift term, whose weight there is 0.001, and in optimisers that keep their state when a resolution
        begins. The non-saturating game with R1: Mescheder et al. 2018 (arXiv:1801.04406), section 5.
    """
    at_least(1, phase=1 if phase is None else phase, fade=1 if fade is None else fade)
    above_zero(penalty=penalty)
    networks = pair("progressive", facts, num_latents=num_latents, width=width)
    held: Penalty = gradient_penalty(penalty) if game == "wasserstein" else r1(penalty)
    return plan(
        facts,
        networks,
        game=game,
        num_latents=num_latents,
        penalties=[held],
        growth=Growth(num_halvings(facts.height, facts.width) + 1, images=phase, fade=fade),
        augment=augment,
        flip=flip,
        rate=rate,
        betas=(0.0, 0.99),
        batch_size=batch_size,
        half_life=half_life,
        cool_down=cool_down,
    )
