"""What a recipe hands to the loop: a model, and how to descend its objectives."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import optim

from latentia.protocols import GenerativeModel


@dataclass(frozen=True, slots=True)
class Adam:
    """Settings of the Adam optimiser of one player (Kingma & Ba 2015, arXiv:1412.6980).

    Attributes:
        rate: Learning rate.
        betas: Decay of the running means of the gradient and of its square.
        epsilon: Added to the root of the latter.
        clip: Norm that the gradient of all of the player's parameters is cut to; None leaves it.
    """

    rate: float = 1e-3
    betas: tuple[float, float] = (0.9, 0.999)
    epsilon: float = 1e-8
    clip: float | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """A model and how it is trained.

    Attributes:
        model: The model, freshly initialised.
        optimisers: Settings by player; players without get the defaults of `Adam`.
        batch_size: Images a step, over all processes and micro-batches.
        half_life: Images after which a step counts half in the averaged weights.
        warm_up: Images over which the learning rates rise from 0 to their values.
    """

    model: GenerativeModel
    optimisers: Mapping[str, Adam] = field(default_factory=dict)
    batch_size: int = 64
    half_life: int = 10_000
    warm_up: int = 0

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
        return {name: self.optimisers.get(name, Adam()) for name in names}

    def optimizers(self) -> dict[str, optim.Optimizer]:
        """One optimiser a player, over all parameters that its objectives move."""
        built: dict[str, optim.Optimizer] = {}
        for player, settings in self.players().items():
            moved = {id(p): p for o in self.model.objectives() if o.player == player for p in o.parameters()}
            built[player] = optim.Adam(
                list(moved.values()), lr=settings.rate, betas=settings.betas, eps=settings.epsilon
            )
        return built
