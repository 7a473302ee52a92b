"""Synthetic images as a folder of classes, with a manifest that says where each comes from."""

import csv
import os
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from latentia.data.pictures import save
from latentia.tasks.synthesis import Synthesised

MANIFEST = "manifest.csv"


def require_empty(out: Path) -> None:
    """Refuses a folder with something in it, or a file.

    Raises:
        ValueError: If it is one.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ValueError(
            f"{out} exists and is not empty. Synthetic images are not mixed with others: name a new folder."
        )


def write_labelled(
    made: Synthesised,
    classes: Sequence[str],
    train_names: Sequence[str],
    out: Path,
    *,
    told: Mapping[str, str],
) -> Path:
    """Write a folder with a PNG an image, a folder a class, and `manifest.csv`; whole, or not at all.

    The manifest has a row an image: file, class, what `told` says, seed, draw, agreement, nearest training
    image and distance. Letters that a folder's name cannot have are `_` in it.

    Args:
        made: What `augment` gave.
        classes: Name of each class.
        train_names: Name of each training image.
        out: The folder, which is made; it may exist if it is empty.
        told: What else to write into every row: run, recipe, weights.

    Returns:
        The folder.

    Raises:
        ValueError: If there is something in it.
    """
    require_empty(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    try:
        files = [""] * len(made)
        for index, folder in enumerate(folder_names(classes)):
            rows = (made.classes == index).nonzero().squeeze(1).tolist()
            if rows:
                (aside / folder).mkdir()  # else a class called v1.0 would be taken for a picture's name
                written = sorted(save(made.images[rows], aside / folder).iterdir())
                for row, file in zip(rows, written, strict=True):
                    files[row] = f"{folder}/{file.name}"
        _write_manifest(made, classes, train_names, files, told, aside / MANIFEST)
        aside.chmod(0o755)  # a temporary folder is its owner's alone
        if out.is_dir():
            out.rmdir()
        os.replace(aside, out)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return out


def folder_names(classes: Sequence[str]) -> list[str]:
    """Classes as names of folders that every system has, each different from the others.

    >>> folder_names(["T-shirt/top", "T-shirt:top", ".hidden"])
    ['T-shirt_top', 'T-shirt_top-1', '_hidden']
    """
    names: list[str] = []
    for name in classes:
        plain = re.sub(r"^\.|[^\w\-. ()]", "_", name.strip()).rstrip(". ") or "_"
        taken, name, count = {other.casefold() for other in names}, plain, 0
        while name.casefold() in taken:  # some systems take upper and lower case for the same
            count += 1
            name = f"{plain}-{count}"
        names.append(name)
    return names


def _write_manifest(
    made: Synthesised,
    classes: Sequence[str],
    train_names: Sequence[str],
    files: Sequence[str],
    told: Mapping[str, str],
    path: Path,
) -> None:
    columns = ("file", "class", *told, "seed", "draw", "agreement", "nearest", "distance")
    tensors = (made.classes, made.draws, made.agreement, made.nearest, made.distance)
    numbers = zip(*(column.tolist() for column in tensors), strict=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        for name, (index, draw, agreement, nearest, distance) in zip(files, numbers, strict=True):
            near = (train_names[nearest], f"{distance:.4f}") if nearest >= 0 else ("", "")
            writer.writerow(
                (name, classes[index], *told.values(), made.seed, draw, f"{agreement:.4f}", *near)
            )
