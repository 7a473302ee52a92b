"""Which steps are taken: one gradient far out of line can undo hours of training."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

MEMORY = 100
PATIENCE = 5
NOT_FINITE = 20


@dataclass(slots=True)
class Guard:
    """Passes over steps whose gradient is far larger than is typical of late, or not finite.

        typical <- typical + (log norm - typical) / 100,  the difference no larger than log skip

    Gradients that are passed over move what is typical as well, as if they stood at the limit, and the
    sixth in a row is taken, cut to the limit: so there is no norm at which training stands still. One that
    is not finite never reaches the optimiser; twenty of them in a row break a run (`rescue.py`).

    Args:
        skip: The limit on the norm, as a multiple of what is typical, above 1.
        typical: Mean of the logarithm of the norm over about the last 100 steps.
        seen: Finite norms so far; while there are fewer than 100, each counts the same.
        in_a_row: Finite ones above the limit, up to the newest.
        not_finite: Ones that are not finite, up to the newest.
        skipped: Steps passed over since the last row of the log.

    Source:
        Child 2021 (arXiv:2011.10650), appendix, skips above a fixed norm, which has to be found by trial
        and can stop training for good.

    Example:
        >>> guard = Guard(skip=10.0)
        >>> [guard.admits(norm) for norm in (1.0, 2.0, 1e9, float("nan"), 1.0)]
        [True, True, False, False, True]
    """

    skip: float
    typical: float = 0.0
    seen: int = 0
    in_a_row: int = 0
    not_finite: int = 0
    skipped: int = 0

    @property
    def limit(self) -> float:
        """The largest norm that is nothing unusual; infinite before the first step."""
        return self.skip * math.exp(self.typical) if self.seen else math.inf

    def admits(self, norm: float) -> bool:
        """Whether to take a step, its gradient cut to `limit`, whose norm before the cut is given."""
        if not math.isfinite(norm):
            self.not_finite += 1
            self.skipped += 1
            return False
        self.not_finite = 0
        above = norm > self.limit
        self.in_a_row = self.in_a_row + 1 if above else 0
        self._remember(norm)
        admitted = not above or self.in_a_row > PATIENCE
        if admitted:
            self.in_a_row = 0
        self.skipped += not admitted
        return admitted

    def _remember(self, norm: float) -> None:
        logarithm, most = math.log(max(norm, 1e-30)), math.log(self.skip)
        self.seen += 1
        if self.seen == 1:
            self.typical = logarithm
        self.typical += max(-most, min(most, logarithm - self.typical)) / min(self.seen, MEMORY)

    def to_tensor(self) -> Tensor:
        """Everything that changes, as a checkpoint holds it."""
        numbers = [self.typical, self.seen, self.in_a_row, self.not_finite, self.skipped]
        return torch.tensor(numbers, dtype=torch.float64)

    def restore(self, numbers: Tensor) -> None:
        """Puts back what `to_tensor` gave."""
        self.typical, *counts = numbers.tolist()
        self.seen, self.in_a_row, self.not_finite, self.skipped = (int(count) for count in counts)
