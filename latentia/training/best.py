"""The best averaged weights of a run, over time and over half-lives, kept beside the last.

They are judged at every checkpoint, whatever that costs: what is kept must not depend on the clock. An
explicit model is judged by its bound on validation images, an implicit one by the kernel distance between its
draws and validation images. `best.safetensors` holds the weights, and its note says which they are.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from torch import nn

from latentia.training import checkpoint
from latentia.training.state import State

BEST = "best.safetensors"
BETTER = {"bound": 1.0, "kernel_distance": -1.0}
"""Numbers that weights are chosen by, and whether more of it is better, or less."""


@dataclass(frozen=True, slots=True)
class Best:
    """Which weights were the best, by what.

    Attributes:
        images_seen: Images that the run had seen.
        half_life: Of the average, in images, once its ramp is over.
        number: What it was judged by: `bound`, in nats an image, or `kernel_distance`.
        value: What it was, on validation images.

    Note:
        The best of some sixty looks at one set of validation images is better on that set than on any other.
        Measure it on the test split, as `latentia evaluate` does.

    Example:
        >>> print(Best(120_000, 50_000, "kernel_distance", 0.0123))
        best on validation images at image 120,000, half-life up to 50,000 (kernel distance 0.0123)
    """

    images_seen: int
    half_life: int
    number: str
    value: float

    def __str__(self) -> str:
        measured = f"{self.number.replace('_', ' ')} {self.value:.4g}"
        where = f"at image {self.images_seen:,}, half-life up to {self.half_life:,}"
        return f"best on validation images {where} ({measured})"

    @property
    def merit(self) -> float:
        """The value, more of which is better; what is not a number is the worst."""
        return -math.inf if math.isnan(self.value) else BETTER[self.number] * self.value

    @staticmethod
    def read(folder: Path) -> "Best | None":
        """Which weights a run has kept; None where it has kept none.

        Raises:
            ValueError: If the file is damaged.
        """
        file = folder / BEST
        return Best(**json.loads(checkpoint.note(file, "best")["best"])) if file.exists() else None

    def write(self, model: nn.Module, folder: Path) -> None:
        """Keeps the weights of a model in place of those before.

        Raises:
            OSError: If they cannot be written; those before are untouched.
        """
        checkpoint.write(folder, {BEST: (model.state_dict(), {"best": json.dumps(asdict(self))})})


def load_best(model: nn.Module, folder: Path) -> None:
    """Puts the best weights of a run into a model.

    Raises:
        ValueError: If there are none, or they do not fit the model.
    """
    checkpoint.fit(model, checkpoint.read(folder / BEST), folder)


def out_of_patience(best: Best | None, looked: int, patience: float | None) -> bool:
    """Whether a run has found nothing better for long.

    Args:
        best: What it has kept.
        looked: Images that it had seen when it last looked.
        patience: For how many images it may find nothing better; None for any number.
    """
    return best is not None and patience is not None and looked - best.images_seen >= patience


class Keeper:
    """Keeps the best of a run's averages.

    Args:
        folder: The run's folder.
        patience: Images after which a run ends that has found nothing better; None to go on.
    """

    def __init__(self, folder: Path, patience: float | None = None) -> None:
        self.folder, self.patience = folder, patience
        self.best = Best.read(folder)

    def look(self, state: State, number: str, values: Mapping[int, float]) -> dict[str, dict[str, float]]:
        """Keeps the best of the averages, if it is better than what was kept.

        Args:
            state: Where the run stands; that it was looked at is remembered in it.
            number: What the averages were judged by.
            values: What it was, by half-life.

        Returns:
            What the log says of it: the values, and which is the best so far.
        """
        state.looked = state.images_seen
        looks = [Best(state.images_seen, half_life, number, value) for half_life, value in values.items()]
        found = max(looks, key=lambda look: look.merit)
        if self.best is None or found.merit > self.best.merit:
            found.write(next(a.model for a in state.averages if a.half_life == found.half_life), self.folder)
            self.best = found
        best = {key: value for key, value in asdict(self.best).items() if key != "number"}
        return {"averages": {str(half_life): value for half_life, value in values.items()}, "best": best}

    def told(self, state: State) -> str:
        """What was kept, and whether that ended the run, in words."""
        kept = "Nothing was kept: no weights were judged." if self.best is None else f"Kept: {self.best}."
        why = f" Nothing better for {self.patience:,.0f} images: the run ends." if self.ends(state) else ""
        return kept + why

    def ends(self, state: State) -> bool:
        """Whether patience with a run has run out."""
        return out_of_patience(self.best, state.looked, self.patience)
