"""Published data sets by name: found where the user keeps them, or downloaded once."""

import dataclasses
import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path, PurePosixPath

from latentia.data import archives, cifar, folders, idx, labels
from latentia.data.contents import Contents, Source, stamp
from latentia.data.download import Remote, fetch

NAMES = ("mnist", "fashion-mnist", "cifar10", "lfw", "celeba")

_IDX_FILES = (
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)
_MNIST = "https://ossci-datasets.s3.amazonaws.com/mnist/"
_FASHION = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"
REMOTES: dict[str, tuple[Remote, ...]] = {
    "mnist": (
        Remote(_MNIST + _IDX_FILES[0], "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"),
        Remote(_MNIST + _IDX_FILES[1], "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"),
        Remote(_MNIST + _IDX_FILES[2], "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"),
        Remote(_MNIST + _IDX_FILES[3], "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"),
    ),
    "fashion-mnist": (
        Remote(_FASHION + _IDX_FILES[0], "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"),
        Remote(_FASHION + _IDX_FILES[1], "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"),
        Remote(_FASHION + _IDX_FILES[2], "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"),
        Remote(_FASHION + _IDX_FILES[3], "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"),
    ),
    "cifar10": (
        Remote(
            "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
            "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
        ),
    ),
    # The authors' own server is gone; this is the copy that scikit-learn keeps.
    "lfw": (
        Remote(
            "https://ndownloader.figshare.com/files/5976015",
            "b47c8422c8cded889dc5a13418c4bc2abbda121092b3533a83306f90d900100a",
            file="lfw-funneled.tgz",
        ),
    ),
}
FASHION_CLASSES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
_FOLDERS = {
    "mnist": ("mnist", "MNIST", "MNIST/raw"),
    "fashion-mnist": ("fashion-mnist", "FashionMNIST", "FashionMNIST/raw"),
    "cifar10": ("cifar-10", "cifar10", "cifar-10-batches-bin"),
    "lfw": ("lfw-64", "lfw"),
    "celeba": ("celeba", "CelebA"),
}
_LFW_ARCHIVES = ("lfw-64.zip", "lfw-deepfunneled.tgz", "lfw-funneled.tgz", "lfw.tgz")
_LFW_FOLDERS = ("lfw-deepfunneled", "lfw_funneled", "lfw")
_LFW_TABLES = ("attributes.csv", "lfw_attributes.txt")
_CELEBA_IMAGES, _CELEBA_TABLE, _CELEBA_SPLIT = (
    "img_align_celeba",
    "list_attr_celeba.txt",
    "list_eval_partition.txt",
)


def find(name: str, data_root: str | None, *, cache: Path, progress: bool) -> Source:
    """A published data set by name.

    Args:
        name: One of `NAMES`.
        data_root: Where the user keeps data sets; without it, LATENTIA_DATA.
        cache: Where downloads are kept.
        progress: Whether a download shows a bar.

    Raises:
        ValueError: If it is not there and cannot be downloaded.
    """
    root = data_root or os.environ.get("LATENTIA_DATA")
    if root is not None and not Path(root).expanduser().is_dir():
        raise ValueError(f"the data root {root} is no folder. Set --data-root or LATENTIA_DATA to one.")
    places = [Path(root).expanduser() / folder for folder in _FOLDERS[name]] if root else []
    for folder in places:
        found = _KINDS[name](folder, name, name) if folder.is_dir() else None
        if found is not None:
            return found
    if name not in REMOTES:
        raise ValueError(
            "celeba was not found, and its publisher's page lets no program download it. Get "
            f"{_CELEBA_IMAGES}.zip, {_CELEBA_TABLE} and {_CELEBA_SPLIT} from "
            "https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html, put them into a folder `celeba`, and name "
            "the folder above it with --data-root or LATENTIA_DATA."
        )
    downloads = cache / "downloads" / name
    for remote in REMOTES[name]:
        fetch(remote, downloads, progress=progress)
    found = _KINDS[name](downloads, name, name)
    assert found is not None, "what was downloaded is what is looked for"
    return found


def recognise(path: Path) -> Source | None:
    """The published data set that a path leads to, if its file names leave no doubt.

    Args:
        path: A folder with the files of MNIST, a relative of it, CIFAR-10 or CelebA; or the archive of
            CelebA's or LFW's images, whose attributes are taken from the files beside it.
    """
    if path.is_dir():
        label = path.resolve().name
        found = (kind(path, label, str(path)) for kind in (_idx, _cifar, _celeba))
        return next((source for source in found if source is not None), None)
    label = path.name.split(".")[0]
    if path.name in _LFW_ARCHIVES:
        return _lfw_from(path, label, str(path))
    if path.name == f"{_CELEBA_IMAGES}.zip":
        return _celeba_from(path, label, str(path))
    return None


