"""What models with a critic have alike, whatever it is shown: penalties, and coupled batches."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from latentia._types import PerImage
from latentia.losses import Game, Penalty
from latentia.protocols import Batch, Objective, Turn

Cost = Callable[[Penalty, Batch, Turn], PerImage]
"""What each image of a batch costs by a penalty, unweighted."""


def couples_batches(model: nn.Module, game: Game) -> bool:
    """Whether an image's terms depend on the others of its batch: by the game, or by a norm of a network."""
    return game.couples or any(
        isinstance(part, _BatchNorm) or getattr(part, "couples", False) for part in model.modules()
    )


def check_penalties(penalties: Sequence[Penalty], critic: nn.Module) -> None:
    """Refuses penalties that a critic cannot be put under.

    Raises:
        ValueError: If two have one name, or the critic has batch normalisation.
    """
    names = [penalty.name for penalty in penalties]
    if len(names) > len(set(names)):
        raise ValueError(
            f"Penalties are told apart by their names, and got {', '.join(names)}. Give each once."
        )
    if penalties and any(isinstance(part, _BatchNorm) for part in critic.modules()):
        raise ValueError(
            f"The penalty {names[0]} is put on the slope of each image's score, and with batch normalisation "
            f"a score depends on the whole batch. Build the critic without (norm `none`, or spectral "
            f"normalisation), or leave the penalty out."
        )


def penalty_objectives(
    penalties: Sequence[Penalty], cost: Cost, critic: nn.Module, *, repeats: int = 1, couples: bool
) -> tuple[Objective, ...]:
    """Every penalty as an objective of the player `critic`, which so shares the optimiser of its game.

    Args:
        penalties: Of names that differ.
        cost: Puts the critic under a penalty, at the images that it steps on.
        critic: What moves.
        repeats: Steps of the critic in a turn.
        couples: Whether what the critic is shown depends on the batch as a whole.
    """

    def terms(penalty: Penalty, batch: Batch, turn: Turn) -> Mapping[str, PerImage]:
        return {"penalty": cost(penalty, batch, turn)}

    return tuple(
        Objective(
            name=penalty.name,
            player="critic",
            terms=partial(terms, penalty),
            moves=(critic,),
            weights={"penalty": partial(_weight, penalty) if penalty.changes else penalty.weight},
            repeats=repeats,
            every=penalty.every,
            couples=couples,
            restrains=True,
        )
        for penalty in penalties
    )


def _weight(penalty: Penalty, turn: Turn, terms: Mapping[str, PerImage]) -> Tensor:
    """What a penalty counts at this point of the run."""
    return torch.tensor(penalty.weight_after(turn.images_seen / turn.horizon))
