"""What is looked at between turns: rows, held-out images, pictures, checkpoints; and is all finite?"""

import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import Tensor

from latentia.data import Split
from latentia.protocols import ExplicitModel, GenerativeModel
from latentia.training import checkpoint
from latentia.training.guard import NOT_FINITE
from latentia.training.letters import TrainingStopped
from latentia.training.plan import Plan
from latentia.training.progress import Progress
from latentia.training.state import State
from latentia.training.tally import Tally
from latentia.training.turn import seed_from

CHECKPOINTS = 20
ROWS = 200
PICTURES = 20
VALIDATION_IMAGES = 256
SHARE = 0.02
"""Of the time trained so far, what all looks at samples together may take, but for the last one."""

Judge = Callable[[GenerativeModel], Mapping[str, float]]
"""From the model with averaged weights, in evaluation mode, to numbers by name. It changes nothing."""


class Watch:
    """Looks at a run between turns.

    All intervals are in images, a share of the horizon each. Samples are judged before the first turn and
    after the last, and at the checkpoints between as long as that stays within `SHARE` of the time trained.

    Args:
        folder: The run's folder; None to write nothing.
        state: What is watched.
        plan: How it steps.
        validation: Images to take an explicit model's bound on.
        horizon: Images that the run is planned for.
        progress: Where it is shown.
        judge: What judges samples; None leaves them unjudged.
    """

    def __init__(
        self,
        folder: Path | None,
        state: State,
        plan: Plan,
        validation: Split,
        horizon: int,
        progress: Progress,
        judge: Judge | None = None,
    ) -> None:
        self.folder, self.state, self.progress = folder, state, progress
        self.validation, self.judge = validation, None if folder is None else judge
        self.tally = Tally()
        self.intervals = {
            name: max(plan.batch_size, horizon // count)
            for name, count in {"row": ROWS, "picture": PICTURES, "checkpoint": CHECKPOINTS}.items()
        }
        self.done = {name: state.images_seen // size for name, size in self.intervals.items()}
        self.judging = self.last_look = 0.0  # seconds

    def begin(self) -> None:
        """The checkpoint of a run that has seen nothing yet, and what its samples look like then."""
        if self.state.images_seen == 0:
            self.save()
            judged = self._judged(always=True)
            if judged:
                self.progress.log(0, 0.0, {}, validation=judged)

    def after(self, terms: dict[str, Tensor], *, last: bool = False) -> None:
        """Does what is due after a turn, which may be known to be the last one."""
        if not self.state.refused:  # else what is not finite has done no harm
            self.tally.add(terms)
        on_cpu = next(iter(terms.values())).device.type == "cpu"
        if on_cpu or self.state.turns % 16 == 0:  # looking at a number makes an accelerator wait
            self.check()
            newest = self.tally.turn(-1) if self.tally.rows else {}
            self.progress.advance(self.state.images_seen, newest)
        if self._due("row"):
            save, picture = self._due("checkpoint"), self._due("picture")
            self.row(self._validation(last=last) if save or last else {})
            if picture:
                self.progress.picture(self.state.average.model, self.state.images_seen, self._device)
            if save:
                self.save()

    def finish(self) -> None:
        """The last row, picture and checkpoint, where the last turn left them out."""
        if self.tally.rows:
            self.row(self._validation(last=True))
        self.progress.picture(self.state.average.model, self.state.images_seen, self._device)
        self.save()

    def row(self, validation: Mapping[str, float]) -> None:
        """Writes terms since the last row, and what held-out images have said."""
        self.check()
        if self.tally.rows or validation:
            self.progress.log(
                self.state.images_seen,
                self.state.seconds,
                self.tally.empty(),
                validation=validation,
                skipped=self._skipped(),
            )

    def check(self) -> None:
        """Raises if a term since the last row is not finite, or gradients have not been for long."""
        for player, guard in self.state.guards.items():
            if guard.not_finite >= NOT_FINITE:
                fault_of = f"the gradient of the {player} {NOT_FINITE} times in a row"
                raise self._stop(fault_of, math.nan, self.state.turns)
        fault = self.tally.first_not_finite()
        if fault is not None:
            name, value, turns_ago = fault
            raise self._stop(name, value, self.state.turns - turns_ago)

    def save(self) -> None:
        """Writes a checkpoint, if every weight is finite."""
        if not checkpoint.all_finite(self.state.weights()):
            raise self._stop("a weight", math.nan, self.state.turns)
        if self.folder is not None:
            checkpoint.save(self.state, self.folder)

    def _due(self, name: str) -> bool:
        reached = self.state.images_seen // self.intervals[name]
        due, self.done[name] = reached > self.done[name], reached
        return due

    def _validation(self, *, last: bool) -> dict[str, float]:
        """What held-out images say of the averaged weights; nothing in a process that writes nothing."""
        self.check()  # before time is spent on a model that is lost
        return {} if self.folder is None else self._bound() | self._judged(always=last)

    def _bound(self) -> dict[str, float]:
        """Of an explicit model, the bound on some held-out images."""
        model = self.state.average.model
        if not isinstance(model, ExplicitModel) or len(self.validation) == 0:
            return {}
        count = min(VALIDATION_IMAGES, len(self.validation))
        images = self.validation.images(torch.arange(count)).to(self._device)
        generator = torch.Generator(self._device).manual_seed(seed_from("validation"))
        with torch.no_grad():
            bound = model.log_weights(images, 1, generator=generator).cpu().double().mean()
        return {"bound": float(bound)}

    def _judged(self, *, always: bool) -> dict[str, float]:
        """What the judge says, if it may take as long as it did last time.

        Raises:
            TrainingStopped: If that is not a finite number: then the samples are not either.
        """
        affordable = self.judging + self.last_look <= SHARE * self.state.seconds
        if self.judge is None or not (always or affordable):
            return {}
        started = time.perf_counter()
        with torch.no_grad():
            judged = dict(self.judge(self.state.average.model))
        self.last_look = time.perf_counter() - started
        self.judging += self.last_look
        for name, value in judged.items():
            if not math.isfinite(value):
                raise self._stop(f"{name} of the samples", value, self.state.turns)
        return judged

    def _skipped(self) -> dict[str, float]:
        """Steps that guards passed over since the last row, by player."""
        counts = {player: float(guard.skipped) for player, guard in self.state.guards.items()}
        for guard in self.state.guards.values():
            guard.skipped = 0
        return counts

    @property
    def _device(self) -> torch.device:
        return next(self.state.model.parameters()).device

    def _stop(self, name: str, value: float, turn: int) -> TrainingStopped:
        kept = "" if self.folder is None else f"The last good checkpoint is kept in {self.folder}. "
        return TrainingStopped(
            f"Training stopped: {name} became {value} in step {turn} ({self.state.images_seen} images seen).",
            f"{kept}Try a lower --rate (half of what it is), or look at the data: `latentia data SOURCE` "
            f"lists what is odd about it.",
        )
