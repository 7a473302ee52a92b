"""Many runs in one ranking: each measured once, and kept beside it for the next time."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tqdm import tqdm

from latentia.report.measures import MEASURES
from latentia.report.runs import contestants, evaluate_run, record
from latentia.report.steadiness import steadiness
from latentia.report.wording import duration, number, plus_minus
from latentia.training.card import Measured, Result
from latentia.training.folder import Run

SHOWN = ["Bits a dimension", *(measure.label for measure in MEASURES.values() if measure.headline)]
"""Columns, by the names of results."""

RANKED_BY = MEASURES["kernel_distance"].label


@dataclass(frozen=True)
class Board:
    """Runs on the same data, measured by the same protocol, the best first.

    Attributes:
        data: Name of the data and the head of its fingerprint.
        runs: In the order of their rank.
        measured: Their numbers.
        steadiness: How steadily each recipe trained, in sentences.
    """

    data: str
    runs: tuple[Run, ...]
    measured: tuple[Measured, ...]
    steadiness: tuple[str, ...]

    @property
    def markdown(self) -> str:
        """The ranking as a table, and what one must know to read it."""
        labels = [label for label in SHOWN if any(_find(m, label) for m in self.measured)]
        lines = [f"## {self.data}", ""]
        lines.append("| run | recipe | seed | " + " | ".join(labels) + " | copies | images | training |")
        lines.append("| --- | --- | ---: |" + " ---: |" * len(labels) + " --- | ---: | ---: |")
        for run, measured in zip(self.runs, self.measured, strict=True):
            cells = [_cell(_find(measured, label)) for label in labels]
            lines.append(
                f"| {run.path.name} | {run.recipe} | {run.description.seed} | {' | '.join(cells)} "
                f"| {_copies(measured.verdict)} | {run.images_seen:,} | {duration(run.seconds)} |"
            )
        protocols = dict.fromkeys(r.protocol for m in self.measured for r in m.results if r.name in labels)
        lines += ["", *self.steadiness, "", *(f"Protocol: {text}" for text in protocols)]
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        """The same, as a dictionary that JSON can hold."""
        return {
            "data": self.data,
            "runs": [
                {
                    "path": str(run.path),
                    "recipe": run.recipe,
                    "arguments": dict(run.arguments),
                    "seed": run.description.seed,
                    "images_seen": run.images_seen,
                    "seconds": run.seconds,
                    "verdict": measured.verdict,
                    "results": {
                        r.name: {"value": r.value, "low": r.low, "high": r.high} for r in measured.results
                    },
                }
                for run, measured in zip(self.runs, self.measured, strict=True)
            ],
            "steadiness": list(self.steadiness),
        }


def rank(runs: Sequence[Run], *, progress: bool = True, **settings: Any) -> list[Board]:
    """Rank runs by kernel distance, a board for each data set.

    A run that was measured as it stands, with the same settings, is not measured again. One that cannot be
    measured, mostly since its images are not where they were, is warned of and left out.

    Args:
        runs: As `latentia.open_run` gives them.
        progress: Whether to show a progress bar.
        **settings: As `evaluate` takes them: num_samples, num_draws, features, seed.

    Returns:
        Boards in the order in which their data was first met; none for data of which no run is left.

    Raises:
        ValueError: If no run can be measured: the letters say why.
    """
    letters: list[str] = []
    boards: dict[str, list[tuple[Run, Measured]]] = {}
    with tqdm(runs, disable=not progress, unit="run", leave=False) as bar:
        for run in bar:
            bar.set_description(run.path.name)
            try:
                measured = _measured(run, settings)
            except ValueError as error:
                letters.append(f"{run.path} is left out of the ranking: {error}")
                continue
            boards.setdefault(run.facts.fingerprint, []).append((run, measured))
    if letters and not boards:
        raise ValueError("\n".join(["None of the runs can be ranked.", *letters]))
    for letter in letters:
        warnings.warn(letter, stacklevel=2)
    return [_board(entries) for entries in boards.values()]


def _measured(run: Run, settings: dict[str, Any]) -> Measured:
    kept = Measured.read(run.path)
    if kept.images_seen == run.images_seen and kept.results and kept.settings == settings:
        return kept
    return record(run, evaluate_run(run, **settings), settings)


def _board(entries: list[tuple[Run, Measured]]) -> Board:
    def distance(entry: tuple[Run, Measured]) -> float:
        found = _find(entry[1], RANKED_BY)
        return float("inf") if found is None else found.value

    entries.sort(key=distance)
    runs, measured = zip(*entries, strict=True)
    facts = runs[0].facts
    return Board(
        f"{facts.name} ({facts.fingerprint[:8]})", runs, measured, tuple(steadiness(contestants(runs)))
    )


def _find(measured: Measured, name: str) -> Result | None:
    return next((result for result in measured.results if result.name == name), None)


def _cell(result: Result | None) -> str:
    if result is None:
        return "–"
    digits = next((m.digits for m in MEASURES.values() if m.label == result.name), 3)
    if result.low is None or result.high is None:
        return number(result.value, digits)
    return plus_minus(result.value, (result.high - result.low) / 2, digits)


def _copies(verdict: str) -> str:
    """The verdict's first words, which a table has room for."""
    return verdict.split(":")[0].split(",")[0]
