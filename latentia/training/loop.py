"""A run from where it stands to where it should end: turns, rows, pictures, checkpoints."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from latentia.data import Order, Supply
from latentia.protocols import Batch
from latentia.training.best import Keeper
from latentia.training.letters import Fault, TrainingStopped
from latentia.training.plan import Plan
from latentia.training.processes import Processes
from latentia.training.progress import Progress
from latentia.training.state import State
from latentia.training.step import take_turn
from latentia.training.turn import seed_from
from latentia.training.watch import Judge, Watch


@dataclass(frozen=True, slots=True)
class Limits:
    """When a run ends, and what its schedules are planned for.

    Attributes:
        horizon: Images that schedules are planned for; also sets how often the run is saved and shown.
        images: Images to see in all; None for no limit.
        seconds: Time to train in all; None for no limit.
        patience: Part of the horizon after which a run ends that keeps its best weights and has found nothing
            better; None to go on.
    """

    horizon: int
    images: int | None = None
    seconds: float | None = None
    patience: float | None = None

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

    split: Supply
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
    train: Supply,
    validation: Supply,
    limits: Limits,
    *,
    seed: int,
    micro_batches: int = 1,
    processes: Processes | None = None,
    judge: Judge | None = None,
    keep_best: bool = False,
    examine: Judge | None = None,
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
        judge: What judges samples at checkpoints, within a share of the time (`watch.py`); the first process
            alone asks it.
        keep_best: Whether to keep the best averaged weights (`best.py`); an implicit model needs a judge.
        examine: What says whether samples have collapsed, at every checkpoint (`health.py`); every process
            asks it.
        show: Whether to draw a progress bar.

    Returns:
        Whether Ctrl-C ended it.

    Raises:
        TrainingStopped: If something broke, and going back to a good state (`rescue.py`) did not help. The
            last good checkpoint is kept, and the log's last row says why.
        OSError: If the disk is full. The last good checkpoint is kept.
    """
    processes = processes or Processes()
    device = next(state.model.parameters()).device
    feed = Feed(train, Order(len(train), seed), device, processes)
    own_folder = folder if processes.rank == 0 else None
    total, shown = limits.images or limits.horizon, show and processes.rank == 0
    progress = Progress(own_folder, total=total, images_seen=state.images_seen, seed=seed, show=shown)
    patience = None if limits.patience is None else limits.patience * limits.horizon
    keeper = Keeper(own_folder, patience) if keep_best and own_folder is not None else None
    watch = Watch(
        own_folder, state, plan, validation, limits.horizon, progress, judge, keeper, examine, processes
    )

    step = partial(
        take_turn,
        state,
        plan,
        feed,
        seed=seed,
        horizon=limits.horizon,
        micro_batches=micro_batches,
        processes=processes,
    )
    try:
        with interruptible() as interrupted:
            passage = Passage(state, limits, watch, processes, step, interrupted)
            passage.went_well(watch.begin)
            while not passage.went_well(passage.to_the_end):
                pass  # once more, from a good state
            return interrupted.is_set()
    except TrainingStopped as stop:
        progress.stopped(state.images_seen, state.seconds, stop.fault)
        raise
    finally:
        progress.close()


@dataclass(frozen=True, slots=True)
class Passage:
    """A run that goes on, and back where something breaks.

    Attributes:
        state: Where it stands.
        limits: When it ends.
        watch: What looks at it between turns.
        processes: This process among all.
        step: Takes a turn.
        interrupted: Set by Ctrl-C.
    """

    state: State
    limits: Limits
    watch: Watch
    processes: Processes
    step: Callable[[], dict[str, Tensor]]
    interrupted: threading.Event

    def to_the_end(self) -> None:
        """Takes turns until the run is over."""
        while not self.over():
            started = time.perf_counter()
            terms = self.step()
            self.state.seconds += time.perf_counter() - started
            self.watch.after(terms, last=self.limits.reached(self.state))
        self.watch.finish(interrupted=self.interrupted.is_set())

    def over(self) -> bool:
        """Whether any process is to end: each has a clock of its own."""
        ends = self.limits.reached(self.state) or self.watch.impatient or self.interrupted.is_set()
        return self.processes.agree(ends, self.watch.device)

    def went_well(self, part: Callable[[], None]) -> bool:
        """Whether a part of the run broke nothing; otherwise it was rolled back.

        Raises:
            TrainingStopped: If that was done often enough.
        """
        try:
            part()
        except Fault as fault:
            self.watch.rescue(fault)
            return False
        return True


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
