"""Images of a class, or with attributes, that one names."""

from typing import Literal

from torch import nn

from latentia.data import Facts
from latentia.models.gan.recognition import ClassRecognition
from latentia.networks import Classes, Condition
from latentia.recipes.conditions import Kind, condition_of
from latentia.recipes.gan.parts import Augment, num_deepest, pair, plan, slopes
from latentia.recipes.ranges import above_zero, at_least
from latentia.training import Plan

FITTING = {"hinge": ("convolutional", "residual"), "relativistic": ("convolutional", "bottleneck")}
"""Networks that a game holds the slope of: spectrally normalised ones, and those without a norm."""


def conditional(
    facts: Facts,
    *,
    told: Kind = "auto",
    game: Literal["relativistic", "hinge"] = "relativistic",
    network: Literal["convolutional", "residual", "bottleneck"] = "convolutional",
    gamma: float | None = None,
    gamma_at_end: float | None = None,
    penalty_every: int | None = None,
    recognition: float | None = None,
    num_latents: int = 64,
    width: int = 16,
    augment: Augment = "none",
    flip: bool = False,
    rate: float | None = None,
    batch_size: int = 64,
    half_life: int = 10_000,
    cool_down: float = 0.5,
) -> Plan:
    """Both players are told the class or the attributes: a vector beside the latents, and a projection.

    Args:
        facts: Facts of the data, which must have classes or attributes.
        told: `classes`, `attributes`, or `auto` for whichever the data has.
        game: `relativistic`, with both slopes penalised, or `hinge`, with spectral normalisation.
        network: Plain convolutions for either game, residual blocks for hinge, bottlenecks for relativistic.
        gamma: Strength of the penalties of the relativistic game (0.1); 0 or more.
        gamma_at_end: What gamma has changed to at the end of the run, by the same factor in equal times.
        penalty_every: Turns from one penalty to the next, which counts as many times, in that game (4).
        recognition: Weight of the class being read off images, for both players, 0 or more: 0.2 in the
            relativistic game where classes are told, 0 elsewhere. Real images alone teach the critic.
        num_latents: Length of a latent vector, and of the generator's vector of what it is told.
        width: Channels of the networks at half size.
        augment: Whether the critic is shown augmented images: `none`, `always`, or `adaptive`, the more
            often the surer it is of the training images.
        flip: Whether augmentation mirrors left and right.
        rate: Learning rate of Adam, of both players: 0.002 in the relativistic game, 0.0002 in the other.
        batch_size: Images a step; at least 2 with batch normalisation.
        half_life: Images after which a step counts half in the averaged weights.
        cool_down: Part of the run, at its end, over which the learning rate falls to a hundredth.

    Returns:
        The plan.

    Raises:
        ValueError: If an argument is out of range, the data has neither classes nor attributes, network
            and game do not fit, or there is no class to recognise.

    Source:
        Miyato & Koyama 2018 (arXiv:1802.05637), eq. 3; the relativistic game: Huang et al. 2025
        (arXiv:2501.05441); recognition: Odena et al. 2017 (arXiv:1610.09585). Differs in that what is told
        stands beside the latents, not in batch norms alone, may be attributes, of which the vectors are
        linear maps, and in that the default networks are plain.
    """
    relativistic = game == "relativistic"
    if network not in FITTING[game]:
        raise ValueError(
            f"The {game} game is played by networks that are {' or '.join(FITTING[game])}, and got "
            f"{network}. Choose one of them, or the other game."
        )
    asked = {"gamma": gamma, "gamma_at_end": gamma_at_end, "penalty_every": penalty_every}
    unused = ", ".join(f"{name} is {value}" for name, value in asked.items() if value is not None)
    if unused and not relativistic:
        raise ValueError(
            f"{unused}, and in the hinge game there is no penalty that it could be the strength of. Leave it "
            f"out, or choose `--game relativistic`."
        )
    condition = condition_of(facts, told, "gan.conditional")
    norm: Literal["none", "spectral"] = "none" if relativistic else "spectral"
    networks = pair(network, facts, num_latents=num_latents, width=width, norm=norm, condition=condition)
    if recognition is None:
        recognition = 0.2 if relativistic and isinstance(condition, Classes) else 0.0
    gamma, every = 0.1 if gamma is None else gamma, 4 if penalty_every is None else penalty_every
    return plan(
        facts,
        networks,
        game=game,
        num_latents=num_latents,
        condition=condition,
        penalties=slopes(gamma, gamma_at_end, every=every) if relativistic else (),
        recognition=_reader(recognition, networks[1], condition, facts),
        recognition_weight=recognition,
        augment=augment,
        flip=flip,
        rate=(2e-3 if relativistic else 2e-4) if rate is None else rate,
        betas=(0.0, 0.99 if relativistic else 0.9),
        batch_size=batch_size,
        half_life=half_life,
        cool_down=cool_down,
    )


def auxiliary(
    facts: Facts,
    *,
    recognition: float = 1.0,
    num_latents: int = 64,
    width: int = 16,
    augment: Augment = "none",
    flip: bool = False,
    rate: float = 2e-4,
    batch_size: int = 16,
    half_life: int = 10_000,
) -> Plan:
    """The generator is told the class, and the critic has to recognise it: an auxiliary classifier.

    Images become typical of their class rather than as varied as it is: what is easy to recognise is what is
    made. `gan.conditional` has no such preference.

    Args:
        facts: Facts of the data, which must have classes.
        recognition: Weight of the classification, for both players; above 0.
        num_latents: Length of a latent vector, and of the generator's vector of a class.
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
        ValueError: If an argument is out of range, or the data has no classes.

    Source:
        Odena et al. 2017 (arXiv:1610.09585), eq. 1 to 3. Differs in the networks, which are those of
        `gan.dcgan` (theirs have dropout and noise in the critic).
    """
    above_zero(recognition=recognition)
    condition = condition_of(facts, "classes", "gan.auxiliary")
    generator, critic = pair(
        "convolutional",
        facts,
        num_latents=num_latents,
        width=width,
        norm="batch",
        condition=condition,
        projected=False,
    )
    return plan(
        facts,
        (generator, critic),
        game="non_saturating",
        num_latents=num_latents,
        condition=condition,
        recognition=ClassRecognition(num_deepest(critic, facts), len(facts.classes)),
        recognition_weight=recognition,
        augment=augment,
        flip=flip,
        rate=rate,
        betas=(0.5, 0.999),
        batch_size=batch_size,
        half_life=half_life,
    )


def _reader(weight: float, critic: nn.Module, condition: Condition, facts: Facts) -> ClassRecognition | None:
    """What reads classes off the critic's features, learned from real images; None without a weight."""
    at_least(0, recognition=weight)
    if not weight:
        return None
    if not isinstance(condition, Classes):
        raise ValueError(
            f"recognition is {weight}, the weight of the class being read off images, and {facts.name} has "
            f"no classes, only attributes. Leave it out, or give a table with classes (`--labels FILE.csv`)."
        )
    return ClassRecognition(num_deepest(critic, facts), len(facts.classes), of_generated=False)
