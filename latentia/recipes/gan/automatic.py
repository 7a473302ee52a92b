"""The default: a recipe and its arguments by rules, each of which says why."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from latentia.data import Facts
from latentia.recipes.budget import Budget
from latentia.recipes.gan.parts import is_point
from latentia.recipes.gan.relativistic import r3
from latentia.training import Plan

Speed = Callable[[str, Mapping[str, Any]], float]
"""From a recipe and its arguments to how many images a second it is shown."""

RECIPES: Mapping[str, Callable[..., Plan]] = {"gan.r3": r3}
PASSES = 50
"""Times that each training image is shown, from which on critics are shown augmented ones."""
FEW, SMALLER = 200_000, 32
"""Images to be shown, below which smaller batches get further, and how large those are."""
AVERAGED = 20
"""The averaged weights' half-life is this part of the run."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A recipe for runs of some length.

    Attributes:
        recipe: Its name.
        arguments: What makes it fit.
        fewest: Images to be shown from which on it is taken.
        devices: Where.
        why: What is known of it, a sentence each without a full stop.
    """

    recipe: str
    arguments: Mapping[str, Any]
    fewest: int
    devices: tuple[str, ...]
    why: tuple[str, ...]

    @property
    def words(self) -> str:
        """The recipe and its network, in a few words."""
        return f"{self.recipe} with {self.arguments['network']} networks"


CANDIDATES = (
    Candidate(
        recipe="gan.r3",
        arguments={"network": "bottleneck", "dense": False, "batch_size": 64, "cool_down": 0.3},
        fewest=5_000_000,
        devices=("cuda",),
        why=("large residual networks lead where millions of images are shown, as published",),
    ),
    Candidate(
        recipe="gan.r3",
        arguments={
            "network": "convolutional",
            "gamma": 1.0,
            "penalty_every": 4,
            "rate": 2e-3,
            "batch_size": 64,
            "cool_down": 0.5,
        },
        fewest=0,
        devices=("cpu", "cuda", "mps"),
        why=(
            "it came nearer to held-out images than the hinge game and DCGAN in equal time",
            "gamma 1, the best or level with the best of 0.01 to 100 at 8 to 32 px, at every fourth step",
        ),
    ),
)
"""From the longest runs to the shortest: the first that fits is taken."""

POINTS = Candidate(
    recipe="gan.r3",
    arguments={
        "network": "mlp",
        "width": 128,
        "gamma": 0.01,
        "gamma_at_end": 0.002,
        "rate": 3e-3,
        "batch_size": 256,
        "cool_down": 0.5,
    },
    fewest=0,
    devices=("cpu", "cuda", "mps"),
    why=("images of one pixel are points",),
)
WIDTHS: Mapping[str, int] = {"cuda": 64}
"""As published on a large accelerator; elsewhere narrow networks, shown more images, get further."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A plain recipe, and why it.

    Attributes:
        recipe: Its name.
        arguments: Those that were chosen; the others have the recipe's defaults.
        images: Images that the run is expected to show.
        reasons: What each rule said, without a full stop.
    """

    recipe: str
    arguments: Mapping[str, Any]
    images: int
    reasons: tuple[str, ...]


def auto(
    facts: Facts,
    *,
    augment: Literal["auto", "none", "adaptive", "always"] = "auto",
    flip: bool = False,
    num_latents: int = 64,
    width: int | None = None,
    batch_size: int | None = None,
) -> Plan:
    """Chooses game, networks, gamma, averaging and augmentation by the data, the time and the machine.

    A run is of the recipe that was chosen, whose name and arguments `run.json` holds, with the reasons. Here,
    where no run is, it is chosen for 200,000 images on a processor.

    Args:
        facts: Facts of the data.
        augment: Whether the critic is shown augmented images: `none`, `always`, or `adaptive`, the more
            often the surer it is of the training images; `auto`: adaptive where each is shown often.
        flip: Whether augmentation mirrors left and right; `auto` is `adaptive` then.
        num_latents: Length of a latent vector.
        width: Channels of the networks, as the recipe means them; chosen without it.
        batch_size: Images a step; chosen without it.

    Returns:
        The plan.

    Raises:
        ValueError: If an argument is out of range.

    Source:
        What it chooses between follows Huang et al. 2025 (arXiv:2501.05441). Which one was measured, in short
        runs on a processor (`docs/recipes.md`); their own figures come from millions of images.
    """
    choice = choose(
        facts,
        Budget(),
        augment=augment,
        flip=flip,
        num_latents=num_latents,
        width=width,
        batch_size=batch_size,
    )
    return RECIPES[choice.recipe](facts, **choice.arguments)


def choose(
    facts: Facts,
    budget: Budget,
    speed: Speed | None = None,
    *,
    augment: Literal["auto", "none", "adaptive", "always"] = "auto",
    flip: bool = False,
    **own: int | None,
) -> Choice:
    """The recipe for some data and a budget, a function of its arguments and of nothing else.

    Args:
        facts: Facts of the data.
        budget: What the run may take.
        speed: Asked where the budget is in minutes, of the candidates that matter.
        augment: As of `auto`.
        flip: As of `auto`.
        **own: Arguments that all candidates have, which are not chosen; None where they are.

    Example:
        >>> from latentia.recipes.register import small_facts
        >>> choice = choose(small_facts(), Budget(minutes=10), lambda recipe, arguments: 600.0)
        >>> choice.recipe, choice.images
        ('gan.r3', 360000)
    """
    fitting = [c for c in CANDIDATES if budget.device in c.devices]
    fixed = {name: value for name, value in own.items() if value is not None}
    if is_point(facts):
        fitting = [POINTS]
    elif budget.device in WIDTHS:
        fixed = {"width": WIDTHS[budget.device]} | fixed
    reasons: list[str] = []
    for candidate in fitting:
        arguments = {**candidate.arguments, **fixed}
        images, counted = _shown(budget, speed, candidate.recipe, arguments)
        if images >= candidate.fewest:
            break
        reasons.append(f"{candidate.words} pays from {candidate.fewest:,} images on, and {counted} with it")
    reasons += [f"{candidate.words}: {counted}", *candidate.why]
    if images < FEW and "batch_size" not in fixed and not is_point(facts):
        arguments["batch_size"] = SMALLER
        reasons.append(f"batches of {SMALLER}, since fewer than {FEW:,} images are to be shown")
    arguments["half_life"] = max(1, images // AVERAGED)
    reasons.append(f"half-life {arguments['half_life']:,}, a twentieth of the run")
    if augment == "auto":
        augment, reason = _augmentation(facts, images, flip=flip)
        reasons.append(reason)
    return Choice(candidate.recipe, {**arguments, "augment": augment, "flip": flip}, images, tuple(reasons))


def _shown(budget: Budget, speed: Speed | None, recipe: str, arguments: Mapping[str, Any]) -> tuple[int, str]:
    """How many images a run would show, and that in words."""
    if budget.minutes is None:
        return budget.images, f"{budget.images:,} images are to be shown"
    assert speed is not None
    measured = speed(recipe, arguments)
    images = round(60 * budget.minutes * measured)
    time = f"{budget.minutes:g} min ({measured:,.0f} a second measured)"
    return images, f"{images:,} images can be shown in {time}"


def _augmentation(facts: Facts, images: int, *, flip: bool) -> tuple[Literal["none", "adaptive"], str]:
    """Whether to augment where that is left open, and why."""
    passes = images / max(1, facts.num_train)
    each = f"each of {facts.num_train:,} training images is shown {passes:,.1f} times"
    if is_point(facts):
        return "none", "no augmentation of points"
    if flip:
        return "adaptive", "augmentation adaptive, since images may be mirrored"
    if passes >= PASSES:
        return "adaptive", f"augmentation adaptive, since {each}"
    return "none", f"no augmentation, since {each}, and it is for {PASSES} and more"
