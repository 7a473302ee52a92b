"""Who moves while an objective is descended, and who stands still."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm


@dataclass(frozen=True, slots=True)
class Moves:
    """What an objective moves in a model, and what else there is; found once a run, since it takes a walk.

    Attributes:
        parameters: What moves, each once.
        others: Parameters that do not.
        norms: Batch norms that do not, and whose statistics stand still with them.
    """

    parameters: tuple[nn.Parameter, ...]
    others: tuple[nn.Parameter, ...]
    norms: tuple[_BatchNorm, ...]

    @staticmethod
    def of(model: nn.Module, moves: Sequence[nn.Module]) -> "Moves":
        """The parts of a model, by whether they belong to the modules that move."""
        moving = {id(p): p for module in moves for p in module.parameters()}
        moving_modules = {id(m) for module in moves for m in module.modules()}
        norms = (m for m in model.modules() if isinstance(m, _BatchNorm) and m.track_running_stats)
        return Moves(
            parameters=tuple(moving.values()),
            others=tuple(p for p in model.parameters() if id(p) not in moving),
            norms=tuple(norm for norm in norms if id(norm) not in moving_modules),
        )

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Freezes everything but what moves: parameters, and statistics of batch norms.

        A frozen batch norm still normalises by its batch; it only does not remember it.
        """
        frozen = [p for p in self.others if p.requires_grad]
        for parameter in frozen:
            parameter.requires_grad_(False)
        for norm in self.norms:
            norm.track_running_stats = False
        try:
            yield
        finally:
            for parameter in frozen:
                parameter.requires_grad_(True)
            for norm in self.norms:
                norm.track_running_stats = True
