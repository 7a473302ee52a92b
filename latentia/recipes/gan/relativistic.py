"""The modern baseline: pairs of images compared, and slopes held on both sides."""

from typing import Literal

from latentia.data import Facts
from latentia.recipes.gan.parts import Augment, Network, is_point, pair, plan, slopes
from latentia.training import Plan


def r3(
    facts: Facts,
    *,
    gamma: float = 1.0,
    gamma_at_end: float | None = None,
    penalty_every: int = 1,
    network: Literal["auto", "bottleneck", "convolutional", "mlp"] = "auto",
    dense: bool = True,
    num_latents: int = 64,
    width: int | None = None,
    augment: Augment = "none",
    flip: bool = False,
    rate: float = 1e-3,
    batch_size: int = 16,
    half_life: int = 10_000,
    cool_down: float = 0.0,
) -> Plan:
    """The relativistic game with both slopes penalised: it converges, and every mode counts.

    Gamma says how fine the critic may look: differences of images shorter than about 2 sqrt(gamma), in the
    data's units, are smoothed away. Too small, and the critic runs ahead and the run swings; too large,
    and images stay coarse.

    Args:
        facts: Facts of the data.
        gamma: Twice the weight of the squared slope, at real and at generated images; 0 or more.
        gamma_at_end: What gamma has changed to at the end of the run, by the same factor in equal times, so
            that modes are found before details; it stays without.
        penalty_every: Turns from one penalty to the next, which counts as many times.
        network: Residual bottlenecks without norms; plain convolutions, batch normalisation in the
            generator alone; or fully connected layers. `auto`: these where an image is a single pixel,
            and bottlenecks elsewhere.
        dense: Whether bottlenecks mix all channels, which is faster on a processor, or groups of 16.
        num_latents: Length of a latent vector.
        width: Channels of the networks at half size (16), or units in a fully connected layer (256).
        augment: Whether the critic is shown augmented images: `none`, `always`, or `adaptive`, the more
            often the surer it is of the training images.
        flip: Whether augmentation mirrors left and right.
        rate: Learning rate of Adam, of both players.
        batch_size: Images a step; at least 2 with batch normalisation.
        half_life: Images after which a step counts half in the averaged weights.
        cool_down: Part of the run, at its end, over which the learning rate falls to a hundredth.

    Returns:
        The plan.

    Raises:
        ValueError: If an argument is out of range.

    Source:
        Huang et al. 2025 (arXiv:2501.05441), sections 2 and 3. Differs in rate and averaging, which do not
        warm up, in a gamma that stays unless asked otherwise (theirs falls along a cosine), in width and
        batch, and in the dense bottlenecks, as wide inside as outside.
    """
    fitting: Network = "mlp" if is_point(facts) else "bottleneck"
    return plan(
        facts,
        pair(
            fitting if network == "auto" else network,
            facts,
            num_latents=num_latents,
            width=width,
            dense=dense,
        ),
        game="relativistic",
        num_latents=num_latents,
        penalties=slopes(gamma, gamma_at_end, every=penalty_every),
        augment=augment,
        flip=flip,
        rate=rate,
        betas=(0.0, 0.99),
        batch_size=batch_size,
        half_life=half_life,
        cool_down=cool_down,
    )
