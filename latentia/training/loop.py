"""A run from where it stands to where it should end: turns, rows, pictures, checkpoints."""

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
from latentia.protocols import Batch
from latentia.training.letters import TrainingStopped
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
    judge: Judge | None = None,
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
        show: Whether to draw a progress bar.

    Returns:
        Whether Ctrl-C ended it.

    Raises:
        TrainingStopped: If a term is no longer finite. The last good checkpoint is kept, and the log's last
            row says why.
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
    watch = Watch(own_folder, state, plan, validation, limits.horizon, progress, judge)
    try:
        with interruptible() as interrupted:
            watch.begin()
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
                watch.after(terms, last=limits.reached(state))
            watch.finish()
            return interrupted.is_set()
    except TrainingStopped as stop:
        progress.stopped(state.images_seen, state.seconds, stop.fault)
        raise
    finally:
        progress.close()


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
