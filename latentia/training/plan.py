"""What a recipe hands to the loop: a model, and how to descend its objectives."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from torch import optim

from latentia.protocols import GenerativeModel
from latentia.training.rescue import Rescue

FLOOR = 0.01
"""What is left of a learning rate after the cool-down."""
SPREAD = 5
"""How many times one half-life is the next, where the best of several averages is kept."""


@dataclass(frozen=True, slots=True)
class Adam:
    """Settings of the Adam optimiser of one player (Kingma & Ba 2015, arXiv:1412.6980).

    Attributes:
        rate: Learning rate.
        betas: Decay of the running means of the gradient and of its square.
        epsilon: Added to the root of the latter.
        clip: Norm that the gradient of all of the player's parameters is cut to; None leaves it.
        skip: A step whose gradient is longer than so many times what is typical of late is not taken, nor
            is one that is not finite (`guard.py`); above 1, None takes every step.

    Raises:
        ValueError: If `skip` is 1 or less.
    """

    rate: float = 1e-3
    betas: tuple[float, float] = (0.9, 0.999)
    epsilon: float = 1e-8
    clip: float | None = None
    skip: float | None = None

    def __post_init__(self) -> None:
        if self.skip is not None and not self.skip > 1:
            raise ValueError(
                f"skip is {self.skip}; it is a multiple of the typical gradient norm and has to be above 1: "
                f"with 10, say, a step ten times longer than usual is not taken. None takes every step."
            )


@dataclass(frozen=True, slots=True)
class Plan:
    """A model and how it is trained.

    Attributes:
        model: The model, freshly initialised.
        optimisers: Settings by player; players without get the defaults of `Adam`.
        batch_size: Images a step, over all processes and micro-batches.
        half_life: Images after which a step counts half in the averaged weights.
        half_lives: Those of further averages, of which the best can be kept (`best.py`); each 1 or more, and
            another.
        warm_up: Images over which the learning rates rise from 0 to their values.
        cool_down: Part of the run, before its horizon, over which they fall to a hundredth; 0 to 1.
        rescue: What to do when something breaks.

    Raises:
        ValueError: If the cool-down is not a part of the run, or a half-life is below 1 or stands twice.
    """

    model: GenerativeModel
    optimisers: Mapping[str, Adam] = field(default_factory=dict)
    batch_size: int = 64
    half_life: int = 10_000
    half_lives: tuple[int, ...] = ()
    warm_up: int = 0
    cool_down: float = 0.0
    rescue: Rescue = field(default_factory=Rescue)

    def __post_init__(self) -> None:
        if not 0 <= self.cool_down <= 1:
            raise ValueError(
                f"cool_down is {self.cool_down}; it is a part of the run, from 0 to 1. With 0.3 the learning "
                f"rates fall over the last three tenths."
            )
        all_of_them = (self.half_life, *self.half_lives)
        if min(all_of_them) < 1 or len(set(all_of_them)) < len(all_of_them):
            raise ValueError(
                f"half_life is {self.half_life} and half_lives are {self.half_lives}; each has to be 1 or "
                f"more, and another: with half_life 10000 and half_lives (2000, 50000) there are three."
            )

    def with_further_averages(self) -> "Plan":
        """The plan with averages of a fifth and of five times its half-life, unless it names others."""
        spread = {max(1, self.half_life // SPREAD), self.half_life * SPREAD} - {self.half_life}
        return replace(self, half_lives=self.half_lives or tuple(sorted(spread)))

    def with_rescues(self, at_most: int) -> "Plan":
        """The plan with so many rescues at most.

        Raises:
            ValueError: If that is below 0.
        """
        return replace(self, rescue=replace(self.rescue, at_most=at_most))

    def pace(self, images_seen: int, horizon: int) -> float:
        """What learning rates are multiplied by: a line up, one, a line down, and a hundredth for good.

        Args:
            images_seen: Real images drawn, those of the step included.
            horizon: Images that the run is planned for.
        """
        risen = min(1.0, images_seen / self.warm_up) if self.warm_up else 1.0
        fall = self.cool_down * horizon
        left = min(1.0, max(0, horizon - images_seen) / fall) if fall else 1.0
        return risen * (FLOOR + (1 - FLOOR) * left)

    def players(self) -> dict[str, Adam]:
        """The settings of every player of the model.

        Raises:
            ValueError: If settings name a player that the model does not have.
        """
        names = list(dict.fromkeys(objective.player for objective in self.model.objectives()))
        unknown = set(self.optimisers) - set(names)
        if unknown:
            raise ValueError(
                f"Optimiser settings for {', '.join(sorted(unknown))}, but the players of this model are "
                f"{', '.join(names)}."
            )
        return {name: self.settings(name) for name in names}

    def settings(self, player: str) -> Adam:
        """The settings of one player."""
        return self.optimisers.get(player, Adam())

    def optimizers(self) -> dict[str, optim.Optimizer]:
        """One optimiser a player, over all parameters that its objectives move."""
        built: dict[str, optim.Optimizer] = {}
        for player, settings in self.players().items():
            moved = {id(p): p for o in self.model.objectives() if o.player == player for p in o.parameters()}
            built[player] = optim.Adam(
                list(moved.values()),
                lr=settings.rate,
                betas=settings.betas,
                eps=settings.epsilon,
                fused=True,  # one kernel for all parameters, on the CPU too
            )
        return built
