import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory, monkeypatch):
    """Every test builds its stores anew, and sees none of the user's data."""
    monkeypatch.setenv("LATENTIA_CACHE", str(tmp_path_factory.mktemp("cache")))
    monkeypatch.delenv("LATENTIA_DATA", raising=False)


@pytest.fixture
def picture():
    """Makes a distinct picture from a number."""

    def make(number: int, size: tuple[int, int] = (16, 16), mode: str = "RGB") -> Image.Image:
        shape = (size[1], size[0], 3) if mode == "RGB" else (size[1], size[0])
        pixels = np.random.default_rng(number).integers(0, 256, shape, dtype=np.uint8)
        return Image.fromarray(pixels)

    return make


@pytest.fixture
def png(picture):
    """Makes the bytes of a distinct PNG from a number."""

    def make(number: int, **form) -> bytes:
        out = io.BytesIO()
        picture(number, **form).save(out, "PNG")
        return out.getvalue()

    return make


@pytest.fixture
def fill(png):
    """Writes distinct PNGs into a folder."""

    def write(folder: Path, count: int, first: int = 0, **form) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        for number in range(first, first + count):
            (folder / f"{number:03d}.png").write_bytes(png(number, **form))
        return folder

    return write
