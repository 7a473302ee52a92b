"""Features of real images, kept on disk: the same for every model that is compared with them."""

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from latentia._types import Images
from latentia.data import cache_folder
from latentia.metrics.features import FeatureSpace, Vectors

MOST_FILES = 64  # 1,000 images in 2,048 dimensions are 8 MB a file


def cached_features(
    space: FeatureSpace, images: Callable[[], Images], *which: str | int, cache: Path | None = None
) -> Vectors:
    """The features of a set of real images, from the disk where they were computed before.

    Only costly spaces (`inception`, `dinov2`) keep anything: the others compute 1,000 images in less than
    a second. At most 64 sets are kept; those used least recently go first.

    Args:
        space: Where to measure.
        images: Makes the images; called only where their features are not kept.
        which: What tells this set from all others: the data's fingerprint, the split, the choice and its
            seed. The space is added to it.
        cache: Folder; without it, the user's cache folder.

    Raises:
        ValueError: If the folder cannot be written to.
    """
    if not space.costly:
        return space(images())
    folder = (cache or cache_folder()) / "features"
    path = folder / f"{key_of(*which, space.name, space.hash)}.safetensors"
    try:
        features = load_file(path)["features"]
        os.utime(path)  # used just now
        return features
    except (OSError, SafetensorError, KeyError):  # not there, or damaged: it is computed and written anew
        features = space(images()).cpu()
    keep(path, {"features": features})
    for old in sorted(folder.glob("*.safetensors"), key=_last_use)[:-MOST_FILES]:
        old.unlink(missing_ok=True)
    return features


def key_of(*parts: str | int | bool) -> str:
    """A short name for a file that depends on all of these."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:24]


def keep(path: Path, tensors: Mapping[str, Tensor], note: Mapping[str, str] | None = None) -> None:
    """Write tensors to a file of the cache: whole, under another name, then renamed.

    Args:
        path: The file; its folder is made where it does not exist.
        tensors: What to keep, by name.
        note: Words to keep with them.

    Raises:
        ValueError: If it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="writing-", dir=path.parent) as aside:
            own = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
            save_file(own, Path(aside) / path.name, metadata=dict(note or {}))
            os.replace(Path(aside) / path.name, path)
    except (OSError, SafetensorError) as error:
        raise ValueError(
            f"cannot write to {path.parent}: {error}. Set LATENTIA_CACHE to a folder with room that you may "
            "write to."
        ) from error


def _last_use(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:  # another process has just removed it
        return 0.0
