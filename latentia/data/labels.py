"""Classes and attributes of images: from folders and from tables."""

import csv
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

UNLABELLED = "unlabelled"
MOST_CLASSES, FEWEST_PER_CLASS = 1000, 20
"""Folders are taken for classes where they number at most, and hold on average at least, so many."""


@dataclass(frozen=True, slots=True)
class Labels:
    """What is known of each image.

    Attributes:
        classes: Name of each class.
        class_of: (images,) index of each image's class, int64; None where there are no classes.
        attributes: Name of each attribute.
        values: (images, attributes) float32, NaN where unknown; None where there are no attributes.
    """

    classes: tuple[str, ...] = ()
    class_of: np.ndarray | None = None
    attributes: tuple[str, ...] = ()
    values: np.ndarray | None = None

    def __bool__(self) -> bool:
        return self.class_of is not None or self.values is not None

    def at(self, rows: np.ndarray) -> "Labels":
        """The labels of some of the images, in the order given."""
        return Labels(
            self.classes,
            None if self.class_of is None else self.class_of[rows],
            self.attributes,
            None if self.values is None else self.values[rows],
        )


def of_names(name_of: Sequence[str]) -> Labels:
    """Classes from the name of each image's class: in the order of numbers where all are, else of letters."""
    named = set(name_of) - {UNLABELLED}
    numbers = all(name.isdecimal() for name in named)
    ordered = sorted(named, key=int if numbers else None)  # as words, "10" would precede "7"
    classes = (*ordered, *(set(name_of) - named))
    index = {name: i for i, name in enumerate(classes)}
    return Labels(classes, np.array([index[name] for name in name_of], dtype=np.int64))


def look_like_classes(name_of: Sequence[str | None]) -> bool:
    """Whether folders are classes: several, not too many, with images enough, and none outside."""
    named = set(name_of)
    enough = len(name_of) >= FEWEST_PER_CLASS * len(named)
    return None not in named and 2 <= len(named) <= MOST_CLASSES and enough


def read_table(path: Path, names: Sequence[str]) -> tuple[Labels, list[str]]:
    """Labels from a file: a CSV table, CelebA's attribute list or LFW's.

    The first column is the file name: the whole one, the last part of it, or that without its ending.
    One other column of words, or a single column of whole numbers, gives classes; columns of numbers
    give attributes.

    Args:
        path: The table.
        names: Names of the images, in the order in which labels are wanted.

    Returns:
        The labels, and what there is to say about them.

    Raises:
        ValueError: If the file cannot be read as a table, if a row fits several images, if no row
            fits one, or if several columns hold words.
    """
    columns, table = _rows(path)
    row_of, unmatched = _match(path, list(table), names)
    rows = [table[row_of[name]] if name in row_of else None for name in names]
    notes = []
    if unmatched:
        notes.append(f"{path.name}: {unmatched:,} of its {len(table):,} rows fit no image.")
    if missing := rows.count(None):
        notes.append(f"{path.name} says nothing of {missing:,} of {len(names):,} images.")
    words = [c for c in range(len(columns)) if not _is_number_column(table, c)]
    if len(words) > 1:
        raise ValueError(
            f"{path.name} has {len(words)} columns of words ({', '.join(columns[c] for c in words[:5])}), "
            "but only one can name the classes. Leave the others out, or write them as numbers."
        )
    lone = len(columns) == 1 and not words and _is_whole(table)
    class_column = words[0] if words else (0 if lone else None)
    classes = Labels()
    if class_column is not None:
        classes = of_names([UNLABELLED if row is None else row[class_column] or UNLABELLED for row in rows])
    numeric = [c for c in range(len(columns)) if c != class_column]
    values = None
    if numeric:
        blank = [""] * len(columns)
        filled = [[_number((row or blank)[column]) for column in numeric] for row in rows]
        values = np.array(filled, dtype=np.float32)
    attributes = tuple(columns[c] for c in numeric)
    return Labels(classes.classes, classes.class_of, attributes, values), notes


