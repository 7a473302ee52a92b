"""A run's folder: what was asked for, where it stands, what was measured on the way."""

import json
import os
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

import latentia
from latentia.data import Facts, Preparation
from latentia.protocols import GenerativeModel
from latentia.training import checkpoint
from latentia.training.best import Best, out_of_patience
from latentia.training.rescue import RESCUES

NOT_IN_OLDER_RUNS = (
    *("sentence", "paper", "device", "keep_best", "patience", "chosen_by", "rescues"),
    *("balance", "classical"),
)
AVERAGED = "moving average over training"
FORMAT = 1
"""Raised when a run folder of an older version can no longer be read."""


@dataclass(frozen=True, slots=True)
class Description:
    """What `run.json` says: enough to build the model again, find the data, and go on.

    Attributes:
        recipe: Name of the recipe, or `custom` for a model handed over from Python.
        arguments: The recipe's arguments, all of them.
        source: The data source as it was given.
        preparation: How the source became images.
        facts: Facts of the data.
        seed: The run's seed.
        images: Images that the run was asked to see; None where it was given minutes.
        minutes: Minutes that the run was given; None where it was given images.
        horizon: Images that schedules are planned for; it stays when a run is extended.
        micro_batches: Pieces that each batch is divided into.
        versions: Versions of latentia, torch and Python.
        sentence: What the recipe is, in one sentence.
        paper: What the recipe follows, and where it differs.
        device: Where the run was started, in words.
        keep_best: Whether the best averaged weights are kept beside the last.
        patience: Part of the horizon after which the run ends that has found nothing better; None to go on.
        rescues: How often the run may go back to a good state.
        chosen_by: Name of the recipe that chose this one; empty where a person did.
        reasons: Why it was chosen, a sentence each without a full stop.
        balance: Whether every class is shown as often as the largest.
        classical: Whether training images are shifted, turned and scaled a little each time.
    """

    recipe: str
    arguments: Mapping[str, Any]
    source: str
    preparation: Preparation
    facts: Facts
    seed: int
    images: int | None
    minutes: float | None
    horizon: int
    micro_batches: int
    versions: Mapping[str, str]
    sentence: str = ""
    paper: str = ""
    device: str = ""
    keep_best: bool = False
    patience: float | None = None
    rescues: int = RESCUES
    chosen_by: str = ""
    reasons: tuple[str, ...] = ()
    balance: bool = False
    classical: bool = False

    def to_json(self) -> dict[str, Any]:
        """As `run.json` holds it."""
        return {
            "format": FORMAT,
            "recipe": self.recipe,
            "arguments": dict(self.arguments),
            "data": {
                "source": self.source,
                "preparation": asdict(self.preparation),
                "facts": self.facts.to_json(),
            },
            "seed": self.seed,
            "images": self.images,
            "minutes": self.minutes,
            "horizon": self.horizon,
            "micro_batches": self.micro_batches,
            "versions": dict(self.versions),
            "sentence": self.sentence,
            "paper": self.paper,
            "device": self.device,
            "keep_best": self.keep_best,
            "patience": self.patience,
            "rescues": self.rescues,
            "chosen_by": self.chosen_by,
            "reasons": list(self.reasons),
            "balance": self.balance,
            "classical": self.classical,
        }

    @staticmethod
    def from_json(content: Mapping[str, Any]) -> "Description":
        """From what `to_json` gave."""
        data = content["data"]
        return Description(
            recipe=content["recipe"],
            arguments=content["arguments"],
            source=data["source"],
            preparation=Preparation(**data["preparation"]),
            facts=Facts.from_json(data["facts"]),
            seed=content["seed"],
            images=content["images"],
            minutes=content["minutes"],
            horizon=content["horizon"],
            micro_batches=content["micro_batches"],
            versions=content["versions"],
            reasons=tuple(content.get("reasons", ())),
            **{name: content[name] for name in NOT_IN_OLDER_RUNS if name in content},
        )


