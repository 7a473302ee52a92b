"""Everything that changes during a run."""

from dataclasses import dataclass

import torch
from torch import Tensor, optim

from latentia.protocols import GenerativeModel
from latentia.training.average import Average
from latentia.training.plan import Plan


@dataclass
class State:
    """A model in training: weights, their average, optimisers, and where the run stands.

    Attributes:
        model: The model that steps.
        average: Its averaged weights.
        optimizers: By player.
        images_seen: Real images drawn so far; also the position in the data.
        turns: Turns taken so far.
        seconds: Time spent training so far.
    """

    model: GenerativeModel
    average: Average
    optimizers: dict[str, optim.Optimizer]
    images_seen: int = 0
    turns: int = 0
    seconds: float = 0.0

    @staticmethod
    def fresh(plan: Plan, device: torch.device) -> "State":
        """The state at the start of a run."""
        model = plan.model.to(device).train()
        return State(model, Average(model, plan.half_life), plan.optimizers())

    def weights(self) -> dict[str, Tensor]:
        """Weights as a file holds them: `average.` beside `raw.`."""
        named = {f"raw.{k}": v for k, v in self.model.state_dict().items()}
        return named | {f"average.{k}": v for k, v in self.average.model.state_dict().items()}

    def optimizer_tensors(self) -> dict[str, Tensor]:
        """The optimisers' state, as `player.index of the parameter.name`."""
        return {
            f"{player}.{index}.{name}": value
            for player, optimizer in self.optimizers.items()
            for index, parameter in enumerate(optimizer.param_groups[0]["params"])
            for name, value in optimizer.state.get(parameter, {}).items()
        }

    def load_optimizer_tensors(self, tensors: dict[str, Tensor]) -> None:
        """Puts back what `optimizer_tensors` gave."""
        for key, value in tensors.items():
            player, index, name = key.rsplit(".", 2)
            optimizer = self.optimizers[player]
            parameter = optimizer.param_groups[0]["params"][int(index)]
            # Adam keeps its step counter on the CPU; everything else lies beside the parameter.
            place = "cpu" if name == "step" else parameter.device
            optimizer.state[parameter][name] = value.to(place)
