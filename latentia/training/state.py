"""Everything that changes during a run."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn, optim

from latentia.protocols import GenerativeModel, Objective
from latentia.training.average import Average
from latentia.training.guard import Guard
from latentia.training.health import Health
from latentia.training.moves import Moves
from latentia.training.plan import Plan
from latentia.training.rescue import Good, Memory

LONGEST = 0.25
"""Of the images seen: the longest half-life while a run is young."""


@dataclass
class State:
    """A model in training: weights, their average, optimisers, and where the run stands.

    Attributes:
        model: The model that steps.
        average: Its averaged weights.
        further: Averages with other half-lives.
        optimizers: By player.
        guards: By player, of those whose plan has one.
        health: What has been seen of gradients, scores and samples.
        memory: Good states to go back to, and how often that was done.
        images_seen: Real images drawn so far; also the position in the data.
        turns: Turns taken so far.
        seconds: Time spent training so far.
        looked: Images seen when averages were last judged to keep the best.
        refused: Whether a gradient of the last turn was not finite and its step was not taken.
    """

    model: GenerativeModel
    average: Average
    optimizers: dict[str, optim.Optimizer]
    guards: dict[str, Guard] = field(default_factory=dict)
    further: tuple[Average, ...] = ()
    health: Health = field(default_factory=Health)
    memory: Memory = field(default_factory=Memory)
    images_seen: int = 0
    turns: int = 0
    seconds: float = 0.0
    looked: int = 0
    refused: bool = False
    _moves: dict[tuple[nn.Module, ...], Moves] = field(default_factory=dict, repr=False)

    @staticmethod
    def fresh(plan: Plan, device: torch.device) -> "State":
        """The state at the start of a run."""
        model = plan.model.to(device).train()
        guards = {name: Guard(own.skip) for name, own in plan.players().items() if own.skip is not None}
        average, *further = (
            Average(model, half_life, ramp=min(LONGEST, Average.RAMP * half_life / plan.half_life))
            for half_life in (plan.half_life, *plan.half_lives)
        )
        return State(model, average, plan.optimizers(), guards, tuple(further))

    @property
    def averages(self) -> tuple[Average, ...]:
        """All averages, the one that is shown first."""
        return (self.average, *self.further)

    def moves(self, objective: Objective) -> Moves:
        """What an objective moves."""
        if objective.moves not in self._moves:
            self._moves[objective.moves] = Moves.of(self.model, objective.moves)
        return self._moves[objective.moves]

    def weights(self) -> dict[str, Tensor]:
        """All models' weights as a file holds them, `raw.` and so on before their names."""
        return {f"{name}.{k}": v for name, own in self.models().items() for k, v in own.state_dict().items()}

    def models(self) -> dict[str, GenerativeModel]:
        """The model, its average, and further ones by half-life: `raw`, `average`, `average of 2000`."""
        further = {f"average of {average.half_life}": average.model for average in self.further}
        return {"raw": self.model, "average": self.average.model, **further}

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

    @property
    def in_doubt(self) -> bool:
        """Whether something is out of line, so that nobody should go back to this state."""
        return self.health.doubtful or any(guard.not_finite for guard in self.guards.values())

    def rescue_tensors(self) -> dict[str, Tensor]:
        """What rescues depend on: health, and the states to go back to."""
        return _under("health/", self.health.tensors()) | self.memory.tensors(self.images_seen)

    def load_rescue_tensors(self, tensors: dict[str, Tensor]) -> None:
        """Puts back what `rescue_tensors` gave, once all else is back."""
        self.health = Health.of(_part(tensors, "health/"))
        self.memory = Memory.of(tensors, self.now())

    def now(self) -> Good:
        """A copy of all that changes but time, in the processor's memory."""
        held = _under("weights/", self.weights()) | _under("optimizers/", self.optimizer_tensors())
        held |= _under("health/", self.health.tensors())
        copies = {name: value.detach().to("cpu", copy=True) for name, value in held.items()}
        return Good(copies, self.images_seen, self.turns)

    def go_back(self) -> None:
        """Makes everything but time what it was in a good state, of which there has to be one."""
        good = self.memory.choose()
        weights = _part(good.tensors, "weights/")
        for name, model in self.models().items():
            model.load_state_dict(_part(weights, f"{name}."))
        for optimizer in self.optimizers.values():
            optimizer.state.clear()  # the first step makes it, so the start of a run has none
        self.load_optimizer_tensors(_part(good.tensors, "optimizers/"))
        self.health = Health.of(_part(good.tensors, "health/"))
        self.images_seen, self.turns, self.refused = good.images_seen, good.turns, False


def _under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {f"{prefix}{name}": value for name, value in tensors.items()}


def _part(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): value for k, value in tensors.items() if k.startswith(prefix)}
