"""What every source is turned into before images are made of it."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from latentia.data.labels import Labels

Item = bytes | Image.Image | np.ndarray
"""An image not yet prepared: the bytes of a file, a picture, or an array of levels (height, width[, 3])."""

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True, slots=True)
class Contents:
    """The items of a source, and all that it says of them.

    Attributes:
        names: Name of each item, with `/` between folders.
        read: From an item's index to the item; may raise `OSError` or `ValueError`, whose words
            become the reason why the item is left out. Called from several threads.
        labels: Labels that come with the source, one an item.
        published: Split of each item, where the source has one.
        shape: (height, width) of all items, where they are arrays of levels.
        levels: Number of those levels; None where items are pictures of 8 bits or more.
        bad: Names that were left out already, with the reason.
        ignored: Number of files that do not claim to be images.
        notes: What was guessed or chosen, in sentences.
    """

    names: Sequence[str]
    read: Callable[[int], Item]
    labels: Labels = field(default_factory=Labels)
    published: Sequence[str] | None = None
    shape: tuple[int, int] | None = None
    levels: int | None = None
    bad: Mapping[str, str] = field(default_factory=dict)
    ignored: int = 0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Source:
    """A source that was found, but not yet read.

    Attributes:
        name: Short name, for tables and pictures.
        location: Path or name under which it is found again.
        identity: SHA-256 that changes when the source does: over names, sizes and times of files, or
            over the bytes of arrays.
        load: Lists the contents.
    """

    name: str
    location: str
    identity: str
    load: Callable[[], Contents]


def stamp(files: Iterable[tuple[str, Path]]) -> str:
    """SHA-256 over the names, sizes and times of change of files, without reading them."""
    digest = hashlib.sha256()
    for name, path in files:
        try:
            status = path.stat()
        except OSError:  # a broken link: its reason is told where the items are read
            digest.update(f"{name}\0unreadable\0".encode(errors="surrogateescape"))
            continue
        line = f"{name}\0{status.st_size}\0{status.st_mtime_ns}\0"
        digest.update(line.encode(errors="surrogateescape"))
    return digest.hexdigest()
