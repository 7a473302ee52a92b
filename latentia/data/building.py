"""Builds a store: decodes every image once, labels and splits them, and writes what was found."""

import dataclasses
import hashlib
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from latentia.data import folders, labels, levels, splitting
from latentia.data.contents import SPLITS, Contents, Source
from latentia.data.decoding import Frame, render, strictly
from latentia.data.facts import Facts, Preparation
from latentia.data.labels import Labels
from latentia.data.parallel import Refused, in_order
from latentia.data.report import SourceReport
from latentia.data.survey import Survey, choose_frame, refuse_too_few, survey

_ROWS = 1024
"""Images that are held in memory at a time."""

_WAYS = {
    "threshold": "a threshold at half",
    "static": "one random draw an image",
    "dynamic": "a random draw each time that a training image is seen, one draw of other images",
}


@dataclasses.dataclass(slots=True)
class _Decoded:
    """Decoded images on disk, not yet in their final form."""

    file: Path
    rows: list[int]
    frame: Frame
    levels: int  # 256: still to be judged by the values seen
    seen: np.ndarray
    grey: bool

    def chunks(self) -> Iterator[np.ndarray]:
        shape = (len(self.rows), self.frame.channels, self.frame.height, self.frame.width)
        pixels = np.memmap(self.file, np.uint8, "r", shape=shape)
        return (np.asarray(pixels[start : start + _ROWS]) for start in range(0, len(pixels), _ROWS))


def build(source: Source, preparation: Preparation, folder: Path, *, progress: bool) -> None:
    """Write the store of a source into an empty folder.

    Args:
        source: What to read.
        preparation: How to make images of it.
        folder: Where `pixels.npy` and the rest are written.
        progress: Whether bars are shown.

    Raises:
        ValueError: If there is too little to learn from, or if what was asked for is not there.
    """
    started = time.perf_counter()
    contents = source.load()
    found, decoded, notes = _look_and_decode(contents, preparation, folder, source.location, progress)
    stored_levels, channels, hashes, said = _write_pixels(decoded, preparation, folder / "pixels.npy")
    num_levels = stored_levels if preparation.binarise == "no" else 2
    decoded.file.unlink()
    notes += said
    rows = np.array(decoded.rows)
    names = [contents.names[row] for row in decoded.rows]
    known, said = _choose_labels(contents, preparation, names, rows)
    notes += said
    split, split_by, said = _choose_split(contents, preparation, names, rows, hashes)
    notes += said
    _write_arrays(folder, known, split, stored_levels)
    shape = (channels, decoded.frame.height, decoded.frame.width)
    facts = _facts(source.name, shape, num_levels, known, split, hashes)
    report = SourceReport(
        source=source.location,
        images=len(names),
        shape=shape,
        levels=num_levels,
        fit=preparation.fit,
        split_by=split_by,
        split={"train": facts.num_train, "validation": facts.num_validation, "test": facts.num_test},
        sizes=[(width, height, number) for (width, height), number in found.sizes.most_common()],
        modes=dict(found.modes.most_common()),
        classes=labels.count(known),
        attributes=known.attributes,
        duplicates=splitting.duplicates(hashes, split),
        bad=dict(sorted(found.bad.items())),
        ignored=contents.ignored,
        notes=(*contents.notes, *notes),
        seconds=time.perf_counter() - started,
    )
    (folder / "names.json").write_text(json.dumps(names))
    saved = {"facts": facts.to_json(), "report": report.to_json(), "stored_levels": stored_levels}
    (folder / "store.json").write_text(json.dumps(saved))


def _look_and_decode(
    contents: Contents, preparation: Preparation, folder: Path, location: str, progress: bool
) -> tuple[Survey, _Decoded, list[str]]:
    """What the headers say, the decoded images, and why they have their form."""
    with strictly():
        found = survey(contents, progress=progress)
        refuse_too_few(len(found.rows), found.bad, contents, location)
        frame, notes = choose_frame(found, contents, preparation)
        decoded = _decode(contents, found, frame, folder / "decoded.raw", progress=progress)
    refuse_too_few(len(decoded.rows), found.bad, contents, location)
    return found, decoded, notes