def _rows(path: Path) -> tuple[list[str], dict[str, list[str]]]:
    """Names of the columns beyond the first, and the cells of each file name."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"cannot read labels from {path}: {error}.") from error
    if path.suffix.lower() == ".csv":
        header, *body = [row for row in csv.reader(lines) if row] or [[]]
    elif (
        len(lines) > 1 and lines[0].strip().isdigit()
    ):  # CelebA: a count, the names, then "000001.jpg -1 1 ..."
        header, body = ["file", *lines[1].split()], [line.split() for line in lines[2:] if line.strip()]
    else:
        header, body = _lfw_rows(lines)
    if len(header) < 2 or not body:
        raise ValueError(f"{path.name} holds no labels, expected a header and rows, the file name first.")
    table = {}
    for number, cells in enumerate(body, start=2):
        if len(cells) != len(header):
            raise ValueError(
                f"{path.name}, row {number}: {len(cells)} cells, but the header has {len(header)}."
            )
        if cells[0] in table:
            raise ValueError(f"{path.name} has two rows for {cells[0]}. Leave one of them out.")
        table[cells[0]] = [cell.strip() for cell in cells[1:]]
    return header[1:], table


def _lfw_rows(lines: list[str]) -> tuple[list[str], list[list[str]]]:
    """LFW's attributes: tabs between person, number of the picture, and values; names after a `#`."""
    split = [line.split("\t") for line in lines if line.strip()]
    header = next((row[1:] for row in split if row[0] == "#" and len(row) > 3), [])
    body = [row for row in split if not row[0].startswith("#")]
    if header[:2] != ["person", "imagenum"] or any(len(row) < 3 for row in body):
        return [], []
    names = [f"{row[0].replace(' ', '_')}_{int(row[1]):04d}" for row in body]
    return ["file", *header[2:]], [[name, *row[2:]] for name, row in zip(names, body, strict=True)]


def _match(path: Path, keys: list[str], names: Sequence[str]) -> tuple[dict[str, str], int]:
    """The row of each image that has one, and the number of rows that fit no image."""
    index: dict[str, set[str]] = defaultdict(set)
    for name in names:
        place = PurePosixPath(name)
        for key in (place.stem, *("/".join(place.parts[start:]) for start in range(len(place.parts)))):
            index[key].add(name)
    row_of: dict[str, str] = {}
    unmatched = 0
    for key in keys:
        found = index.get(key.replace("\\", "/").removeprefix("./"), set())
        exact = {key} & found
        found = exact or found
        if len(found) > 1:
            first, second = sorted(found)[:2]
            raise ValueError(
                f"{path.name}: the row {key} fits {len(found)} images, {first} and {second} among them. "
                "Write the path from the source's folder instead of the bare name."
            )
        unmatched += not found
        row_of.update(dict.fromkeys(found, key))
    if not row_of:
        raise ValueError(
            f"none of the {len(keys):,} names in {path.name} is one of the {len(names):,} images: it has "
            f"{keys[0]}, the images are named like {names[0]}."
        )
    return row_of, unmatched


def _number(cell: str) -> float:
    return float(cell) if cell else float("nan")


def _is_number_column(table: dict[str, list[str]], column: int) -> bool:
    try:
        for cells in table.values():
            _number(cells[column])
    except ValueError:
        return False
    return True


def _is_whole(table: dict[str, list[str]]) -> bool:
    """Whether the only column holds whole numbers."""
    return all(not cells[0] or cells[0].lstrip("+-").isdigit() for cells in table.values())


def count(labels: Labels) -> dict[str, int]:
    """Number of images of each class, largest first."""
    if labels.class_of is None:
        return {}
    counted = Counter(labels.class_of.tolist())
    return {labels.classes[c]: n for c, n in sorted(counted.items(), key=lambda pair: (-pair[1], pair[0]))}
