"""From the bytes of a file to the pixels of a prepared image."""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from latentia.data.contents import Item
from latentia.data.facts import Background, Fit

_FORMATS = ("PNG", "JPEG", "MPO", "GIF", "BMP", "WEBP", "TIFF", "PPM", "TGA", "JPEG2000", "AVIF")
"""Formats that hold pixels. Others that Pillow knows start programs (EPS) or are no photographs."""

_GREY_MODES = frozenset(("1", "L", "LA", "La", "I", "F", "I;16", "I;16B", "I;16L", "I;16N"))
_DEEP_MODES = frozenset(("I", "F", "I;16", "I;16B", "I;16L", "I;16N"))
_ORIENTATION, _TURNED = 0x0112, (5, 6, 7, 8)
_BACKGROUNDS = {"white": 255, "black": 0, "grey": 128}


@dataclass(frozen=True, slots=True)
class Look:
    """What an image's header says.

    Attributes:
        width: In pixels, as shown (after EXIF orientation).
        height: In pixels, as shown.
        mode: Pillow's name for how pixels are stored.
        grey: Whether that mode has no colour.
        transparent: Whether pixels may be transparent.
        frames: More than 1 for an animation.
    """

    width: int
    height: int
    mode: str
    grey: bool
    transparent: bool = False
    frames: int = 1


@dataclass(frozen=True, slots=True)
class Frame:
    """The form that all prepared images share.

    Attributes:
        channels: 1 or 3.
        height: In pixels.
        width: In pixels.
        fit: How images of another shape come to this one.
        background: What stands under transparent pixels and around padded images.
    """

    channels: int
    height: int
    width: int
    fit: Fit = "crop"
    background: Background = "white"


@contextmanager
def strictly() -> Iterator[None]:
    """Decompression bombs are errors here, and complaints about odd metadata are not shown.

    Filters belong to the process, so this surrounds a pool of threads and not the work of one.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=UserWarning, module="PIL")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


def look(item: Item) -> Look:
    """Read the header of an item.

    Raises:
        ValueError: If it is no image, or one too large to be honest: the words are the reason.
    """
    image = _open(item)
    try:
        width, height = image.size
        if _orientation(image) in _TURNED:
            width, height = height, width
        frames = getattr(image, "n_frames", 1)
    except Exception as error:  # what decoders raise on hostile bytes has no bounds
        raise ValueError(f"damaged header: {_words(error)}") from error
    # A palette may hold greys only; the pixels will tell.
    grey = image.mode in _GREY_MODES
    return Look(width, height, image.mode, grey, _is_transparent(image), frames)


def render(item: Item, frame: Frame) -> np.ndarray:
    """Decode an item and bring it to the shape of all.

    An image keeps its depth while it is resized (Lanczos, with antialiasing), and is then rounded to 8
    bits: 16-bit grey is divided by 257.

    Returns:
        uint8 of shape (channels, height, width).

    Raises:
        ValueError: If it cannot be decoded: the words are the reason.
    """
    image = _open(item)
    try:
        if image.format == "JPEG":  # lets the decoder halve large photographs by itself, which is fast
            image.draft(None, (2 * frame.width, 2 * frame.height))
        image = ImageOps.exif_transpose(image)
        image = _flatten(image, frame)
        image = _fit(image, frame)
    except Exception as error:  # what decoders raise on hostile bytes has no bounds
        raise ValueError(f"cannot be decoded: {_words(error)}") from error
    pixels = _to_8_bits(image) if image.mode == "F" else np.asarray(image)
    return pixels[None] if pixels.ndim == 2 else np.ascontiguousarray(pixels.transpose(2, 0, 1))


def _open(item: Item) -> Image.Image:
    if isinstance(item, Image.Image):
        return item
    if isinstance(item, np.ndarray):
        return Image.fromarray(item)
    if not item:
        raise ValueError("empty: zero bytes")
    try:
        return Image.open(io.BytesIO(item), formats=_known_formats())
    except UnidentifiedImageError as error:
        raise ValueError(_what_it_is_instead(item)) from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ValueError(f"decompression bomb: {str(error).split(',')[0]}") from error
    except Exception as error:  # what decoders raise on hostile bytes has no bounds
        raise ValueError(f"damaged header: {_words(error)}") from error


def _known_formats() -> list[str]:
    Image.init()  # returns at once after the first call
    return [name for name in _FORMATS if name in Image.OPEN]


def _what_it_is_instead(data: bytes) -> str:
    start = data[:512]
    if start.isascii() and all(byte >= 32 or byte in b"\t\n\r" for byte in start):
        return "text, not an image"
    return "not an image that can be read (png, jpeg, gif, bmp, webp, tiff, ppm, tga, jpeg 2000, avif)"


def _is_transparent(image: Image.Image) -> bool:
    return image.mode in ("LA", "La", "RGBA", "RGBa", "PA") or "transparency" in image.info


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # damaged metadata is no loss
        return 1


def _flatten(image: Image.Image, frame: Frame) -> Image.Image:
    """The image in mode L, RGB or F (0 to 255), with what is transparent laid on the background."""
    if image.mode in _DEEP_MODES:
        image = _deep_to_float(image)
        return image if frame.channels == 1 else Image.fromarray(_to_8_bits(image)).convert("RGB")
    wanted = "L" if frame.channels == 1 else "RGB"
    if _is_transparent(image):
        image = image.convert("RGBA")
        level = _BACKGROUNDS[frame.background]
        under = Image.new("RGBA", image.size, (level, level, level, 255))
        image = Image.alpha_composite(under, image)
    if image.mode not in ("L", "RGB"):
        image = image.convert("L" if image.mode == "1" else "RGB")
    return image if image.mode == wanted else image.convert(wanted)


def _deep_to_float(image: Image.Image) -> Image.Image:
    values = np.asarray(image).astype(np.float32)
    if not np.isfinite(values).all():
        raise ValueError("some pixels are not numbers (NaN or infinite)")
    low, high = float(values.min()), float(values.max())
    if image.mode == "F":
        top = 1.0 if high <= 1 else 255.0
    else:
        top = 255.0 if image.mode == "I" and high <= 255 else 65535.0
    if low < 0 or high > top:
        raise ValueError(f"values from {low:g} to {high:g}, expected 0 to 1, to 255 or to 65535")
    return Image.fromarray(values * np.float32(255 / top))


def _to_8_bits(image: Image.Image) -> np.ndarray:
    return np.asarray(image).clip(0, 255).round().astype(np.uint8)


def _fit(image: Image.Image, frame: Frame) -> Image.Image:
    """The image at the frame's size."""
    target = (frame.width, frame.height)
    if image.size == target:
        return image
    if frame.fit == "crop":
        return image.resize(target, Image.Resampling.LANCZOS, box=_centre_box(image.size, target))
    scale = min(target[0] / image.width, target[1] / image.height)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    inner = image.resize(size, Image.Resampling.LANCZOS) if size != image.size else image
    level = _BACKGROUNDS[frame.background]
    canvas = Image.new(image.mode, target, (level,) * 3 if image.mode == "RGB" else level)
    canvas.paste(inner, ((target[0] - size[0]) // 2, (target[1] - size[1]) // 2))
    return canvas


def _centre_box(size: tuple[int, int], target: tuple[int, int]) -> tuple[float, float, float, float]:
    """The largest box of the target's proportions in the middle of an image: left, top, right, bottom."""
    scale = min(size[0] / target[0], size[1] / target[1])
    width, height = target[0] * scale, target[1] * scale
    left, top = (size[0] - width) / 2, (size[1] - height) / 2
    return left, top, left + width, top + height