def _decode(contents: Contents, found: Survey, frame: Frame, file: Path, *, progress: bool) -> _Decoded:
    """Decode all that looks good, one image behind the other into a file; `found.bad` learns of the rest."""
    as_they_are = (
        contents.levels is not None
        and contents.shape == (frame.height, frame.width)
        and (found.grey or frame.channels == 3)
    )

    def decode(index: int) -> np.ndarray:
        item = contents.read(index)
        if not isinstance(item, np.ndarray):
            return render(item, frame)
        if not as_they_are:
            return render(levels.spread(item, contents.levels or levels.BITS_8), frame)
        channels_last = item if item.ndim == 3 else np.repeat(item[:, :, None], frame.channels, axis=2)
        return channels_last.transpose(2, 0, 1)

    rows: list[int] = []
    seen, grey = np.zeros(256, dtype=np.int64), True
    with file.open("wb") as out:
        for index, pixels in in_order(decode, found.rows, doing="decoding", progress=progress):
            if isinstance(pixels, Refused):
                found.bad[contents.names[index]] = pixels.reason
                continue
            rows.append(index)
            out.write(pixels.tobytes())
            seen += np.bincount(pixels.ravel(), minlength=256)
            grey = grey and bool((pixels == pixels[:1]).all())
    known = contents.levels if as_they_are and contents.levels is not None else levels.BITS_8
    return _Decoded(file, rows, frame, known, seen, grey)


def _write_pixels(
    decoded: _Decoded, preparation: Preparation, file: Path
) -> tuple[int, int, list[bytes], list[str]]:
    """Write the levels of all images.

    Returns:
        Number of levels that are stored, number of channels, SHA-256 of each image, and what there is to say.
    """
    step = levels.find_step(decoded.seen) if decoded.levels == levels.BITS_8 else 1
    number = 255 // step + 1 if decoded.levels == levels.BITS_8 else decoded.levels
    frame, notes = decoded.frame, []
    channels = frame.channels
    if decoded.grey and channels == 3 and preparation.channels == "auto":
        channels = 1
        notes.append("Stored as grey: red, green and blue are equal in every pixel.")
    if number < levels.BITS_8:
        notes.append(f"Pixels take {number} levels only, so {number} is what likelihoods count.")
    fixed = preparation.binarise in ("threshold", "static")
    draws = preparation.binarise == "static"
    hashes: list[bytes] = []
    with file.open("wb") as out:
        shape = (len(decoded.rows), channels, frame.height, frame.width)
        np.lib.format.write_array_header_1_0(out, {"descr": "|u1", "fortran_order": False, "shape": shape})
        for chunk in decoded.chunks():
            images = chunk[:, :channels] // np.uint8(step)
            if fixed:
                seeds = [digest(image) for image in images] if draws else [None] * len(images)
                images = np.stack([levels.binarise(i, number, s) for i, s in zip(images, seeds, strict=True)])
            hashes += [digest(image) for image in images]
            out.write(images.tobytes())
    if preparation.binarise != "no":
        notes.append(f"Made black and white by {_WAYS[preparation.binarise]}.")
    return 2 if fixed else number, channels, hashes, notes


def digest(image: np.ndarray) -> bytes:
    """SHA-256 of an image."""
    return hashlib.sha256(image.tobytes()).digest()


