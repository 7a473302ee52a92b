"""Whether a run is well: gradients and scores against what is typical of late, samples against their best."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

EVERY = 16
"""Turns between two looks at gradients and scores."""
FEWEST = 10
"""Looks that say what is typical, before one can be too large, or a fault."""
MEMORY = 100
"""Looks that count in what is typical."""
FAR = 1000.0
"""How many times larger or smaller than is typical a number is out of line."""
ABOVE, BELOW = 3, 10
"""Looks in a row at which a number that is too large, or too small, is a fault."""
REACHED, FALLEN = 0.3, 0.1
"""Samples are good once all numbers have come this far; they have collapsed where one is less than this part
of its best since."""
SAMPLES = ("variety", "distinct", "coverage")
SCORES = "scores"


@dataclass(slots=True)
class Gauge:
    """One number, 0 or more, against what is typical of it of late.

        typical <- typical (number / typical)^(1 / 100),  the ratio between 1/1000 and 1000

    Of the first ten numbers it is the mean: many a network begins at 0.

    Attributes:
        latest: The number at the last look.
        typical: Its geometric mean over about the last 100 looks.
        seen: Looks so far; while there are fewer than 100, each counts the same.
        above: Looks in a row, up to the last, at which it was more than 1000 times what is typical.
        below: Looks in a row at which it was less than a thousandth of that.

    Example:
        >>> gauge = Gauge()
        >>> for number in [1.0] * 10 + [1e4] * 3:
        ...     gauge.note(number)
        >>> gauge.above, gauge.below
        (3, 0)
    """

    latest: float = 0.0
    typical: float = 0.0
    seen: int = 0
    above: int = 0
    below: int = 0

    def note(self, number: float) -> None:
        """Takes a look; what is not finite is found elsewhere (`watch.py`)."""
        self.latest = number
        if not math.isfinite(number):
            return
        self.seen += 1
        ratio = number / self.typical if self.typical else 1.0
        self.below = self.below + 1 if ratio < 1 / FAR else 0
        if self.seen <= FEWEST:
            self.typical += (number - self.typical) / self.seen
            return
        self.above = self.above + 1 if ratio > FAR else 0
        step = max(1 / FAR, min(FAR, ratio)) ** (1 / min(self.seen, MEMORY))
        self.typical = self.typical * step or number

    def to_tensor(self) -> Tensor:
        """Everything, as a checkpoint holds it."""
        numbers = [self.latest, self.typical, self.seen, self.above, self.below]
        return torch.tensor(numbers, dtype=torch.float64)

    @staticmethod
    def of(numbers: Tensor) -> "Gauge":
        """From what `to_tensor` gave."""
        latest, typical, *counts = numbers.tolist()
        return Gauge(latest, typical, *(int(count) for count in counts))


@dataclass(slots=True)
class Health:
    """What has been seen of a run's gradients, scores and samples, all of it in its checkpoints.

    Attributes:
        gauges: Of each player's gradient norm, by the player's name, and of a critic's scores.
        best: The largest of each number of the samples since they were good, at most 1 each.
    """

    gauges: dict[str, Gauge] = field(default_factory=dict)
    best: dict[str, float] = field(default_factory=dict)

    def note(self, name: str, number: float) -> None:
        """Looks at a player's gradient norm, or at the size of scores."""
        self.gauges.setdefault(name, Gauge()).note(number)

    def norms(self) -> dict[str, float]:
        """The gradient norm of every player at the last look."""
        return {name: gauge.latest for name, gauge in self.gauges.items() if name != SCORES}

    @property
    def doubtful(self) -> bool:
        """Whether something is out of line, though not for long enough to be a fault."""
        return any(gauge.above or self._lost(name) for name, gauge in self.gauges.items())

    def fault(self) -> str | None:
        """What is wrong with gradients or scores, in words."""
        for name, gauge in self.gauges.items():
            what = "the critic's scores" if name == SCORES else f"the gradient of the {name}"
            if gauge.above >= ABOVE:
                return f"{what} grew to {gauge.latest:.3g}, more than {FAR:.0f} times what is typical"
            if self._lost(name) >= BELOW and gauge.seen >= FEWEST + BELOW:
                return f"{what} vanished ({gauge.latest:.3g})"
        return None

    def _lost(self, name: str) -> int:
        """Looks in a row at which a player had lost: alone, one without gradient has arrived instead."""
        return self.gauges[name].below if name != SCORES and len(self.norms()) > 1 else 0

    def judge(self, samples: Mapping[str, float]) -> str | None:
        """What is wrong with samples, in words; what is best of them is remembered.

        Args:
            samples: Numbers that are about 1 for real images and 0 for samples that are all alike, by names
                of `SAMPLES`.

        Note:
            Only samples that were good have collapsed: a network that is untrained, or slow, may well draw
            images that differ less for a while.
        """
        for name, value in samples.items():
            if not math.isfinite(value):
                return f"samples are not finite ({name} is {value})"
        if not self.best and min(samples.values()) < REACHED:
            return None
        for name, value in samples.items():
            best = self.best[name] = max(self.best.get(name, 0.0), min(1.0, value))
            if value < FALLEN * best:
                return f"samples collapsed: their {name} is {value:.3g}, and has been {best:.3g}"
        return None

    def tensors(self) -> dict[str, Tensor]:
        """Everything, as a checkpoint holds it."""
        best = torch.tensor([self.best.get(name, 0.0) for name in SAMPLES], dtype=torch.float64)
        return {"best": best} | {f"gauge {name}": gauge.to_tensor() for name, gauge in self.gauges.items()}

    @staticmethod
    def of(tensors: Mapping[str, Tensor]) -> "Health":
        """From what `tensors` gave."""
        best = dict(zip(SAMPLES, tensors["best"].tolist(), strict=True)) if "best" in tensors else {}
        prefix = "gauge "
        gauges = {k.removeprefix(prefix): Gauge.of(v) for k, v in tensors.items() if k.startswith(prefix)}
        return Health(gauges, {name: value for name, value in best.items() if value})
