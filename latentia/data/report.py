"""What was found in a source and what was made of it, for people and for programs."""

import dataclasses
from dataclasses import dataclass, field
from typing import Any

_MOST_LINES = 8
_LABEL_WIDTH, _LINE_WIDTH = 12, 88


@dataclass(slots=True)
class SourceReport:
    """What was found in a source and what was made of it.

    Attributes:
        source: Where the images came from.
        images: How many are in the store.
        shape: (channels, height, width) of each.
        levels: How many levels a pixel can take.
        fit: How images of another shape were made to fit.
        split_by: What decided on the split: `published`, `hash` or `folder`.
        split: Images in each part.
        sizes: Sizes found, as (width, height, number), most frequent first.
        modes: How pixels were stored, in Pillow's words, with the number of images.
        classes: Images of each class.
        attributes: Names of the attributes.
        duplicates: Groups of equal images, images in them, and test images that also stand in train.
        bad: Files that were left out, with the reason.
        ignored: Number of files that do not have the name of an image.
        notes: What was chosen or noticed, in sentences.
        seconds: Time that building the store took.
        store: Folder of the store.
        bytes: Size of its pixels.
    """

    source: str
    images: int
    shape: tuple[int, int, int]
    levels: int
    fit: str
    split_by: str
    split: dict[str, int]
    sizes: list[tuple[int, int, int]]
    modes: dict[str, int]
    classes: dict[str, int] = field(default_factory=dict)
    attributes: tuple[str, ...] = ()
    duplicates: dict[str, int] = field(default_factory=dict)
    bad: dict[str, str] = field(default_factory=dict)
    ignored: int = 0
    notes: tuple[str, ...] = ()
    seconds: float = 0.0
    store: str = ""
    bytes: int = 0

    def to_json(self) -> dict[str, Any]:
        """All of it, as a dictionary that JSON can hold."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, report: dict[str, Any]) -> "SourceReport":
        """The report that `to_json` wrote."""
        tuples = {name: tuple(report[name]) for name in ("shape", "attributes", "notes")}
        sizes = [(width, height, number) for width, height, number in report["sizes"]]
        return cls(**{**report, **tuples, "sizes": sizes})

    def headline(self) -> str:
        """One line: how many images, of which form, and what was left out."""
        channels, height, width = self.shape
        colour = {1: "grey", 3: "colour"}[channels]
        left_out = f"; {len(self.bad):,} bad files left out" if self.bad else ""
        return (
            f"{self.source}: {self.images:,} images, {width} x {height} {colour}, {self.levels} levels"
            f"{left_out}"
        )

    def __str__(self) -> str:
        lines = [self.headline(), ""]
        lines += _entry("split", [f"{_numbers(self.split)}   by {self.split_by}"])
        lines += _entry("found", _capped([f"{n:>7,}  {w} x {h}" for w, h, n in self.sizes], "sizes"))
        lines += _entry("modes", [_numbers(self.modes)])
        lines += _entry("classes", _wrapped([f"{name} {number:,}" for name, number in self.classes.items()]))
        lines += _entry("attributes", _wrapped(list(self.attributes)))
        lines += _entry("duplicates", [self._duplicates()])
        lines += _entry("bad files", _capped([f"{name}: {why}" for name, why in self.bad.items()], ""))
        lines += _entry("ignored", [f"{self.ignored:,} without an image's name"] if self.ignored else [])
        lines += _entry("notes", list(self.notes))
        lines += _entry("store", [self.store, f"{self.bytes / 1e6:,.1f} MB, built in {self.seconds:.1f} s"])
        return "\n".join(lines)

    def _duplicates(self) -> str:
        if not self.duplicates.get("groups"):
            return "none"
        crossing = self.duplicates["test_in_train"]
        where = f"; {crossing:,} test images also stand in train" if crossing else "; none on two sides"
        return (
            f"{self.duplicates['images']:,} images in {self.duplicates['groups']:,} groups of equals{where}"
        )


def _entry(label: str, lines: list[str]) -> list[str]:
    """Lines beside a label, or nothing where there are none."""
    return [f"{label if i == 0 else '':<{_LABEL_WIDTH}}{line}" for i, line in enumerate(lines)]


def _capped(lines: list[str], of_what: str) -> list[str]:
    hidden = len(lines) - _MOST_LINES
    if hidden <= 1:  # a line that says "1 more" takes the room of that one
        return lines
    return [*lines[:_MOST_LINES], f"… and {hidden:,} more {of_what}".rstrip()]


def _numbers(counts: dict[str, int]) -> str:
    return "   ".join(f"{name} {number:,}" for name, number in counts.items())


def _wrapped(words: list[str]) -> list[str]:
    """Words side by side on a few lines, and how many there are where not all find room."""
    lines = [""]
    for position, word in enumerate(words):
        if len(lines[-1]) + len(word) > _LINE_WIDTH:
            if len(lines) == _MOST_LINES // 2:
                return [*lines, f"… and {len(words) - position:,} more"]
            lines.append("")
        lines[-1] += ("   " if lines[-1] else "") + word
    return lines if words else []
