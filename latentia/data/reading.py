"""Single images from files, brought to the form that a run's images have."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from latentia._types import Images
from latentia.data.decoding import Frame, render, strictly
from latentia.data.facts import Facts, Preparation
from latentia.data.folders import IMAGE_SUFFIXES


def image_files(folder: Path) -> list[Path]:
    """All files of a folder, and of those in it, whose names end as those of images do, in order.

    Raises:
        ValueError: If there are none.
    """
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in IMAGE_SUFFIXES)
    if not files:
        raise ValueError(f"There are no images in {folder}.")
    return files


def read_images(files: Sequence[Path], facts: Facts, preparation: Preparation) -> Images:
    """Images of any size and colours as those of a store: cut or padded as they, and of its size.

    Args:
        files: At least one.
        facts: Of the store. Where it is black and white, what is brighter than half becomes white.
        preparation: Of the store: how images are fitted, and what stands under transparent pixels.

    Raises:
        ValueError: If a file is missing, or is no image: says which.
    """
    frame = Frame(*facts.image_shape, preparation.fit, preparation.background)
    pixels = []
    with strictly():
        for file in files:
            if not file.is_file():
                raise ValueError(f"There is no image {file}.")
            try:
                pixels.append(render(file.read_bytes(), frame))
            except ValueError as error:
                raise ValueError(f"{file} cannot be used as an image: {error}.") from error
    images = torch.from_numpy(np.stack(pixels)).float() / 127.5 - 1
    return images.sign() if facts.levels == 2 else images
