"""Images from arrays: NumPy's files, arrays, tensors, and torch's data sets."""

import dataclasses
import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from torch import Tensor

from latentia.data.contents import Contents, Item
from latentia.data.labels import Labels

_IMAGE_NAMES, _LABEL_NAMES = ("images", "x", "data"), ("labels", "y")
_MOST_FEW_LEVELS = 16
_COLOURS = (1, 3, 4)


@dataclass(frozen=True, slots=True)
class Scale:
    """How the numbers of an array become levels.

    Attributes:
        levels: Number of levels; 256 for 8 bits.
        to_levels: From numbers to uint8 indices of levels.
        why: A sentence for the report.
    """

    levels: int
    to_levels: Callable[[np.ndarray], np.ndarray]
    why: str


def choose_scale(dtype: np.dtype, low: float, high: float, whole: bool) -> Scale:
    """Guess what the numbers of an array mean from their type and range.

    Args:
        dtype: Type of the numbers.
        low: The smallest one.
        high: The largest one.
        whole: Whether all are whole numbers.

    Raises:
        ValueError: If no common meaning fits.

    >>> choose_scale(np.dtype("float64"), 0.0, 16.0, whole=True).levels
    17
    """

    def as_bytes(values: np.ndarray) -> np.ndarray:
        return values.astype(np.uint8)

    if not (np.isfinite(low) and np.isfinite(high)):
        raise ValueError("some numbers of the array are NaN or infinite, expected numbers of known range.")
    if whole and low >= 0 and high <= _MOST_FEW_LEVELS:
        number = max(2, int(high) + 1)
        return Scale(number, as_bytes, f"Whole numbers from 0 to {high:g}: {number} levels.")
    if whole and low >= 0 and high <= 255:
        return Scale(256, as_bytes, "Whole numbers up to 255: 8 bits.")
    if whole and low >= 0 and high <= 65535 and dtype.kind in "ui":
        return Scale(
            256,
            lambda values: (values / 257.0).round().astype(np.uint8),
            "Whole numbers up to 65535: 16 bits, scaled to 8.",
        )
    if dtype.kind == "f" and low >= -1 and high <= 1:
        offset, span = (0, 1) if low >= 0 else (1, 2)
        return Scale(
            256,
            lambda values: ((values.astype(np.float64) + offset) * (255 / span)).round().astype(np.uint8),
            f"Numbers in [{-offset}, 1]: scaled to 8 bits.",
        )
    raise ValueError(
        f"an array of {dtype} from {low:g} to {high:g} is no known form of images: expected whole numbers "
        "from 0 to 255 (or to 65535 in 16 bits), or floats in [0, 1] or [-1, 1]. Scale it first."
    )


def from_file(path: Path) -> Contents:
    """Images from a `.npy` or `.npz` file, whose labels are those of the array `labels` or `y`.

    Raises:
        ValueError: If the file is damaged, holds Python objects, or nothing that looks like images.
    """
    try:
        loaded = np.load(path, allow_pickle=False)
        arrays = dict(loaded) if isinstance(loaded, np.lib.npyio.NpzFile) else {"images": loaded}
    except Exception as error:  # zipfile, zlib, numpy and the file system each raise their own
        raise ValueError(
            f"cannot read {path.name}: {error}. Expected plain numbers; Python objects are never read."
        ) from error
    name = next((name for name in _IMAGE_NAMES if name in arrays), None)
    candidates = [name] if name else [key for key, array in arrays.items() if array.ndim in (3, 4)]
    if len(candidates) != 1:
        raise ValueError(
            f"{path.name} holds {', '.join(arrays) or 'nothing'}: cannot tell which array holds the images. "
            "Call it `images`."
        )
    labels = next((arrays[name] for name in _LABEL_NAMES if name in arrays), None)
    return from_array(arrays[candidates[0]], labels)


def from_array(array: np.ndarray, labels: np.ndarray | None = None) -> Contents:
    """Images from one array.

    Args:
        array: (images, height, width), with 1, 3 or 4 channels behind or before height and width.
        labels: (images,) class numbers or names, or (images, attributes) numbers.

    Raises:
        ValueError: If the shape or the numbers are no known form of images.
    """
    array, layout = _channels_last(array)
    if array.size == 0:
        raise ValueError(f"the array of shape {array.shape} holds no images.")
    scale = choose_scale(array.dtype, float(array.min()), float(array.max()), _is_whole(array))
    as_read = _reader(scale, array.shape[3] if array.ndim == 4 else 1)
    return Contents(
        [f"{index:0{len(str(len(array) - 1))}d}" for index in range(len(array))],
        lambda index: as_read(array[index]),
        labels=Labels() if labels is None else _labels(labels, len(array)),
        shape=(array.shape[1], array.shape[2]),
        levels=None if array.ndim == 4 and array.shape[3] == 4 else scale.levels,
        notes=(layout, scale.why),
    )