def _source(name: str, location: str, paths: Sequence[Path], load: Callable[[], Contents]) -> Source:
    return Source(name, location, stamp([(path.name, path) for path in paths]), load)


def _idx(folder: Path, name: str, location: str) -> Source | None:
    found = idx.find(folder)
    if not found:
        return None
    parts = idx.companions(found[0])
    classes = FASHION_CLASSES if name == "fashion-mnist" else ()
    paths = [path for files in parts.values() for path in files]
    return _source(name, location, paths, lambda: idx.load(parts, classes))


def _cifar(folder: Path, name: str, location: str) -> Source | None:
    for place in (folder, folder / "cifar-10-batches-bin"):
        files = cifar.files_in(place)
        if files:
            return _source(name, location, [place / file for file in files], partial(cifar.load, files))
    packed = folder / "cifar-10-binary.tar.gz"
    if packed.is_file():
        return _source(name, location, [packed], lambda: cifar.load(archives.members(packed)[0]))
    parts = {part: folder / f"{part}.zip" for part in ("train", "test")}
    loose = any(folders.is_image_name(entry.name) for entry in folder.iterdir())
    if all(path.is_file() for path in parts.values()) and not loose:
        return _source(name, location, list(parts.values()), lambda: _joined(parts))
    return None


def _joined(parts: dict[str, Path]) -> Contents:
    """Several archives as the top folders of one."""
    files: archives.Members = {}
    bad: dict[str, str] = {}
    for part, path in parts.items():
        found, refused = archives.members(path)
        files.update({f"{part}/{name}": read for name, read in found.items()})
        bad.update({f"{part}/{name}": reason for name, reason in refused.items()})
    return archives.list_archive(files, bad)


def _lfw(folder: Path, name: str, location: str) -> Source | None:
    candidates = (folder / file for file in (*_LFW_ARCHIVES, *_LFW_FOLDERS))
    images = next((path for path in candidates if path.exists()), None)
    return None if images is None else _lfw_from(images, name, location)


def _lfw_from(images: Path, name: str, location: str) -> Source:
    tables = [images.with_name(file) for file in _LFW_TABLES if images.with_name(file).is_file()]
    return _source(name, location, [images, *tables], lambda: _with_table(_list(images), tables))


def _celeba(folder: Path, name: str, location: str) -> Source | None:
    candidates = (folder / f"{_CELEBA_IMAGES}.zip", folder / _CELEBA_IMAGES)
    images = next((path for path in candidates if path.exists()), None)
    return None if images is None else _celeba_from(images, name, location)


def _celeba_from(images: Path, name: str, location: str) -> Source:
    tables = [path for path in [images.with_name(_CELEBA_TABLE)] if path.is_file()]
    partitions = [path for path in [images.with_name(_CELEBA_SPLIT)] if path.is_file()]

    def load() -> Contents:
        contents = _with_table(_list(images), tables)
        return _with_partition(contents, partitions[0]) if partitions else contents

    return _source(name, location, [images, *tables, *partitions], load)


_KINDS: dict[str, Callable[[Path, str, str], Source | None]] = {
    "mnist": _idx,
    "fashion-mnist": _idx,
    "cifar10": _cifar,
    "lfw": _lfw,
    "celeba": _celeba,
}


def _list(place: Path) -> Contents:
    """The images in a folder or an archive."""
    if place.is_dir():
        return folders.list_folder(place, *folders.walk(place))
    return archives.list_archive(*archives.members(place))


def _with_table(contents: Contents, tables: Sequence[Path]) -> Contents:
    """The contents with the attributes of the first table, if there is one."""
    if not tables:
        return contents
    known, notes = labels.read_table(tables[0], contents.names)
    return dataclasses.replace(contents, labels=known, notes=(*contents.notes, *notes))


def _with_partition(contents: Contents, file: Path) -> Contents:
    """CelebA's split: a line for each image, 0 for train, 1 for validation, 2 for test."""
    part_of = dict(line.split() for line in file.read_text().splitlines() if line.strip())
    parts = {"0": "train", "1": "validation", "2": "test"}
    try:
        published = [parts[part_of[PurePosixPath(name).name]] for name in contents.names]
    except KeyError as error:
        raise ValueError(f"{file.name} does not know {error}: expected a line for each image.") from error
    return dataclasses.replace(contents, published=published)
