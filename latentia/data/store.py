"""The checked store of a source's images: opened at once, read as tensors."""

import dataclasses
import errno
import hashlib
import json
import os
import shutil
import tempfile
import warnings
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from latentia._types import Given, Images
from latentia.data import levels
from latentia.data.building import build, digest
from latentia.data.contents import SPLITS, Source
from latentia.data.facts import USUAL, Facts, Preparation
from latentia.data.report import SourceReport
from latentia.data.sources import resolve

_FORMAT = 2
"""Raised when what is stored changes, so that older stores are built again."""


@runtime_checkable
class Supply(Protocol):
    """What training draws batches from: a `Split` of images, or anything else that hands out the like."""

    def __len__(self) -> int: ...

    @property
    def image_shape(self) -> tuple[int, ...]: ...

    @property
    def fresh(self) -> bool: ...

    def images(self, indices: Int64[Tensor, "batch"] | slice, *, uniform: Images | None = None) -> Images: ...

    def given(self, indices: Int64[Tensor, "batch"] | slice) -> Given | None: ...


@dataclass(frozen=True, slots=True)
class Split:
    """The training, validation or test part of a store.

    Attributes:
        names: Name of each image.
    """

    names: list[str]
    _pixels: np.ndarray
    _rows: np.ndarray
    _levels: int  # as stored
    _drawn: bool  # whether images are black and white draws, whose probabilities are what is stored
    _class_of: np.ndarray | None
    _values: np.ndarray | None

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def image_shape(self) -> tuple[int, ...]:
        """(channels, height, width) of an image."""
        return self._pixels.shape[1:]

    @property
    def fresh(self) -> bool:
        """Whether images are drawn anew each time that they are trained on (`--binarise dynamic`)."""
        return self._drawn

    def only(self, indices: Int64[Tensor, "images"]) -> "Split":
        """Some of the images, as a part of their own, in the order given."""
        rows = indices.cpu().numpy()
        return dataclasses.replace(
            self,
            names=[self.names[row] for row in rows],
            _rows=self._rows[rows],
            _class_of=None if self._class_of is None else self._class_of[rows],
            _values=None if self._values is None else self._values[rows],
        )

    def beside(self, other: "Split") -> "Split":
        """These images and, behind them, those of another part of the same store."""
        return dataclasses.replace(
            self,
            names=self.names + other.names,
            _rows=np.concatenate([self._rows, other._rows]),
            _class_of=_joined(self._class_of, other._class_of),
            _values=_joined(self._values, other._values),
        )

    def balanced(self) -> "Split":
        """These images, with those of each class repeated until it is as large as the largest.

        Raises:
            ValueError: If there are no classes.
        """
        if self._class_of is None:
            raise ValueError("these images have no classes to balance. Label them, or leave --balance out.")
        classes = torch.from_numpy(self._class_of)
        largest = int(classes.bincount().max())
        members = [(classes == index).nonzero().squeeze(1) for index in classes.unique()]
        return self.only(torch.cat([rows.repeat(-(-largest // len(rows)))[:largest] for rows in members]))

    def images(self, indices: Int64[Tensor, "batch"] | slice, *, uniform: Images | None = None) -> Images:
        """Some of the images.

        x = 2 level / (levels - 1) - 1, so that the lowest level is -1 and the highest is 1.

        Args:
            indices: Positions in this part, from 0, or a slice of them.
            uniform: Numbers on [0, 1) that a fresh draw of the images is made with, where they are
                draws. Without it every image has one fixed draw.
        """
        stored = self._pixels[self._rows[_as_numpy(indices)]]
        if not self._drawn:
            return torch.from_numpy(stored).float().mul_(2).div_(self._levels - 1).sub_(1)
        if uniform is None:
            fixed = [levels.binarise(image, self._levels, digest(image)) for image in stored]
            return torch.from_numpy(np.stack(fixed)).float().mul_(2).sub_(1)
        intensities = torch.from_numpy(stored).float().div_(self._levels - 1)
        return (uniform < intensities).float().mul_(2).sub_(1)

    def given(self, indices: Int64[Tensor, "batch"] | slice) -> Given | None:
        """What a conditional model is told of these images: classes where there are some, else attributes."""
        classes = self.classes(indices)
        return self.attributes(indices) if classes is None else classes

    def classes(self, indices: Int64[Tensor, "batch"] | slice) -> Int64[Tensor, "batch"] | None:
        """Index of the class of each image, or None where there are no classes."""
        return None if self._class_of is None else torch.from_numpy(self._class_of[_as_numpy(indices)])

    def attributes(self, indices: Int64[Tensor, "batch"] | slice) -> Float[Tensor, "batch attributes"] | None:
        """Attributes of each image, NaN where unknown, or None where there are no attributes."""
        return None if self._values is None else torch.from_numpy(self._values[_as_numpy(indices)])


@dataclass(frozen=True, slots=True)
class ImageStore:
    """Images that were decoded, checked, labelled and split.

    Attributes:
        facts: What a recipe may know of the data.
        source: Path or name under which the source is found again.
        preparation: How the source became images.
        report: What was found, and what was made of it.
        path: Folder of the store.
    """

    facts: Facts
    source: str
    preparation: Preparation
    report: SourceReport
    path: Path
    _splits: dict[str, Split]

    def split(self, name: str) -> Split:
        """The part called `train`, `validation` or `test`.

        Raises:
            ValueError: If the name is another.
        """
        if name not in self._splits:
            raise ValueError(f"there is no split {name!r}, expected one of: {', '.join(SPLITS)}.")
        return self._splits[name]

    def class_names(self, part: Split) -> list[str]:
        """The class of each image of a part, by its name; empty words where images have none."""
        classes = part.classes(slice(None))
        return [""] * len(part) if classes is None else [self.facts.classes[c] for c in classes.tolist()]

    def with_train(self, indices: Int64[Tensor, "images"]) -> "ImageStore":
        """The same store with some of its training images alone; the other parts stay as they are.

        What the facts say of pixels and attributes is of these images too. Nothing is written.

        Args:
            indices: Positions in the training part, at least 1.
        """
        train = self.split("train").only(indices)
        mean, std = _statistics(train)
        marked = hashlib.sha256(self.facts.fingerprint.encode() + indices.cpu().numpy().tobytes())
        facts = dataclasses.replace(
            self.facts,
            fingerprint=marked.hexdigest(),
            num_train=len(train),
            attribute_values=train.attributes(slice(None)),
            mean=mean,
            std=std,
        )
        return dataclasses.replace(self, facts=facts, _splits=self._splits | {"train": train})


def prepare(
    source: Any,
    preparation: Preparation = USUAL,
    *,
    cache: Path | None = None,
    progress: bool = True,
) -> ImageStore:
    """Open the store of a source, and build it first where it has not been built with these settings.

    Args:
        source: A folder, an archive, a file of arrays, a name such as `digits` or `mnist`, a NumPy
            array, a tensor, or a torch `Dataset` whose items are images or (image, label).
        preparation: How it becomes images.
        cache: Folder for stores and downloads; without it, LATENTIA_CACHE or the user's cache folder.
        progress: Whether bars are shown while a store is built.

    Raises:
        ValueError: If the source is not there, is not readable, or has fewer than 16 good images.

    >>> store = prepare("digits", progress=False)
    >>> store.facts.image_shape, store.facts.levels
    ((1, 8, 8), 17)
    """
    cache = cache or cache_folder()
    found = resolve(source, preparation, cache=cache, progress=progress)
    folder = cache / "stores" / f"{found.name}-{_key(found, preparation)}"
    if not folder.is_dir():
        _build_aside(found, preparation, folder, progress=progress)
    return _open(folder, found.location, preparation)


def cache_folder() -> Path:
    """Where stores, downloads and features are kept: LATENTIA_CACHE, or the user's cache folder."""
    chosen = os.environ.get("LATENTIA_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "latentia"


def _key(source: Source, preparation: Preparation) -> str:
    """What a store depends on: the source, the settings, and the table of labels."""
    settings = {k: v for k, v in dataclasses.asdict(preparation).items() if k != "data_root"}
    table = Path(preparation.labels).expanduser()
    labels = table.read_bytes() if table.is_file() else b""
    text = json.dumps([_FORMAT, source.name, source.identity, settings, hashlib.sha256(labels).hexdigest()])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _build_aside(source: Source, preparation: Preparation, folder: Path, *, progress: bool) -> None:
    """Build a store under another name and rename it when it is whole, so that no half of one is opened."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix="building-", dir=folder.parent))
    except OSError as error:
        raise _cannot_write(folder.parent, error) from error
    try:
        build(source, preparation, aside, progress=progress)
        if not folder.is_dir():  # else another process was faster with the same store
            aside.rename(folder)
    except OSError as error:
        if folder.is_dir():
            return
        raise _cannot_write(folder.parent, error) from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    bad = json.loads((folder / "store.json").read_text())["report"]["bad"]
    if bad:
        letter = f"{source.location}: {len(bad):,} bad files were left out; the report lists them."
        warnings.warn(letter, stacklevel=3)


def _cannot_write(folder: Path, error: OSError) -> ValueError:
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    what = "the disk is full" if full else str(error.strerror or error)
    return ValueError(
        f"cannot write the store of images to {folder}: {what}. Set LATENTIA_CACHE to a folder with room "
        "that you may write to."
    )


def _open(folder: Path, location: str, preparation: Preparation) -> ImageStore:
    try:
        saved = json.loads((folder / "store.json").read_text())
        names = json.loads((folder / "names.json").read_text())
        pixels = np.load(folder / "pixels.npy", mmap_mode="r", allow_pickle=False)
        with np.load(folder / "arrays.npz", allow_pickle=False) as archive:
            arrays = dict(archive)
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile) as error:
        letter = f"the store in {folder} is damaged: {error}. Delete it; it is then built again."
        raise ValueError(letter) from error
    mean, std = torch.from_numpy(arrays["mean"]), torch.from_numpy(arrays["std"])
    drawn = preparation.binarise == "dynamic"
    if drawn:
        std = (1 - mean.square()).sqrt()  # of what is drawn: values -1 and 1
    report = SourceReport.from_json(saved["report"])
    report = dataclasses.replace(report, source=location, store=str(folder), bytes=pixels.nbytes)
    splits = {}
    for part, name in enumerate(SPLITS):
        rows = np.flatnonzero(arrays["split"] == part)
        known = [arrays[key][rows] if key in arrays else None for key in ("class_of", "values")]
        named = [names[row] for row in rows]
        splits[name] = Split(named, pixels, rows, saved["stored_levels"], drawn, *known)
    values = splits["train"].attributes(slice(None))
    facts = dataclasses.replace(Facts.from_json(saved["facts"]), attribute_values=values, mean=mean, std=std)
    return ImageStore(facts, location, preparation, report, folder, splits)


def _joined(first: np.ndarray | None, second: np.ndarray | None) -> np.ndarray | None:
    return None if first is None or second is None else np.concatenate([first, second])


def _statistics(split: Split) -> tuple[Tensor, Tensor]:
    """Mean and deviation of each pixel of the images, on the scale [-1, 1]."""
    total = torch.zeros(split.image_shape, dtype=torch.float64)
    squares = torch.zeros_like(total)
    for rows in torch.arange(len(split)).split(1024):
        images = split.images(rows).double()
        total += images.sum(0)
        squares += images.square().sum(0)
    mean = total / len(split)
    return mean.float(), (squares / len(split) - mean.square()).clamp_min(0).sqrt().float()


def _as_numpy(indices: Tensor | slice) -> Any:
    return indices if isinstance(indices, slice) else indices.cpu().numpy()