def _choose_labels(
    contents: Contents, preparation: Preparation, names: list[str], rows: np.ndarray
) -> tuple[Labels, list[str]]:
    """The labels of the images that are kept, and what there is to say."""
    named = folders.class_names(folders.places_within_split(names))
    wanted = preparation.labels
    if wanted == "none":
        return Labels(), []
    if wanted == "auto" and contents.labels:
        return contents.labels.at(rows), []
    if wanted in ("auto", "folders"):
        number = len(set(named) - {None})
        if wanted == "auto" and not labels.look_like_classes(named):
            why = f"{number:,} folders were not taken for classes (--labels folders would)."
            return Labels(), [why] if number > 1 else []
        if number < 2:
            raise ValueError("--labels folders needs images in two folders or more, and here are not.")
        outside = named.count(None)
        notes = [f"{outside:,} images lie in no class folder: {labels.UNLABELLED}."] if outside else []
        return labels.of_names([name or labels.UNLABELLED for name in named]), notes
    table = Path(wanted).expanduser()
    if not table.is_file():
        raise ValueError(f"there is no file {wanted}. --labels is auto, folders, none, or a CSV file.")
    return labels.read_table(table, names)


def _choose_split(
    contents: Contents, preparation: Preparation, names: list[str], rows: np.ndarray, hashes: list[bytes]
) -> tuple[np.ndarray, str, list[str]]:
    """The split of the images that are kept, what decided on it, and what there is to say."""
    if contents.published is not None:
        published: list[str] | None = [contents.published[row] for row in rows]
    else:
        published = folders.published_split(folders.places(names))
    by = preparation.split
    if by == "auto":
        by = "hash" if published is None else "published"
    if by == "published":
        if published is None:
            raise ValueError("this source has no published split. Use --split hash or --split folder.")
        split, notes = splitting.published(published, hashes)
        return split, by, notes
    if by == "hash":
        return splitting.by_group(hashes), by, []
    groups = ["/".join(place) for place in folders.places_within_split(names)]
    return splitting.by_group(groups), by, [f"{len(set(groups)):,} folders, each on one side of the split."]


def _write_arrays(folder: Path, known: Labels, split: np.ndarray, num_levels: int) -> None:
    """Write the split, the labels, and the mean and deviation of each pixel."""
    pixels = np.load(folder / "pixels.npy", mmap_mode="r", allow_pickle=False)
    mean, std = _statistics(pixels, split, num_levels)
    arrays: dict[str, Any] = {"split": split, "mean": mean, "std": std}
    if known.class_of is not None:
        arrays["class_of"] = known.class_of
    if known.values is not None:
        arrays["values"] = known.values
    np.savez(folder / "arrays.npz", **arrays)


def _statistics(pixels: np.ndarray, split: np.ndarray, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each pixel over the training split, on the scale [-1, 1]."""
    rows = np.flatnonzero(split == splitting.TRAIN)
    total = np.zeros(pixels.shape[1:], dtype=np.int64)
    squares = np.zeros_like(total)
    for start in range(0, len(rows), _ROWS):
        chunk = pixels[rows[start : start + _ROWS]]
        total += chunk.sum(axis=0, dtype=np.int64)
        squares += np.square(chunk, dtype=np.uint16).sum(axis=0, dtype=np.int64)
    mean = total / len(rows)
    variance = np.maximum(squares / len(rows) - mean**2, 0)
    scale = 2 / (number - 1)
    return (mean * scale - 1).astype(np.float32), (np.sqrt(variance) * scale).astype(np.float32)


def _facts(
    name: str,
    shape: tuple[int, int, int],
    num_levels: int,
    known: Labels,
    split: np.ndarray,
    hashes: list[bytes],
) -> Facts:
    """What recipes may know; the fingerprint is over all that training can see."""
    everything = hashlib.sha256(json.dumps([shape, num_levels, known.classes, known.attributes]).encode())
    for content in hashes:
        everything.update(content)
    for array in (known.class_of, known.values, split):
        everything.update(b"" if array is None else array.tobytes())
    counts = [int((split == part).sum()) for part in range(len(SPLITS))]
    return Facts(
        name,
        everything.hexdigest(),
        *shape,
        num_levels,
        num_train=counts[0],
        num_validation=counts[1],
        num_test=counts[2],
        classes=known.classes,
        attributes=known.attributes,
    )
