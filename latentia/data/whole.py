"""Image files at their own size, read one by one, with what is transparent in them; and written again."""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from PIL import Image, ImageOps

from latentia._types import Images, Known
from latentia.data.decoding import Frame, look, render, strictly
from latentia.data.facts import Background
from latentia.data.folders import LARGEST_FILE, is_image_name, walk
from latentia.data.pictures import grid
from latentia.data.replacing import replacing

OPAQUE = 128
"""Alpha from which on a pixel is there."""


@dataclass(frozen=True, slots=True)
class Whole:
    """A picture from a file.

    Attributes:
        image: One image, of the file's size after its EXIF orientation, in [-1, 1].
        known: Where it is not transparent.
        grey: Whether the file has no colour.
    """

    image: Images
    known: Known
    grey: bool


def read_whole(path: Path, channels: Literal[1, 3] | int, background: Background = "white") -> Whole:
    """A file as an image of its own size.

    Args:
        path: The file.
        channels: 1 for grey, 3 for colour: what a model takes. Others are converted.
        background: What is put under transparent pixels.

    Raises:
        ValueError: If it cannot be read as an image: the words are the reason.
    """
    if not path.is_file():
        raise ValueError(f"there is no file {path}")
    if path.stat().st_size > LARGEST_FILE:
        raise ValueError(f"{path.stat().st_size:,} bytes, too large for one image")
    data = path.read_bytes()
    with strictly():
        header = look(data)
        pixels = render(data, Frame(channels, header.height, header.width, background=background))
    image = torch.tensor(pixels).float().div(127.5).sub(1).unsqueeze(0)
    known = _opacity(data) if header.transparent else torch.ones_like(image[:, :1])
    return Whole(image, known, header.grey)


def read_mask(path: Path, height: int, width: int) -> Known:
    """Where a mask leaves an image as it is: it is white where the image is to be filled.

    Args:
        path: A picture of the image's size.
        height: Of the image, in pixels.
        width: Of the image.

    Raises:
        ValueError: If it cannot be read, or is of another size, or hides nothing or everything.
    """
    mask = read_whole(path, 1).image
    if mask.shape[2:] != (height, width):
        raise ValueError(
            f"the mask {path.name} has {mask.shape[3]} x {mask.shape[2]} px, and the image {width} x {height}"
        )
    known = (mask < 0).float()
    if known.min() == known.max():
        filled = "nothing" if known.min() else "everything"
        raise ValueError(f"the mask {path.name} hides {filled}; it is white where the image is to be filled")
    return known


def files_in(source: Path) -> list[str]:
    """Names of the pictures in a folder and those below it, or of the one file, in order.

    Raises:
        ValueError: If there are none.
    """
    if source.is_file():
        return [source.name]
    if not source.is_dir():
        raise ValueError(f"There is no file or folder {source}.")
    names = [name for name in walk(source)[0] if is_image_name(name)]
    if not names:
        raise ValueError(f"There are no images in {source}.")
    return names


def write_whole(image: Images, path: Path, *, grey: bool = False) -> None:
    """One image as a PNG file, whole or not at all.

    Args:
        image: A batch of one, values in [-1, 1].
        path: Where; its folder is made.
        grey: Whether colour is left out.
    """
    picture = grid(image, padding=0, scale=1)
    with replacing(path) as aside:
        (picture.convert("L") if grey else picture).save(aside, format="PNG")


def _opacity(data: bytes) -> Known:
    try:
        alpha = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGBA").getchannel("A")
    except Exception as error:  # what decoders raise on hostile bytes has no bounds
        raise ValueError(f"cannot be decoded: {error}") from error
    return torch.from_numpy((np.asarray(alpha) >= OPAQUE).astype(np.float32))[None, None]
