"""IDX files, the form in which MNIST and its relatives are published."""

import gzip
import re
import zlib
from io import BufferedIOBase
from pathlib import Path

import numpy as np

from latentia.data.contents import Contents
from latentia.data.labels import Labels

_UNSIGNED_BYTES = 0x08
_NAME = re.compile(r"(?P<part>.*?)images[-.]idx[34](?P<rest>.*)")


def is_idx(path: Path) -> bool:
    """Whether a file begins as an IDX file of images does."""
    try:
        with _open(path) as file:
            start = file.read(4)
    except (OSError, EOFError, zlib.error):
        return False
    return len(start) == 4 and start[:3] == bytes([0, 0, _UNSIGNED_BYTES]) and start[3] in (3, 4)


def find(folder: Path) -> list[Path]:
    """IDX files of images in a folder by their usual names, train before test, unpacked before packed."""
    found = {}
    for part in ("train", "t10k"):
        for ending in (".gz", ""):
            path = folder / f"{part}-images-idx3-ubyte{ending}"
            if path.is_file():
                found[part] = path
    return list(found.values())


def companions(images: Path) -> dict[str, list[Path]]:
    """The files that belong to a file of images: its labels, and the other part beside train or t10k.

    Returns:
        From `train`, `test` (or `all`, where the name says neither) to the images and, where there
        are some, the labels.
    """
    part = next((p for p in ("train", "t10k") if images.name.startswith(p)), None)
    if part is None:
        return {"all": _with_labels(images)}
    parts = {"train": images.with_name(images.name.replace(part, "train", 1))}
    parts["test"] = images.with_name(images.name.replace(part, "t10k", 1))
    return {name: _with_labels(path) for name, path in parts.items() if path.is_file()}


def load(parts: dict[str, list[Path]], classes: tuple[str, ...] = ()) -> Contents:
    """The images of one or two pairs of IDX files, as `companions` found them.

    Args:
        parts: From split to the images and labels.
        classes: Names of classes 0, 1 and so on; without them, the numbers.

    Raises:
        ValueError: If a file is no IDX file, is damaged, or does not fit the others.
    """
    names, images, labels, published = [], [], [], []
    for split, files in parts.items():
        pixels = read(files[0])
        if pixels.ndim != 3 and not (pixels.ndim == 4 and pixels.shape[3] in (1, 3)):
            raise ValueError(f"{files[0].name} holds {pixels.shape}, expected (images, height, width).")
        names += [f"{split}/{index:05d}" for index in range(len(pixels))]
        images.append(pixels[..., 0] if pixels.ndim == 4 and pixels.shape[3] == 1 else pixels)
        published += [split] * len(pixels)
        if len(files) == 2:
            labels.append(_labels_of(files[1], len(pixels)))
    if len({array.shape[1:] for array in images}) > 1:
        raise ValueError("the train and test images differ in size, expected one size.")
    stacked = np.concatenate(images)
    known = np.concatenate(labels).astype(np.int64) if len(labels) == len(parts) else None
    return Contents(
        names,
        lambda index: stacked[index],
        labels=Labels() if known is None else _name_classes(known, classes),
        published=published if len(parts) == 2 else None,
        shape=(stacked.shape[1], stacked.shape[2]),
        levels=256,
    )


def read(path: Path) -> np.ndarray:
    """The array in an IDX file of unsigned bytes, gzipped or not.

    The header is two zero bytes, the type of the numbers (8 for unsigned bytes), the number of
    dimensions, and the length of each as a big-endian number of 32 bits.

    Raises:
        ValueError: If the header is none, or the file is shorter or longer than it says.
    """
    try:
        with _open(path) as file:
            data = file.read()
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"cannot read {path.name}: {error}. Fetch it again.") from error
    if len(data) < 4 or data[:2] != b"\0\0" or not 1 <= data[3] <= 4:
        raise ValueError(f"{path.name} is no IDX file: it begins with {data[:4].hex(' ') or 'nothing'}.")
    if data[2] != _UNSIGNED_BYTES:
        raise ValueError(f"{path.name} holds numbers of type {data[2]:#04x}, expected 0x08 (unsigned bytes).")
    start = 4 + 4 * data[3]
    shape = tuple(int.from_bytes(data[at : at + 4], "big") for at in range(4, start, 4))
    expected = start + int(np.prod(shape, dtype=object))
    if len(data) != expected:
        raise ValueError(
            f"{path.name} says that it holds {' x '.join(map(str, shape))} bytes, {expected:,} with its "
            f"header, but has {len(data):,}. Fetch it again."
        )
    return np.frombuffer(data, np.uint8, offset=start).reshape(shape)


def _open(path: Path) -> BufferedIOBase:
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    return gzip.open(path) if packed else path.open("rb")


def _with_labels(images: Path) -> list[Path]:
    match = _NAME.fullmatch(images.name)
    if match is None:
        return [images]
    bare = images.name.replace("images", "labels").replace("idx3", "idx1").replace("idx4", "idx1")
    candidates = (images.with_name(name) for name in (bare, f"{bare}.gz", bare.removesuffix(".gz")))
    labels = next((path for path in candidates if path.is_file()), None)
    return [images] if labels is None else [images, labels]


def _labels_of(path: Path, num_images: int) -> np.ndarray:
    labels = read(path)
    if labels.shape != (num_images,):
        raise ValueError(f"{path.name} holds {labels.shape} labels for {num_images:,} images.")
    return labels


def _name_classes(known: np.ndarray, classes: tuple[str, ...]) -> Labels:
    highest = int(known.max(initial=0))
    return Labels(classes if len(classes) > highest else tuple(map(str, range(highest + 1))), known)
