"""CIFAR-10 as its authors publish it for programs in C: plain bytes, in an archive or unpacked."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path, PurePosixPath

import numpy as np

from latentia.data.contents import Contents
from latentia.data.labels import Labels

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
TRAIN_FILES = tuple(f"data_batch_{number}.bin" for number in range(1, 6))
TEST_FILE = "test_batch.bin"
_SIDE = 32
_RECORD = 1 + 3 * _SIDE * _SIDE


def is_binary(names: Iterable[str]) -> bool:
    """Whether these files are CIFAR-10's binary version."""
    return {TRAIN_FILES[0], TEST_FILE} <= {PurePosixPath(name).name for name in names}


def refuse_pickles(names: Iterable[str], place: str) -> None:
    """Stop where CIFAR-10's version for Python lies.

    Raises:
        ValueError: If so: names the version that can be read.
    """
    if {"data_batch_1", "test_batch"} & {PurePosixPath(name).name for name in names}:
        raise ValueError(
            f"{place} is CIFAR-10 in Python's pickle form, which can run any program when it is read, and is "
            "never read here. Take the binary version, cifar-10-binary.tar.gz, from the same page "
            "(https://www.cs.toronto.edu/~kriz/cifar.html), or `cifar10` as the source."
        )


def load(files: Mapping[str, Callable[[], bytes]]) -> Contents:
    """The 60,000 images of the binary version.

    A record is one byte for the class, then 1,024 bytes each of red, green and blue, row by row.

    Args:
        files: From the name of each file to what reads it.

    Raises:
        ValueError: If a file is missing or damaged.
    """
    read = {PurePosixPath(name).name: read for name, read in files.items()}
    names, records, published = [], [], []
    for file in (*TRAIN_FILES, TEST_FILE):
        if file not in read:
            raise ValueError(f"CIFAR-10 lacks {file}. Fetch it again.")
        data = np.frombuffer(read[file](), np.uint8)
        if len(data) == 0 or len(data) % _RECORD:
            raise ValueError(
                f"{file} has {len(data):,} bytes, expected a multiple of {_RECORD}. Fetch it again."
            )
        records.append(data.reshape(-1, _RECORD))
        split = "test" if file == TEST_FILE else "train"
        names += [f"{split}/{file.removesuffix('.bin')}/{index:05d}" for index in range(len(records[-1]))]
        published += [split] * len(records[-1])
    table = np.concatenate(records)
    class_of = table[:, 0].astype(np.int64)
    if class_of.max() >= len(CLASSES):
        raise ValueError(f"a label of CIFAR-10 is {class_of.max()}, expected 0 to 9. Fetch it again.")
    images = table[:, 1:].reshape(-1, 3, _SIDE, _SIDE).transpose(0, 2, 3, 1)
    return Contents(
        names,
        lambda index: images[index],
        labels=Labels(CLASSES, class_of),
        published=published,
        shape=(_SIDE, _SIDE),
        levels=256,
    )


def files_in(folder: Path) -> dict[str, Callable[[], bytes]]:
    """The files of the binary version in a folder."""
    return {
        name: (folder / name).read_bytes for name in (*TRAIN_FILES, TEST_FILE) if (folder / name).is_file()
    }
