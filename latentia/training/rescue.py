"""Going back to a good state: how often, and how much more carefully a run then goes on."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

RESCUES = 3
"""How often a run may go back, unless told otherwise."""
KEPT = 2
"""Good states that are remembered."""


@dataclass(frozen=True, slots=True)
class Rescue:
    """What a run does when something breaks: goes back to a good state, and on more carefully.

    Attributes:
        at_most: How often; 0 stops at the first fault.
        slow: What all learning rates are multiplied by each time, above 0 and at most 1.
        restrain: What the weights of penalties are multiplied by each time, 1 or more.

    Raises:
        ValueError: If a number is out of range.

    Example:
        >>> Rescue().rates(2), Rescue().penalties(2)
        (0.0625, 4.0)
    """

    at_most: int = RESCUES
    slow: float = 0.25
    restrain: float = 2.0

    def __post_init__(self) -> None:
        if self.at_most < 0:
            raise ValueError(
                f"rescues is {self.at_most}; it is how often a run may go back to a good state, 0 or more. "
                f"With 0 it stops at the first fault."
            )
        if not (0 < self.slow <= 1 and 1 <= self.restrain < math.inf):
            raise ValueError(
                f"slow is {self.slow} and restrain is {self.restrain}; rates are multiplied by slow, above 0 "
                f"and at most 1, and penalties by restrain, 1 or more: 0.5 and 2 halve and double them."
            )

    def rates(self, rescues: int) -> float:
        """What learning rates are multiplied by after so many rescues."""
        return self.slow**rescues

    def penalties(self, rescues: int) -> float:
        """What the weights of penalties are multiplied by after so many rescues."""
        return self.restrain**rescues

    def told(self, rescues: int, *, penalised: bool) -> str:
        """How much more carefully a run goes on after so many rescues, in words.

        Args:
            rescues: How many there were.
            penalised: Whether the model has penalties.
        """
        penalties = f", and weights of penalties {self.penalties(rescues):g} times" if penalised else ""
        return f"Learning rates are now {self.rates(rescues):g} times what was asked for{penalties}."


@dataclass(slots=True)
class Good:
    """A state to go back to.

    Attributes:
        tensors: All that changes in a run but its time.
        images_seen: Where it stood.
        turns: Turns that it had taken.
        tried: Whether a rescue has gone back to it.
    """

    tensors: Mapping[str, Tensor]
    images_seen: int
    turns: int
    tried: bool = False


@dataclass(slots=True)
class Memory:
    """The last good states of a run, and how often it went back to one.

    Attributes:
        rescues: How often.
        good: The states, oldest first, two at most.
    """

    rescues: int = 0
    good: list[Good] = field(default_factory=list)

    def keep(self, state: Good) -> None:
        """Remembers a good state, and forgets all but the one before it."""
        self.good = [*(g for g in self.good if g.images_seen < state.images_seen), state][-KEPT:]

    def choose(self) -> Good:
        """The state that the next rescue goes back to: the newest, or the one before if that was no cure."""
        if len(self.good) > 1 and self.good[-1].tried:
            self.good.pop()
        self.rescues += 1
        self.good[-1].tried = True
        return self.good[-1]

    def tensors(self, images_seen: int) -> dict[str, Tensor]:
        """Everything, as a checkpoint holds it; the state that is the checkpoint itself is not held twice."""
        numbers = [self.rescues]
        tensors: dict[str, Tensor] = {}
        for index, good in enumerate(self.good):
            numbers += [good.images_seen, good.turns, good.tried]
            if good.images_seen != images_seen:
                tensors |= {f"good {index} {name}": value for name, value in good.tensors.items()}
        return {"memory": torch.tensor(numbers)} | tensors

    @staticmethod
    def of(tensors: Mapping[str, Tensor], now: Good) -> "Memory":
        """From what `tensors` gave, and the checkpoint's own state."""
        if "memory" not in tensors:  # of an older version
            return Memory()
        rescues, *stands = tensors["memory"].tolist()
        memory = Memory(rescues)
        for index in range(len(stands) // 3):
            images_seen, turns, tried = stands[3 * index : 3 * index + 3]
            prefix = f"good {index} "
            own = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
            here = images_seen == now.images_seen
            memory.good.append(Good(now.tensors if here else own, images_seen, turns, bool(tried)))
        return memory
