"""Images as pixels, pictures and files."""

import math
from pathlib import Path

import torch
from PIL import Image

from latentia._types import Images, Pixels

COMFORTABLE_SIDE = 64
"""Pixels on screen below which an image is hard to see."""


def to_pixels(images: Images) -> Pixels:
    """Images in [-1, 1] as 8-bit pixels.

    pixel = round(255 (x + 1) / 2), after x was clamped to [-1, 1]: what lies outside becomes black or
    white and never wraps around.

    Raises:
        ValueError: If a value is not a number.

    >>> to_pixels(torch.tensor([-1.0, 0.0, 1.02]).reshape(1, 1, 1, 3)).flatten().tolist()
    [0, 128, 255]
    """
    if torch.isnan(images).any():
        raise ValueError("some pixels are not numbers (NaN), so there is nothing to draw.")
    return (images.detach().float().clamp(-1, 1) * 127.5 + 127.5).round().to(torch.uint8).cpu()


def grid(
    images: Images,
    *,
    columns: int | None = None,
    padding: int = 2,
    scale: int | None = None,
) -> Image.Image:
    """One picture with all images, row by row, on white.

    Args:
        images: Values in [-1, 1]; 1 channel (grey) or 3 (red, green, blue).
        columns: Images in a row; without it, the picture is about square.
        padding: Pixels between images and around them.
        scale: How many pixels wide each pixel becomes, without smoothing; without it, tiny images are
            enlarged until their longer side is about 64 pixels.

    Raises:
        ValueError: If there are no images, or a number of channels that no picture has.
    """
    num_images, channels, height, width = images.shape
    if num_images == 0:
        raise ValueError("got no images, expected at least 1 for a grid.")
    if channels not in (1, 3):
        raise ValueError(f"got images of {channels} channels, expected 1 (grey) or 3 (red, green, blue).")
    columns = min(columns or math.ceil(math.sqrt(num_images)), num_images)
    rows = math.ceil(num_images / columns)
    scale = scale or max(1, round(COMFORTABLE_SIDE / max(height, width)))
    pixels = to_pixels(images).repeat_interleave(scale, dim=2).repeat_interleave(scale, dim=3)
    step_down, step_right = height * scale + padding, width * scale + padding
    canvas = torch.full(
        (channels, rows * step_down + padding, columns * step_right + padding), 255, dtype=torch.uint8
    )
    for index, image in enumerate(pixels):
        top, left = index // columns * step_down + padding, index % columns * step_right + padding
        canvas[:, top : top + height * scale, left : left + width * scale] = image
    return _picture(canvas.unsqueeze(0))


def save(images: Images, path: str | Path, *, columns: int | None = None) -> Path:
    """Write images: as one grid to a picture file, or one by one into a folder.

    Args:
        images: Values in [-1, 1].
        path: A name that ends as a picture does (`.png` and others) gives one grid; a name without an
            ending, or an existing folder, gives a folder with one PNG an image, at its own size.
        columns: Images in a row of the grid.

    Returns:
        The file or folder that was written.

    Raises:
        ValueError: If the name ends in something that is no picture.
    """
    path = Path(path)
    if path.suffix and not path.is_dir():
        if path.suffix.lower() not in Image.registered_extensions():
            raise ValueError(
                f"cannot tell what to write to {path.name}: expected a picture's name, such as "
                f"{path.stem}.png, or a folder's name without an ending."
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        grid(images, columns=columns).save(path)
        return path
    path.mkdir(parents=True, exist_ok=True)
    digits = max(4, len(str(len(images) - 1)))
    for index, pixels in enumerate(to_pixels(images)):
        _picture(pixels.unsqueeze(0)).save(path / f"{index:0{digits}d}.png")
    return path


def _picture(pixels: Pixels) -> Image.Image:
    """The only image of a batch of one as a picture."""
    array = pixels[0].permute(1, 2, 0).numpy()
    return Image.fromarray(array[:, :, 0] if array.shape[2] == 1 else array)