def versions() -> dict[str, str]:
    """Versions that a run was made with."""
    return {
        "latentia": latentia.__version__,
        "torch": str(torch.__version__),
        "python": platform.python_version(),
    }


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The files of a run: `run.json`, two of the checkpoint, `metrics.jsonl`, `samples/`, and its card."""

    path: Path

    @staticmethod
    def require_free(path: Path) -> None:
        """Refuses a path for a new run.

        Raises:
            ValueError: If something is there already.
        """
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise ValueError(
                f"{path} exists and is not empty. To go on with the run in it: `latentia resume {path}`. "
                f"To start another one, choose a new folder for --out."
            )

    @staticmethod
    def create(path: Path, description: Description) -> "RunFolder":
        """Makes the folder of a new run.

        Raises:
            ValueError: If something is there already.
        """
        RunFolder.require_free(path)
        (path / "samples").mkdir(parents=True, exist_ok=True)
        folder = RunFolder(path)
        folder.write(description)
        return folder

    def write(self, description: Description) -> None:
        """Replaces `run.json`, whole."""
        temporary = self.path / "run.json.new"
        temporary.write_text(json.dumps(description.to_json(), indent=2) + "\n", encoding="utf-8")
        checkpoint.sync(temporary)
        os.replace(temporary, self.path / "run.json")

    def read(self) -> Description:
        """What `run.json` says.

        Raises:
            ValueError: If the folder is no run, was written by another version, or is damaged.
        """
        if not self.path.is_dir():
            raise ValueError(f"There is no run folder {self.path}. `latentia train ... --out RUN` makes one.")
        file = self.path / "run.json"
        if not file.exists():
            raise ValueError(
                f"{self.path} is not a run folder: it has no run.json. `latentia train ... --out RUN` makes "
                f"one; a folder of images goes where DATA stands."
            )
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
            if content["format"] != FORMAT:
                raise ValueError(
                    f"{self.path} was written in format {content['format']} (latentia "
                    f"{content.get('versions', {}).get('latentia', 'unknown')}); this version reads format "
                    f"{FORMAT}. Install the version that wrote it, or train again."
                )
            return Description.from_json(content)
        except (json.JSONDecodeError, KeyError, TypeError, UnicodeDecodeError) as error:
            raise ValueError(
                f"{file} is damaged ({type(error).__name__}: {error}). Restore it, or train again into a new "
                f"folder."
            ) from error

    def out_of_patience(self, description: Description) -> bool:
        """Whether the run ended because it found nothing better for too long."""
        if description.patience is None:
            return False
        looked = int(checkpoint.position(self.path)["looked"])
        return out_of_patience(Best.read(self.path), looked, description.patience * description.horizon)

    def history(self) -> list[dict[str, Any]]:
        """The rows of `metrics.jsonl`; a last row that a kill cut short is left out."""
        file = self.path / "metrics.jsonl"
        rows: list[dict[str, Any]] = []
        for line in file.read_text(encoding="utf-8").splitlines() if file.exists() else []:
            try:
                rows.append(json.loads(line))
            except json.JSONDecodeError:
                break
        return rows

    def forget_after(self, images_seen: int, *, but_rescues: bool = False) -> None:
        """Drops rows that were logged after the state that a run goes on from, and why it stopped.

        Args:
            images_seen: Where that state stands.
            but_rescues: Whether to keep rows that tell of rescues, as of that state.
        """
        rows = [
            row | {"images_seen": min(row["images_seen"], images_seen)}
            for row in self.history()
            if "stopped" not in row
            and (row["images_seen"] <= images_seen or (but_rescues and "rescued" in row))
        ]
        temporary = self.path / "metrics.jsonl.new"
        temporary.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        os.replace(temporary, self.path / "metrics.jsonl")


@dataclass(frozen=True, slots=True)
class Run:
    """A trained run: its folder, what it was asked for, and its model.

    Attributes:
        path: The folder.
        description: What `run.json` says.
        model: The model with averaged weights, in evaluation mode.
        images_seen: Real images drawn in training.
        seconds: Time spent in training.
        interrupted: Whether training was stopped by Ctrl-C before it was done.
        weights: Which weights the model has, in words.
    """

    path: Path
    description: Description
    model: GenerativeModel
    images_seen: int
    seconds: float
    interrupted: bool = False
    weights: str = AVERAGED

    @property
    def recipe(self) -> str:
        return self.description.recipe

    @property
    def arguments(self) -> Mapping[str, Any]:
        return self.description.arguments

    @property
    def seed(self) -> int:
        return self.description.seed

    @property
    def facts(self) -> Facts:
        return self.description.facts

    @property
    def source(self) -> str:
        return self.description.source

    @property
    def preparation(self) -> Preparation:
        return self.description.preparation

    @property
    def horizon(self) -> int:
        return self.description.horizon

    @property
    def ended(self) -> bool:
        """Whether it has done what it had planned, or had to stop."""
        asked = self.description
        by_images = asked.images is not None and self.images_seen >= asked.images
        by_time = asked.minutes is not None and self.seconds >= 60 * asked.minutes
        had_to_stop = any("stopped" in row for row in self.history())
        return by_images or by_time or had_to_stop or RunFolder(self.path).out_of_patience(asked)

    def history(self) -> list[dict[str, Any]]:
        """The rows of `metrics.jsonl`."""
        return RunFolder(self.path).history()
