"""A run from where it stands to where it should end: turns, rows, pictures, checkpoints."""

import math
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from latentia.data import Order, Split
from latentia.protocols import Batch, ExplicitModel
from latentia.training import checkpoint
from latentia.training.guard import NOT_FINITE
from latentia.training.letters import TrainingStopped
from latentia.training.plan import Plan
from latentia.training.processes import Processes
from latentia.training.progress import Progress
from latentia.training.state import State
from latentia.training.step import take_turn
from latentia.training.tally import Tally
from latentia.training.turn import seed_from

CHECKPOINTS = 20
ROWS = 200
PICTURES = 20
VALIDATION_IMAGES = 256


@dataclass(frozen=True, slots=True)
class Limits:
    """When a run ends, and what its schedules are planned for.

    Attributes:
        horizon: Images that schedules are planned for; also sets how often the run is saved and shown.
        images: Images to see in all; None for no limit.
        seconds: Time to train in all; None for no limit.
    """

    horizon: int
    images: int | None = None
    seconds: float | None = None

    def reached(self, state: State) -> bool:
        """Whether the run is done."""
        by_images = self.images is not None and state.images_seen >= self.images
        return by_images or (self.seconds is not None and state.seconds >= self.seconds)


@dataclass(frozen=True, slots=True)
class Feed:
    """Real images in the run's own order, this process's share of them.

    Attributes:
        split: The training split.
        order: Which image stands at which position.
        device: Where batches go.
        processes: This process among all.
    """

    split: Split
    order: Order
    device: torch.device
    processes: Processes

    def __call__(self, position: int, count: int) -> Batch:
        share = count // self.processes.size
        indices = self.order.at(position + self.processes.rank * share, share)
        given = self.split.given(indices)
        images = self.split.images(indices, uniform=self._uniform(position, count)).to(self.device)
        return Batch(images, None if given is None else given.to(self.device))

    def _uniform(self, position: int, count: int) -> Tensor | None:
        """This process's share of the numbers that images are drawn with, where they are drawn anew."""
        if not self.split.fresh:
            return None
        generator = torch.Generator().manual_seed(seed_from(self.order.seed, "images", position))
        whole = torch.rand(count, *self.split.image_shape, generator=generator)
        return whole.chunk(self.processes.size)[self.processes.rank]


def train_in(
    folder: Path | None,
    state: State,
    plan: Plan,
    train: Split,
    validation: Split,
    limits: Limits,
    *,
    seed: int,
    micro_batches: int = 1,
    processes: Processes | None = None,
    show: bool = True,
) -> bool:
    """Trains until a limit is reached or Ctrl-C is pressed, and saves in the end either way.

    Args:
        folder: The run's folder; None to write nothing.
        state: Changed in place.
        plan: How to step.
        train: Images to learn from.
        validation: Images to watch an explicit model's bound on.
        limits: When to end.
        seed: The run's seed.
        micro_batches: Pieces that each batch is divided into.
        processes: This process among all.
        show: Whether to draw a progress bar.

    Returns:
        Whether Ctrl-C ended it.

    Raises:
        TrainingStopped: If a term is no longer finite. The last good checkpoint is kept.
        OSError: If the disk is full. The last good checkpoint is kept.
    """
    processes = processes or Processes()
    device = next(state.model.parameters()).device
    feed = Feed(train, Order(len(train), seed), device, processes)
    own_folder = folder if processes.rank == 0 else None
    progress = Progress(
        own_folder,
        total=limits.images or limits.horizon,
        images_seen=state.images_seen,
        seed=seed,
        show=show and processes.rank == 0,
    )
    watch = Watch(own_folder, state, plan, validation, limits, progress)
    try:
        with interruptible() as interrupted:
            if state.images_seen == 0:
                watch.save()
            # Processes agree on the end, since each has a clock of its own.
            while not processes.agree(limits.reached(state) or interrupted.is_set(), device):
                started = time.perf_counter()
                terms = take_turn(
                    state,
                    plan,
                    feed,
                    seed=seed,
                    horizon=limits.horizon,
                    micro_batches=micro_batches,
                    processes=processes,
                )
                state.seconds += time.perf_counter() - started
                watch.after(terms)
            watch.finish()
            return interrupted.is_set()
    finally:
        progress.close()


