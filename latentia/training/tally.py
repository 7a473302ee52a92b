"""What was measured in the turns since the last row of the log."""

import math
from dataclasses import dataclass, field
from statistics import fmean

import torch
from torch import Tensor


@dataclass
class Tally:
    """Terms since the last row; a turn has those that were due in it.

    Attributes:
        names: Of the terms of each turn.
        rows: Their means over the batch, one tensor a turn, which are not looked at before it is due.
        checked: Turns whose terms are known to be finite.
    """

    names: list[list[str]] = field(default_factory=list)
    rows: list[Tensor] = field(default_factory=list)
    checked: int = 0

    def add(self, terms: dict[str, Tensor]) -> None:
        """Keeps the terms of a turn."""
        self.names.append(list(terms))
        self.rows.append(torch.stack([value.float() for value in terms.values()]))

    def turn(self, index: int) -> dict[str, float]:
        """The terms of one of the turns."""
        return dict(zip(self.names[index], self.rows[index].tolist(), strict=True))

    def first_not_finite(self) -> tuple[str, float, int] | None:
        """Name and value of the first such term not looked at before, and how many turns ago it was."""
        for index in range(self.checked, len(self.rows)):
            for name, value in self.turn(index).items():
                if not math.isfinite(value):
                    return name, value, len(self.rows) - 1 - index
        self.checked = len(self.rows)
        return None

    def empty(self) -> dict[str, float]:
        """The mean of every term, after which there are none."""
        values: dict[str, list[float]] = {}
        for index in range(len(self.rows)):
            for name, value in self.turn(index).items():
                values.setdefault(name, []).append(value)
        self.names, self.rows, self.checked = [], [], 0
        return {name: fmean(many) for name, many in values.items()}
