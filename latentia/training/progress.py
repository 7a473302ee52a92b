"""What a person sees of a run while it goes on: a bar, rows of numbers, sample grids."""

import importlib
import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from latentia._types import Images
from latentia.data.pictures import grid
from latentia.protocols import GenerativeModel, told_of
from latentia.training.turn import seed_from

GRID_SIDE = 8


class Progress:
    """The bar, `metrics.jsonl`, TensorBoard events where it is installed, and `samples/`.

    Args:
        folder: The run's folder; None to write nothing.
        total: Images that the run will have seen at its end.
        images_seen: Images that it has seen already.
        seed: Seed of the sample grids, whose latents stay the same through the run.
        show: Whether to draw the bar.
    """

    def __init__(self, folder: Path | None, *, total: int, images_seen: int, seed: int, show: bool) -> None:
        self.folder = folder
        self.seed = seed
        self.bar = tqdm(
            total=max(total, images_seen),
            initial=images_seen,
            unit=" images",
            unit_scale=True,
            disable=not show,
            dynamic_ncols=True,
            mininterval=0.1 if sys.stderr.isatty() else 10,  # a log file needs no animation
        )
        self._events = None if folder is None else _tensorboard_writer(folder)
        self._clock, self._images = time.perf_counter(), images_seen

    def advance(self, images_seen: int, terms: Mapping[str, float]) -> None:
        """Moves the bar on, with the newest terms by name."""
        self.bar.set_postfix({name.split("/")[-1]: f"{v:.4g}" for name, v in terms.items()}, refresh=False)
        self.bar.update(images_seen - self.bar.n)

    def log(
        self, images_seen: int, seconds: float, terms: Mapping[str, float], **more: Mapping[str, float]
    ) -> None:
        """Writes one row: terms averaged since the row before, and what else was measured."""
        now = time.perf_counter()
        rate = (images_seen - self._images) / max(now - self._clock, 1e-9)
        self._clock, self._images = now, images_seen
        row: dict[str, Any] = {
            "images_seen": images_seen,
            "seconds": round(seconds, 3),
            "images_per_second": round(rate, 2),
            "terms": dict(terms),
            **{name: dict(values) for name, values in more.items() if values},
        }
        self._write(row)
        if self._events is not None:
            for group, values in {"terms": terms, **more}.items():
                for name, value in values.items():
                    self._events.add_scalar(f"{group}/{name}", value, images_seen)

    def stopped(self, images_seen: int, seconds: float, fault: str) -> None:
        """Writes the last row of a run that had to stop: why."""
        row = {"images_seen": images_seen, "seconds": round(seconds, 3), "terms": {}, "stopped": fault}
        self._write(row)

    def rescued(self, images_seen: int, seconds: float, sentence: str) -> None:
        """Says that the run went back to a state, and writes a row that says so."""
        self.say(sentence)
        self.bar.update(images_seen - self.bar.n)
        self._clock, self._images = time.perf_counter(), images_seen
        row = {"images_seen": images_seen, "seconds": round(seconds, 3), "terms": {}, "rescued": sentence}
        self._write(row)

    def picture(
        self, model: GenerativeModel, images_seen: int, device: torch.device, real: Images | None = None
    ) -> None:
        """Saves a grid of samples; of an explicit model the means of p(x|z), which show what it learned.

        Args:
            model: The model.
            images_seen: Real images drawn so far.
            device: Where it is.
            real: Real images, what is measured of which a model that restores is shown.
        """
        if self.folder is None:
            return
        generator = torch.Generator(device).manual_seed(seed_from(self.seed, "samples"))
        count = GRID_SIDE**2
        with torch.no_grad():
            given = None if real is None else told_of(model, real.to(device), generator=generator)
            count = count if given is None else len(given)
            images = model.sample(count, given=given, generator=generator, noise=False)
        path = self.folder / "samples" / f"{images_seen:09d}.png"
        grid(images.float().cpu(), columns=GRID_SIDE).save(path)

    def say(self, sentence: str) -> None:
        """Prints a line above the bar."""
        if not self.bar.disable:
            self.bar.write(sentence, file=None)

    def _write(self, row: dict[str, Any]) -> None:
        if self.folder is not None:
            with (self.folder / "metrics.jsonl").open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")

    def close(self) -> None:
        """Ends the bar and the event file."""
        self.bar.close()
        if self._events is not None:
            self._events.close()


def _tensorboard_writer(folder: Path) -> Any:
    """A writer of TensorBoard events, or None where TensorBoard is not installed."""
    try:
        module = importlib.import_module("torch.utils.tensorboard")
    except ImportError:
        return None
    return module.SummaryWriter(str(folder))
