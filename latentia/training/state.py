"""Everything that changes during a run."""

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn, optim

from latentia.protocols import GenerativeModel, Objective
from latentia.training.average import Average
from latentia.training.guard import Guard
from latentia.training.moves import Moves
from latentia.training.plan import Plan


@dataclass
class State:
    """A model in training: weights, their average, optimisers, and where the run stands.

    Attributes:
        model: The model that steps.
        average: Its averaged weights.
        optimizers: By player.
        guards: By player, of those whose plan has one.
        images_seen: Real images drawn so far; also the position in the data.
        turns: Turns taken so far.
        seconds: Time spent training so far.
        refused: Whether a gradient of the last turn was not finite and its step was not taken.
    """

    model: GenerativeModel
    average: Average
    optimizers: dict[str, optim.Optimizer]
    guards: dict[str, Guard] = field(default_factory=dict)
    images_seen: int = 0
    turns: int = 0
    seconds: float = 0.0
    refused: bool = False
    _moves: dict[tuple[nn.Module, ...], Moves] = field(default_factory=dict, repr=False)

    @staticmethod
    def fresh(plan: Plan, device: torch.device) -> "State":
        """The state at the start of a run."""
        model = plan.model.to(device).train()
        guards = {name: Guard(own.skip) for name, own in plan.players().items() if own.skip is not None}
        return State(model, Average(model, plan.half_life), plan.optimizers(), guards)

    def moves(self, objective: Objective) -> Moves:
        """What an objective moves."""
        if objective.moves not in self._moves:
            self._moves[objective.moves] = Moves.of(self.model, objective.moves)
        return self._moves[objective.moves]

    def weights(self) -> dict[str, Tensor]:
        """Weights as a file holds them: `average.` beside `raw.`."""
        named = {f"raw.{k}": v for k, v in self.model.state_dict().items()}
        return named | {f"average.{k}": v for k, v in self.average.model.state_dict().items()}

    def optimizer_tensors(self) -> dict[str, Tensor]:
        """The optimisers' state, as `player.index of the parameter.name`, and the guards' beside it."""
        guards = {f"{player}.guard.numbers": guard.to_tensor() for player, guard in self.guards.items()}
        return guards | {
            f"{player}.{index}.{name}": value
            for player, optimizer in self.optimizers.items()
            for index, parameter in enumerate(optimizer.param_groups[0]["params"])
            for name, value in optimizer.state.get(parameter, {}).items()
        }

    def load_optimizer_tensors(self, tensors: dict[str, Tensor]) -> None:
        """Puts back what `optimizer_tensors` gave."""
        for key, value in tensors.items():
            player, index, name = key.rsplit(".", 2)
            if index == "guard":
                if player in self.guards:  # one's own plan may be handed over without it
                    self.guards[player].restore(value)
                continue
            optimizer = self.optimizers[player]
            parameter = optimizer.param_groups[0]["params"][int(index)]
            like = value if name == "step" else parameter
            # The fused step reads memory as it lies: moments need the parameter's strides.
            kept = torch.empty_like(like, dtype=value.dtype, device=parameter.device)
            optimizer.state[parameter][name] = kept.copy_(value)
