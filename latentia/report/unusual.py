"""Unusual images of a source as a run sees them: scored, compared with its own held-out ones, and listed."""

import csv
import difflib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from latentia.data import ImageStore, Split
from latentia.data.contents import SPLITS
from latentia.metrics.detection import area_under_roc, false_alarms, p_values
from latentia.report.runs import images_for
from latentia.tasks import Complexity, Score, anomaly_scores, usual_score
from latentia.training.folder import Run

Scores = Float[Tensor, "_"]
"""One number an image, of any number of images."""

AT_ONCE = 1_024
"""Images in memory at a time."""
ALARM = 0.01
"""Share of usual images that is called unusual."""


class Listed(NamedTuple):
    """An image and its score; higher is more unusual. `p` is None without images to compare with."""

    name: str
    split: str
    kind: str
    score: float
    p: float | None


class Group(NamedTuple):
    """Scores of some images, and what images they are."""

    words: str
    scores: Scores


@dataclass(frozen=True, slots=True)
class Detection:
    """What a run finds unusual.

    Attributes:
        images: The most unusual first.
        measure: What was measured, in words.
        raw: Whether that is a likelihood without correction.
        held_out: Scores of the run's own images that it has not seen.
        missing: Why there are none where they were asked for; else empty.
        usual: Images among which others are to be found.
        others: The images to be found, group by group.
    """

    images: tuple[Listed, ...]
    measure: str
    raw: bool
    held_out: Scores
    missing: str
    usual: Group
    others: tuple[Group, ...]

    def as_csv(self) -> str:
        """All images as a table."""
        file = io.StringIO()
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["name", "split", "class", "score", "p_value"])
        for image in self.images:
            writer.writerow([*image[:4], "" if image.p is None else f"{image.p:.6g}"])
        return file.getvalue()

    def summary(self, shown: int = 5) -> list[str]:
        """What there is to say, line by line: how many are unusual, which most, how well groups are told."""
        lines = [f"No p values: {self.missing}"] if self.missing else []
        if len(self.held_out):
            alarms, num = sum((image.p or 1) <= ALARM for image in self.images), len(self.images)
            lines.append(
                f"{alarms:,} of {num:,} images have p <= {ALARM}, beside {len(self.held_out):,} held-out "
                f"ones of the run; {ALARM * num:,.0f} would have it if all were usual."
            )
        lines.append(f"The most unusual by {self.measure}:")
        for image in self.images[:shown]:
            p = "" if image.p is None else f"  p {image.p:.4f}"
            lines.append(f"  {image.score:12.5g}{p}  {image.name} ({image.split})")
        return lines + [_how_well(group, self.usual) for group in self.others if len(group.scores) > 1]


def detect(
    run: Run,
    data: str,
    *,
    score: Score | Literal["auto"] = "auto",
    complexity: Complexity = "none",
    background: Run | None = None,
    unusual: Sequence[str] = (),
    held_out: int = 1_000,
    num: int | None = None,
    steps: int = 200,
    seed: int = 0,
    progress: bool = False,
) -> Detection:
    """Scores the images of a source by how unusual a run finds them, beside its own held-out images.

    These are the run's test images, or its validation images where it is asked about its own source.

    Args:
        run: As `latentia.open_run` gives it; it has learned usual images.
        data: A source; its images are prepared as the run's own.
        score: As of `anomaly_scores`; `auto` is the first of likelihood, reconstruction and inversion that
            the model can.
        complexity: `png` subtracts from a likelihood what the image takes as a PNG file.
        background: A run on other images, whose log-likelihood is added to the score.
        unusual: Classes that are to be found among the others; of the run's own source, in its test images.
            Without them, images of another source are to be found among the held-out ones.
        held_out: How many held-out images to compare with, at most; 0 for none.
        num: Images of each split at most, drawn at random; all without it.
        steps: Steps of an inversion.
        seed: Of what is drawn.
        progress: Whether inversions draw bars.

    Raises:
        ValueError: If the model cannot do it, the images do not fit the run, or there is no such class.
    """
    if held_out < 0 or (num is not None and num < 1):
        raise ValueError(f"Got {num} images and {held_out} held-out ones; expected 1 and 0 or more.")
    if Path(data).exists() and str(Path(data).resolve()) == run.source:
        data = run.source  # by another path
    kind = usual_score(run.model) if score == "auto" else score
    place = next(run.model.parameters()).device

    def scores(split: Split) -> Scores:
        generator = torch.Generator(place).manual_seed(seed)
        found = [torch.empty(0)]
        for start in range(0, len(split), AT_ONCE):  # a source may be larger than memory
            rows = slice(start, start + AT_ONCE)
            given = split.given(rows)
            some = anomaly_scores(
                run.model,
                split.images(rows).to(place),
                score=kind,
                complexity=complexity,
                background=None if background is None else background.model,
                given=None if given is None else given.to(place),
                steps=steps,
                generator=generator,
                progress=progress,
            )
            found.append(some.cpu())
        return torch.cat(found)

    store = images_for(run, data, measured=kind == "likelihood")
    _check_classes(store, unusual)
    parts = {name: _some(store.split(name), num, seed) for name in SPLITS}
    found = {name: scores(part) for name, part in parts.items()}
    own, missing = _held_out(run, data, held_out, seed)
    compared = torch.empty(0) if own is None else scores(own)
    usual, others = _groups(store, parts, found, compared, unusual, own=data == run.source)
    return Detection(
        images=_listed(store, parts, found, compared),
        measure=_words(kind, complexity, background),
        raw=kind == "likelihood" and complexity == "none" and background is None,
        held_out=compared,
        missing=missing,
        usual=usual,
        others=others,
    )


