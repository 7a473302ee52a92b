"""What is looked at between turns: rows, held-out images, pictures, checkpoints; and is all finite?"""

import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import Tensor

from latentia.data import Supply
from latentia.protocols import ExplicitModel, GenerativeModel, Restores
from latentia.training import checkpoint
from latentia.training.best import Keeper
from latentia.training.folder import RunFolder
from latentia.training.guard import NOT_FINITE
from latentia.training.letters import Fault, TrainingStopped
from latentia.training.plan import Plan
from latentia.training.processes import Processes
from latentia.training.progress import Progress
from latentia.training.state import State
from latentia.training.tally import Tally
from latentia.training.turn import seed_from

CHECKPOINTS = 20
ROWS = 200
PICTURES = 20
PICTURED = 64
"""Held-out images that a model which restores is pictured on."""
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
        keeper: What keeps the best weights; with it, samples are judged at every checkpoint.
        examine: What says whether samples of an implicit model have collapsed, in numbers for `Health`.
        processes: This process among all.
    """

    def __init__(
        self,
        folder: Path | None,
        state: State,
        plan: Plan,
        validation: Supply,
        horizon: int,
        progress: Progress,
        judge: Judge | None = None,
        keeper: Keeper | None = None,
        examine: Judge | None = None,
        processes: Processes | None = None,
    ) -> None:
        self.folder, self.state, self.progress, self.keeper = folder, state, progress, keeper
        self.validation, self.judge = validation, None if folder is None else judge
        self.plan = plan
        self.examine = None if isinstance(state.model, ExplicitModel) else examine
        self.processes = processes or Processes()
        self.tally = Tally()
        self.intervals = {
            name: max(plan.batch_size, horizon // count)
            for name, count in {"row": ROWS, "picture": PICTURES, "checkpoint": CHECKPOINTS}.items()
        }
        self.done = self._reached()
        self.judging = self.last_look = 0.0  # seconds

    def begin(self) -> None:
        """The checkpoint of a run that has seen nothing yet, and what its samples look like then."""
        if self.state.images_seen == 0:
            self.checkpoint()
            judged = self._judged(always=True)
            if judged:
                self.progress.log(0, 0.0, {}, validation=judged)
        elif not self.state.memory.good and self.plan.rescue.at_most:  # a run of an older version
            self.state.memory.keep(self.state.now())

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
            examined = self._examined() if save else {}
            self.row(examined | (self._looks(last=last) if save or last else {}))
            if picture:
                self.picture()
            if save:
                self.checkpoint()

    def finish(self, *, interrupted: bool = False) -> None:
        """The last row, picture and checkpoint, where the last turn left them out."""
        if self.tally.rows:
            self.row(self._looks(last=True, keep=not interrupted))
        self.check_weights()
        self.picture()
        self.save()
        if self.keeper is not None:
            self.progress.say(self.keeper.told(self.state))

    def picture(self) -> None:
        """Samples of the averaged weights; of a model that restores, answers to held-out images."""
        model = self.state.average.model
        held_out = isinstance(model, Restores) and len(self.validation) > 0
        real = self.validation.images(slice(0, PICTURED)) if held_out else None
        self.progress.picture(model, self.state.images_seen, self.device, real)

    def row(self, looks: Mapping[str, Mapping[str, float]]) -> None:
        """Writes terms since the last row, and what held-out images have said."""
        self.check()
        if self.tally.rows or looks:
            self.progress.log(
                self.state.images_seen,
                self.state.seconds,
                self.tally.empty(),
                **looks,
                gradients=self.state.health.norms(),
                skipped=self._skipped(),
            )

    def check(self) -> None:
        """Looks at what was measured since the last row.

        Raises:
            Fault: If a term is not finite, gradients have not been for long, or something is out of line.
        """
        for player, guard in self.state.guards.items():
            if guard.not_finite >= NOT_FINITE:
                what = f"the gradient of the {player} {NOT_FINITE} times in a row became nan"
                raise Fault(what, self.state.turns)
        found = self.tally.first_not_finite()
        if found is not None:
            name, value, turns_ago = found
            raise Fault(f"{name} became {value}", self.state.turns - turns_ago)
        out_of_line = self.state.health.fault()
        if out_of_line is not None:
            raise Fault(out_of_line, self.state.turns)

    def checkpoint(self) -> None:
        """Remembers and writes the state, unless something in it is in doubt: a run falls back on it."""
        self.check_weights()
        if self.state.in_doubt:
            return
        if self.plan.rescue.at_most:
            self.state.memory.keep(self.state.now())
        self.save()

    def check_weights(self) -> None:
        """Raises a `Fault` if a weight is not finite, of any process: statistics of norms are its own."""
        if self.processes.agree(not checkpoint.all_finite(self.state.weights()), self.device):
            raise Fault("a weight became nan", self.state.turns)

    def save(self) -> None:
        """Writes the state as it is."""
        if self.folder is not None:
            checkpoint.save(self.state, self.folder)

    def rescue(self, fault: Fault) -> None:
        """Goes back to a good state, from which to go on more carefully.

        Raises:
            TrainingStopped: If that was done as often as it may be, or there is none.
        """
        memory, settings = self.state.memory, self.plan.rescue
        if memory.rescues >= settings.at_most or not memory.good:
            raise self._stop(fault)
        broke_at = self.state.images_seen
        self.state.go_back()
        self.tally, self.done = Tally(), self._reached()
        sentence = (
            f"Rolled back from {broke_at:,} to {self.state.images_seen:,} images, since {fault.what} in step "
            f"{fault.turn} (rescue {memory.rescues} of {settings.at_most}). "
            f"{settings.told(memory.rescues, penalised=self._penalised)}"
        )
        self.save()
        if self.folder is not None:
            RunFolder(self.folder).forget_after(self.state.images_seen, but_rescues=True)
        self.progress.rescued(self.state.images_seen, self.state.seconds, sentence)

    @property
    def impatient(self) -> bool:
        """Whether nothing better has been found for too long; only the process that keeps can say."""
        return self.keeper is not None and self.keeper.ends(self.state)

    def _reached(self) -> dict[str, int]:
        """How many intervals of each kind have passed."""
        return {name: self.state.images_seen // size for name, size in self.intervals.items()}

    def _due(self, name: str) -> bool:
        reached = self.state.images_seen // self.intervals[name]
        due, self.done[name] = reached > self.done[name], reached
        return due

    def _examined(self) -> dict[str, dict[str, float]]:
        """How samples differ, the mean over processes, so that all decide alike.

        Raises:
            Fault: If they have collapsed.
        """
        if self.examine is None:
            return {}
        with torch.no_grad():
            own = self.examine(self.state.average.model)
        means = self.processes.mean(torch.tensor(list(own.values()), dtype=torch.float32, device=self.device))
        samples = dict(zip(own, means.tolist(), strict=True))
        collapsed = self.state.health.judge(samples)
        if collapsed is not None:
            raise Fault(collapsed, self.state.turns)
        return {"samples": samples}

    def _looks(self, *, last: bool, keep: bool = True) -> dict[str, dict[str, float]]:
        """What held-out images say of the averaged weights; nothing in a process that writes nothing."""
        self.check()  # before time is spent on a model that is lost
        if self.folder is None:
            return {}
        keeper, model = self.keeper if keep else None, self.state.average.model
        needed = keeper is not None and not isinstance(model, ExplicitModel)
        validation = self._bound(model) | self._judged(always=last or needed)
        return {"validation": validation} | (self._kept(keeper, validation) if keeper else {})

    def _kept(self, keeper: Keeper, validation: Mapping[str, float]) -> dict[str, dict[str, float]]:
        """Judges the further averages too, and keeps the best."""
        number, judge = ("bound", self._bound) if "bound" in validation else ("kernel_distance", self._look)
        values = {self.state.average.half_life: validation[number]}
        values |= {average.half_life: judge(average.model)[number] for average in self.state.further}
        return keeper.look(self.state, number, values)

    def _bound(self, model: GenerativeModel) -> dict[str, float]:
        """Of an explicit model, the bound on some held-out images."""
        if not isinstance(model, ExplicitModel) or len(self.validation) == 0:
            return {}
        count = min(VALIDATION_IMAGES, len(self.validation))
        rows = slice(0, count)
        images, given = self.validation.images(rows).to(self.device), self.validation.given(rows)
        given = None if given is None else given.to(self.device)
        generator = torch.Generator(self.device).manual_seed(seed_from("validation"))
        with torch.no_grad():
            bound = model.log_weights(images, 1, given=given, generator=generator).cpu().double().mean()
        return {"bound": float(bound)}

    def _judged(self, *, always: bool) -> dict[str, float]:
        """What the judge says, if it may take as long as it did last time."""
        affordable = self.judging + self.last_look <= SHARE * self.state.seconds
        if self.judge is None or not (always or affordable):
            return {}
        started = time.perf_counter()
        judged = self._look(self.state.average.model)
        self.last_look = time.perf_counter() - started
        self.judging += self.last_look
        return judged

    def _look(self, model: GenerativeModel) -> dict[str, float]:
        """What the judge says of a model.

        Raises:
            TrainingStopped: If that is not a finite number: then the samples are not either.
        """
        if self.judge is None:
            return {}
        with torch.no_grad():
            judged = dict(self.judge(model))
        for name, value in judged.items():
            if not math.isfinite(value):
                raise self._stop(Fault(f"{name} of the samples became {value}", self.state.turns))
        return judged

    def _skipped(self) -> dict[str, float]:
        """Steps that guards passed over since the last row, by player."""
        counts = {player: float(guard.skipped) for player, guard in self.state.guards.items()}
        for guard in self.state.guards.values():
            guard.skipped = 0
        return counts

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return next(self.state.model.parameters()).device

    @property
    def _penalised(self) -> bool:
        return any(objective.restrains for objective in self.state.model.objectives())

    def _stop(self, fault: Fault) -> TrainingStopped:
        rescues, settings = self.state.memory.rescues, self.plan.rescue
        often = "once" if rescues == 1 else f"{rescues} times"
        tried = f"It had been rolled back {often}. {settings.told(rescues, penalised=self._penalised)}"
        kept = "" if self.folder is None else f"The last good checkpoint is kept in {self.folder}. "
        stronger = ", stronger penalties (--gamma or --penalty, whichever the recipe has)"
        return TrainingStopped(
            f"Training stopped: {fault.what} in step {fault.turn} ({self.state.images_seen} images seen)."
            f"{f' {tried}' if rescues else ''}",
            f"{kept}Try a lower --rate (half of what it is){stronger if self._penalised else ''}, or look at "
            f"the data: `latentia data SOURCE` lists what is odd about it.",
        )
