"""A folder of images, nested or not, and what the places of files say of them."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

from latentia.data.contents import Contents

IMAGE_SUFFIXES = frozenset(
    (
        *(".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".jp2", ".gif", ".bmp", ".dib"),
        *(".webp", ".avif", ".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm", ".tga"),
    )
)
_SPLIT_FOLDERS = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
    "testing": "test",
}
LARGEST_FILE = 512 * 2**20
"""Bytes beyond which a file is not read as one image."""


def is_image_name(name: str) -> bool:
    """Whether a name ends as a picture's does."""
    return PurePosixPath(name).suffix.lower() in IMAGE_SUFFIXES


def is_hidden(name: str) -> bool:
    """Whether a file is an operating system's own: hidden, or a Macintosh's shadow."""
    return any(part.startswith(".") or part == "__MACOSX" for part in PurePosixPath(name).parts)


def walk(folder: Path) -> tuple[list[str], dict[str, str]]:
    """All files below a folder, in alphabetical order, without hidden ones.

    Links to files are followed, links to folders are not: they may lead in a circle.

    Returns:
        Names relative to the folder, and the folders that could not be read, with the reason.

    Raises:
        ValueError: If the folder itself cannot be read.
    """
    bad: dict[str, str] = {}
    names: list[str] = []

    def refused(error: OSError) -> None:
        place = Path(error.filename)
        if place == folder:
            raise ValueError(f"cannot read the folder {folder}: {error.strerror}. Check its permissions.")
        bad[place.relative_to(folder).as_posix()] = f"folder cannot be read: {error.strerror}"

    for parent, folders, files in os.walk(folder, onerror=refused):
        folders[:] = [name for name in folders if not is_hidden(name)]
        place = Path(parent).relative_to(folder)
        names.extend((place / name).as_posix() for name in files if not is_hidden(name))
    return sorted(names), bad


def list_folder(folder: Path, names: Sequence[str], bad: dict[str, str]) -> Contents:
    """The images among the files of a folder.

    Args:
        folder: The folder.
        names: Its files, as `walk` found them.
        bad: Its folders that could not be read, with the reason.
    """
    images = [name for name in names if is_image_name(name)]

    def read(index: int) -> bytes:
        path = folder / images[index]
        size = path.stat().st_size
        if size > LARGEST_FILE:
            raise ValueError(f"{size:,} bytes, too large for one image")
        return path.read_bytes()

    return Contents(images, read, bad=bad, ignored=len(names) - len(images))


def places(names: Iterable[str]) -> list[tuple[str, ...]]:
    """The folders that each file lies in, without those that all share.

    >>> places(["photos/cats/1.png", "photos/dogs/young/2.png"])
    [('cats',), ('dogs', 'young')]
    """
    parents = [PurePosixPath(name).parts[:-1] for name in names]
    shared = 0
    for level in zip(*parents, strict=False):  # ends with the shallowest file
        if len(set(level)) > 1:
            break
        shared += 1
    return [parts[shared:] for parts in parents]


def published_split(folders: Sequence[tuple[str, ...]]) -> list[str] | None:
    """The split that top folders named train, validation and test make, if they do.

    >>> published_split([("train", "cats"), ("val", "cats")])
    ['train', 'validation']
    """
    splits = [_SPLIT_FOLDERS.get(parts[0].lower()) if parts else None for parts in folders]
    found = [split for split in splits if split is not None]
    if len(found) < len(splits) or "train" not in found or len(set(found)) < 2:
        return None
    return found


def places_within_split(names: Iterable[str]) -> list[tuple[str, ...]]:
    """The folders of each file as `places` has them, beneath those named train, validation and test."""
    found = places(names)
    return found if published_split(found) is None else [parts[1:] for parts in found]


def class_names(folders: Sequence[tuple[str, ...]]) -> list[str | None]:
    """The outermost folder of each file below the shared ones; None where it lies in none."""
    return [parts[0] if parts else None for parts in folders]
