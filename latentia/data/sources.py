"""What a user may call a source, and how it is found."""

import difflib
import hashlib
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from latentia.data import archives, arrays, builtin, cifar, folders, idx, published
from latentia.data.contents import Contents, Source, stamp
from latentia.data.facts import Preparation

_BUILT_IN: dict[str, Callable[[], Contents]] = {"digits": builtin.digits, "shapes": builtin.shapes}
NAMES = (*_BUILT_IN, *published.NAMES)
"""Sources that have a name of their own."""

_PICKLES = (".pkl", ".pickle", ".pt", ".pth")


def resolve(source: Any, preparation: Preparation, *, cache: Path, progress: bool) -> Source:
    """Find a source, without reading more of it than is needed to know whether it changed.

    Args:
        source: See `latentia.data.prepare`.
        preparation: For its data root.
        cache: Where downloads are kept.
        progress: Whether a download shows a bar.

    Raises:
        ValueError: If there is no such source, or nothing that can be read as images.
    """
    if isinstance(source, str | Path):
        return _named(str(source), preparation, cache=cache, progress=progress)
    if isinstance(source, Tensor):
        source = source.numpy(force=True)
    if isinstance(source, np.ndarray):
        digest = hashlib.sha256(f"{source.shape}{source.dtype}".encode())
        digest.update(source.tobytes())
        return Source("array", "array", digest.hexdigest(), lambda: arrays.from_array(source))
    identity, contents = arrays.from_dataset(source)
    name = type(source).__name__
    return Source(name, name, identity, lambda: contents)


def _named(text: str, preparation: Preparation, *, cache: Path, progress: bool) -> Source:
    path = Path(text).expanduser()
    if text in NAMES:
        if path.exists():
            warnings.warn(f"{text} is the data set of that name; the one on disk is ./{text}.", stacklevel=4)
        if text in _BUILT_IN:
            return Source(text, text, f"built in, version {builtin.VERSION}", _BUILT_IN[text])
        return published.find(text, preparation.data_root, cache=cache, progress=progress)
    try:
        if path.is_dir():
            return _folder(path)
        if path.is_file():
            return _file(path)
    except PermissionError as error:
        raise ValueError(f"cannot read {text}: {error.strerror}. Check its permissions.") from error
    raise ValueError(f"there is no {text}.{_nearest(text, path)}")


def _nearest(text: str, path: Path) -> str:
    """A sentence with names that the user may have meant."""
    try:
        beside = [entry.name for entry in path.parent.iterdir() if not entry.name.startswith(".")]
    except OSError:
        beside = []
    near = [str(path.parent / name) for name in difflib.get_close_matches(path.name, beside, n=3)]
    near += difflib.get_close_matches(text.lower(), NAMES, n=2, cutoff=0.5)
    if near:
        return f" Perhaps you meant {' or '.join(near)}."
    return f" Expected a folder, an archive, a file of arrays, or one of: {', '.join(NAMES)}."


def _folder(path: Path) -> Source:
    known = published.recognise(path)
    if known is not None:
        return known
    names, bad = folders.walk(path)
    cifar.refuse_pickles(names, str(path))
    identity = stamp((name, path / name) for name in names)
    return Source(path.resolve().name, str(path), identity, lambda: folders.list_folder(path, names, bad))


def _file(path: Path) -> Source:
    def source(load: Callable[[], Contents]) -> Source:
        return Source(path.name.split(".")[0] or path.name, str(path), stamp([(path.name, path)]), load)

    suffix = path.suffix.lower()
    path.open("rb").close()  # permission is asked for here, where the letter is written
    if suffix in (".npy", ".npz"):
        return source(lambda: arrays.from_file(path))
    if suffix in _PICKLES:
        raise ValueError(
            f"{path.name} is a pickle, which can run any program when it is read, and is never read."
        )
    cifar.refuse_pickles([path.name], path.name)
    if idx.is_idx(path):
        parts = idx.companions(path)
        files = [file for part in parts.values() for file in part]
        identity = stamp((file.name, file) for file in files)
        return Source(path.parent.resolve().name, str(path), identity, lambda: idx.load(parts))
    known = published.recognise(path)
    if known is not None:
        return known
    if archives.is_archive(path):
        return source(lambda: _archive(path))
    if folders.is_image_name(path.name):
        raise ValueError(f"{path.name} is one image, expected a folder of them: {path.parent}, perhaps.")
    raise ValueError(
        f"cannot tell what {path.name} is: expected a zip or tar archive, an IDX file, .npy or .npz."
    )


def _archive(path: Path) -> Contents:
    files, bad = archives.members(path)
    cifar.refuse_pickles(files, path.name)
    return cifar.load(files) if cifar.is_binary(files) else archives.list_archive(files, bad)