class Watch:
    """Looks at a run between turns: rows, pictures, checkpoints, and whether terms are finite.

    All intervals are in images, a share of the horizon each.
    """

    def __init__(
        self,
        folder: Path | None,
        state: State,
        plan: Plan,
        validation: Split,
        limits: Limits,
        progress: Progress,
    ) -> None:
        self.folder, self.state, self.progress = folder, state, progress
        self.validation = validation
        self.tally = Tally()
        self.intervals = {
            name: max(plan.batch_size, limits.horizon // count)
            for name, count in {"row": ROWS, "picture": PICTURES, "checkpoint": CHECKPOINTS}.items()
        }
        self.done = {name: state.images_seen // size for name, size in self.intervals.items()}

    def after(self, terms: dict[str, Tensor]) -> None:
        """Does what is due after a turn."""
        if not self.state.refused:  # else what is not finite has done no harm
            self.tally.add(terms)
        on_cpu = next(iter(terms.values())).device.type == "cpu"
        if on_cpu or self.state.turns % 16 == 0:  # looking at a number makes an accelerator wait
            self.check()
            newest = self.tally.turn(-1) if self.tally.rows else {}
            self.progress.advance(self.state.images_seen, newest)
        if self._due("row"):
            save, picture = self._due("checkpoint"), self._due("picture")
            self.row(validate=save)
            if picture:
                self.progress.picture(self.state.average.model, self.state.images_seen, _device(self.state))
            if save:
                self.save()

    def finish(self) -> None:
        """The last row, picture and checkpoint, where the last turn left them out."""
        if self.tally.rows:
            self.row(validate=True)
        self.progress.picture(self.state.average.model, self.state.images_seen, _device(self.state))
        self.save()

    def row(self, *, validate: bool) -> None:
        """Writes terms since the last row, and the bound on held-out images where there is one."""
        self.check()
        measured = self._validation_bound() if validate and self.folder is not None else {}
        if self.tally.rows or measured:
            self.progress.log(
                self.state.images_seen,
                self.state.seconds,
                self.tally.empty(),
                validation=measured,
                skipped=self._skipped(),
            )

    def check(self) -> None:
        """Raises if a term since the last row is not finite, or gradients have not been for long."""
        for player, guard in self.state.guards.items():
            if guard.not_finite >= NOT_FINITE:
                fault_of = f"the gradient of the {player} {NOT_FINITE} times in a row"
                raise TrainingStopped(self._letter(fault_of, math.nan, self.state.turns))
        fault = self.tally.first_not_finite()
        if fault is not None:
            name, value, turns_ago = fault
            raise TrainingStopped(self._letter(name, value, self.state.turns - turns_ago))

    def _skipped(self) -> dict[str, float]:
        """Steps that guards passed over since the last row, by player."""
        counts = {player: float(guard.skipped) for player, guard in self.state.guards.items()}
        for guard in self.state.guards.values():
            guard.skipped = 0
        return counts

    def save(self) -> None:
        """Writes a checkpoint, if every weight is finite."""
        if not checkpoint.all_finite(self.state.weights()):
            raise TrainingStopped(self._letter("a weight", math.nan, self.state.turns))
        if self.folder is not None:
            checkpoint.save(self.state, self.folder)

    def _letter(self, name: str, value: float, turn: int) -> str:
        kept = "" if self.folder is None else f" The last good checkpoint is kept in {self.folder}."
        return (
            f"Training stopped: {name} became {value} in step {turn} ({self.state.images_seen} images "
            f"seen).{kept} Try a lower --rate (half of what it is), or look at the data: "
            f"`latentia data SOURCE` lists what is odd about it."
        )

    def _due(self, name: str) -> bool:
        reached = self.state.images_seen // self.intervals[name]
        due, self.done[name] = reached > self.done[name], reached
        return due

    def _validation_bound(self) -> dict[str, float]:
        model = self.state.average.model
        if not isinstance(model, ExplicitModel) or len(self.validation) == 0:
            return {}
        count = min(VALIDATION_IMAGES, len(self.validation))
        images = self.validation.images(torch.arange(count)).to(_device(self.state))
        generator = torch.Generator(_device(self.state)).manual_seed(seed_from("validation"))
        with torch.no_grad():
            bound = model.log_weights(images, 1, generator=generator).cpu().double().mean()
        return {"bound": float(bound)}


def _device(state: State) -> torch.device:
    return next(state.model.parameters()).device


@contextmanager
def interruptible() -> Iterator[threading.Event]:
    """Turns the first Ctrl-C into a flag, so that a turn ends and is saved; the second one kills."""
    pressed = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield pressed
        return

    def press(signum: int, frame: object) -> None:
        pressed.set()
        signal.signal(signal.SIGINT, previous)

    previous = signal.signal(signal.SIGINT, press)
    try:
        yield pressed
    finally:
        signal.signal(signal.SIGINT, previous)