def from_dataset(dataset: Any) -> tuple[str, Contents]:
    """Images from a map-style torch `Dataset`, read twice: once to learn what it holds, once to decode.

    Args:
        dataset: Its items are Pillow images, arrays or tensors, alone or as (image, label).

    Returns:
        SHA-256 of all items, and the contents.

    Raises:
        ValueError: If it has no length, or if its items are something else or of mixed kinds.
    """
    if not (hasattr(dataset, "__len__") and hasattr(dataset, "__getitem__")):
        raise ValueError(f"{type(dataset).__name__} has no length or no items, expected a map-style Dataset.")
    digest, labels, kinds = hashlib.sha256(), [], set()
    low, high, whole = np.inf, -np.inf, True
    for index in range(len(dataset)):
        image, label = _image_and_label(dataset[index])
        array = np.asarray(image)
        digest.update(f"{array.shape}{array.dtype}{label}\0".encode() + array.tobytes())
        labels.append(label)
        kinds.add(None if isinstance(image, Image.Image) else (array.shape, array.dtype))
        low, high = min(low, float(array.min())), max(high, float(array.max()))
        whole = whole and _is_whole(array)
    if len(kinds) > 1:
        raise ValueError(f"items of the Dataset differ in shape or type ({len(kinds)} kinds), expected one.")
    known = Labels() if None in labels or not labels else _labels(np.array(labels), len(labels))
    pictures = Contents([f"{index:06d}" for index in range(len(labels))], _pictures(dataset), labels=known)
    kind = next(iter(kinds), None)
    if kind is None:
        return digest.hexdigest(), pictures
    return digest.hexdigest(), _as_levels(pictures, *kind, choose_scale(kind[1], low, high, whole))


def _as_levels(pictures: Contents, shape: tuple[int, ...], dtype: np.dtype, scale: Scale) -> Contents:
    """Contents whose items are arrays of one shape, with their numbers turned into levels."""
    example, layout = _channels_last(np.empty((1, *shape), dtype))
    channels = example.shape[3] if example.ndim == 4 else 1
    as_read = _reader(scale, channels)
    return dataclasses.replace(
        pictures,
        read=lambda index: as_read(_channels_last(np.asarray(pictures.read(index))[None])[0][0]),
        shape=(example.shape[1], example.shape[2]),
        levels=None if channels == 4 else scale.levels,
        notes=(layout, scale.why),
    )


def _pictures(dataset: Any) -> Callable[[int], Any]:
    """Reads images one at a time: a user's Dataset need not bear several threads."""
    lock = threading.Lock()

    def read(index: int) -> Any:
        with lock:
            return _image_and_label(dataset[index])[0]

    return read


def _image_and_label(item: Any) -> tuple[Any, Any]:
    image, label = item[:2] if isinstance(item, tuple | list) and len(item) >= 2 else (item, None)
    if isinstance(image, Tensor):
        image = image.numpy(force=True)
    if not isinstance(image, Image.Image | np.ndarray):
        raise ValueError(
            f"an item of the Dataset is a {type(image).__name__}, expected an image (Pillow, array or "
            "tensor) or a pair of image and label."
        )
    return image, label.numpy(force=True) if isinstance(label, Tensor) else label


def _reader(scale: Scale, channels: int) -> Callable[[np.ndarray], Item]:
    """From one image's numbers to an item: levels, or a picture where there is transparency to flatten."""

    def read(values: np.ndarray) -> Item:
        levels = scale.to_levels(values)
        if channels == 4:
            return Image.fromarray(np.ascontiguousarray(levels))
        return levels[:, :, 0] if channels == 1 and levels.ndim == 3 else levels

    return read


def _channels_last(array: np.ndarray) -> tuple[np.ndarray, str]:
    """The array with its channels behind height and width, and what was guessed."""
    if array.dtype.kind not in "buif":
        raise ValueError(f"an array of {array.dtype} holds no pixels, expected numbers.")
    if array.ndim == 3:
        return array, "Read as (images, height, width), grey."
    if array.ndim != 4:
        raise ValueError(f"an array of shape {array.shape} is no set of images, expected 3 or 4 dimensions.")
    first, last = array.shape[1] in _COLOURS, array.shape[3] in _COLOURS
    if first == last:
        what = "1, 3 or 4 stands at both places" if first else "neither is 1, 3 or 4"
        raise ValueError(
            f"cannot tell where the channels are in an array of shape {array.shape}: {what}. Expected "
            "(images, height, width, channels) or (images, channels, height, width)."
        )
    if first:
        return array.transpose(0, 2, 3, 1), "Read as (images, channels, height, width)."
    return array, "Read as (images, height, width, channels)."


def _is_whole(array: np.ndarray) -> bool:
    return array.dtype.kind in "bui" or bool((np.mod(array, 1) == 0).all())


def _labels(labels: np.ndarray, num_images: int) -> Labels:
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if len(labels) != num_images or labels.ndim > 2:
        raise ValueError(f"labels of shape {labels.shape} do not fit {num_images:,} images.")
    if labels.ndim == 2 or labels.dtype.kind == "f":
        values = labels.reshape(num_images, -1).astype(np.float32)
        return Labels(attributes=tuple(f"attribute_{i}" for i in range(values.shape[1])), values=values)
    classes, class_of = np.unique(labels, return_inverse=True)
    return Labels(tuple(str(name) for name in classes), class_of.astype(np.int64))