def _held_out(run: Run, data: str, most: int, seed: int) -> tuple[Split | None, str]:
    """Images of the run's own source that nothing was trained on, or why there are none any more."""
    if not most:
        return None, ""
    try:
        store = images_for(run, measured=True)
    except (ValueError, OSError) as error:
        return None, str(error)
    return _some(store.split("validation" if data == run.source else "test"), most, seed), ""


def _some(split: Split, most: int | None, seed: int) -> Split:
    """As many images of a part, drawn at random: sources may be sorted by class."""
    if most is None or most >= len(split):
        return split
    order = torch.randperm(len(split), generator=torch.Generator().manual_seed(seed))
    return split.only(order[:most].sort().values)


def _listed(
    store: ImageStore, parts: dict[str, Split], found: dict[str, Scores], compared: Scores
) -> tuple[Listed, ...]:
    rows = list[Listed]()
    for name, split in parts.items():
        known = p_values(found[name], compared).tolist() if len(compared) else [None] * len(split)
        columns = (split.names, [name] * len(split), store.class_names(split), found[name].tolist(), known)
        rows += [Listed(*row) for row in zip(*columns, strict=True)]
    return tuple(sorted(rows, key=lambda row: -row.score))


def _groups(
    store: ImageStore,
    parts: dict[str, Split],
    found: dict[str, Scores],
    compared: Scores,
    unusual: Sequence[str],
    *,
    own: bool,
) -> tuple[Group, tuple[Group, ...]]:
    """Usual images, and groups of others that are to be found among them."""
    names = ["test"] if own else list(parts)  # of its own source, what it was not trained on
    scores = torch.cat([found[name] for name in names])
    name = store.facts.name
    if not unusual:
        if own or not len(compared):
            return Group(f"images of {name}", scores), ()
        return Group("held-out images of the run", compared), (Group(f"images of {name}", scores),)
    kinds = [kind for split in names for kind in store.class_names(parts[split])]
    chosen = {wanted: torch.tensor([kind == wanted for kind in kinds]) for wanted in unusual}
    whole = torch.stack(list(chosen.values())).any(0)
    groups = [Group(wanted, scores[rows]) for wanted, rows in chosen.items()]
    if len(groups) > 1:
        groups.append(Group("all of these", scores[whole]))
    return Group("the other classes", scores[~whole]), tuple(groups)


def _how_well(group: Group, usual: Group) -> str:
    area = area_under_roc(group.scores, usual.scores)
    low, high = area.interval
    alarms = false_alarms(group.scores, usual.scores)
    return (
        f"{group.words} ({len(group.scores):,}) among {usual.words} ({len(usual.scores):,}): area under the "
        f"ROC curve {area.value:.3f} ({low:.3f} to {high:.3f}); finding 95 % of them takes "
        f"{100 * alarms:.0f} % of the others along."
    )


def _words(kind: Score, complexity: Complexity, background: Run | None) -> str:
    if kind != "likelihood":
        return f"{kind} error (mean square)"
    if background is not None:
        return f"log-likelihood of {background.path.name} less the run's own, nats"
    return (
        "-log-likelihood less the length of a PNG file, nats"
        if complexity == "png"
        else "-log-likelihood, nats"
    )


def _check_classes(store: ImageStore, unusual: Sequence[str]) -> None:
    for wanted in unusual:
        if wanted not in store.facts.classes:
            near = difflib.get_close_matches(wanted, store.facts.classes, n=3, cutoff=0.5)
            known = ", ".join(near or store.facts.classes) or "none: put each class into a folder of its own"
            raise ValueError(f"{store.facts.name} has no class {wanted!r}. There are: {known}.")
    if unusual and set(unusual) >= set(store.facts.classes):
        raise ValueError("All classes are to be found, which leaves none to find them among. Name fewer.")
