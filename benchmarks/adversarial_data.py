"""Data sets that are made from published ones: stacked digits, and small subsets of a folder's images."""

import os
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from latentia._types import Images
from latentia.data import NAMES, Split, prepare
from latentia.data.pictures import save, to_pixels
from latentia.report.yardstick import choose

STACKED = "stacked-mnist"
STACKS = 128_000  # as many as PacGAN trains on (Lin et al. 2018, arXiv:1712.04086); 301 MB
HELD_OUT = 4000  # images beside a subset at most
CHUNK = 1000  # stacks in memory at a time
FOLDERS = {"sprites": "crawl-sprites"}  # data without a published name, by its folder under the root


def source_of(data: str, root: Path, out: Path) -> str:
    """Path or name of a row's data, which is made under OUT/data where it has to be and is not there yet.

    Args:
        data: A published name; `stacked-mnist`; or NAME-NUMBER, a subset of so many images.
        root: Folder of the published data sets.
        out: Folder of the benchmark.
    """
    if data in NAMES:
        return data
    if data == STACKED:
        return str(_stacked(out / "data" / f"{STACKED}.npy"))
    name, _, number = data.rpartition("-")
    source = str(root / FOLDERS[name]) if name in FOLDERS else name
    return str(_subset(source, int(number), out / "data" / data))


def stack(split: Split, count: int) -> tuple[Tensor, Tensor]:
    """Positions of the digits of so many stacks, drawn with replacement by seed 0, and their classes.

    Returns:
        Both of shape (count, 3): the digit in the red, the green and the blue channel.
    """
    generator = torch.Generator().manual_seed(0)
    rows = torch.randint(len(split), (count, 3), generator=generator)
    classes = split.classes(rows.flatten())
    assert classes is not None
    return rows, classes.reshape(count, 3)


def stacked_images(split: Split, rows: Tensor) -> Images:
    """Three digits each as the channels of an image."""
    images = split.images(rows.flatten())
    return images.reshape(len(rows), 3, *images.shape[2:])


def _stacked(file: Path) -> Path:
    """Stacks of digits of MNIST's training split, as an array of bytes."""
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        split = prepare("mnist", progress=False).split("train")
        rows, _ = stack(split, STACKS)
        aside = file.with_suffix(".part.npy")
        np.save(aside, torch.cat([to_pixels(stacked_images(split, r)) for r in rows.split(CHUNK)]).numpy())
        os.replace(aside, file)
    return file


def _subset(source: str, number: int, folder: Path) -> Path:
    """A folder with so many images to learn from, and up to 4,000 of the others that are never learned from.

    The folder says so itself: what lies in `test` is the test split. Of `train`, a tenth becomes the
    validation split, since who has 100 images has no others to choose by. The choice is that of seed 0.
    """
    if not folder.exists():
        store = prepare(source, progress=False)
        parts = [store.split(name) for name in ("train", "validation", "test")]
        images, _ = choose(parts, min(number + HELD_OUT, sum(map(len, parts))), seed=0)
        aside = folder.with_name(f"{folder.name}.part")
        save(images[:number], aside / "train")
        save(images[number:], aside / "test")
        os.replace(aside, folder)
    return folder
