import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from latentia.data.pictures import grid, save, to_pixels


@given(st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=20))
def test_pixels_never_wrap(values):
    images = torch.tensor(values).reshape(1, 1, 1, -1)
    pixels = to_pixels(images).flatten().tolist()
    expected = [round(min(max(v, -1.0), 1.0) * 127.5 + 127.5) for v in values]
    assert all(abs(p - e) <= 1 for p, e in zip(pixels, expected, strict=True))
    assert all(p == 255 for p, v in zip(pixels, values, strict=True) if v >= 1)
    assert all(p == 0 for p, v in zip(pixels, values, strict=True) if v <= -1)


def test_every_level_survives_the_way_to_images_and_back():
    levels = torch.arange(256)
    images = (2 * levels.float() / 255 - 1).reshape(1, 1, 16, 16)
    assert torch.equal(to_pixels(images).flatten().long(), levels)


def test_nan_is_refused():
    with pytest.raises(ValueError, match="NaN"):
        to_pixels(torch.full((1, 1, 2, 2), float("nan")))


def test_grid_puts_images_where_they_belong():
    images = torch.stack([torch.full((1, 4, 6), value) for value in (-1.0, 0.0, 1.0)])
    picture = grid(images, columns=2, padding=1, scale=2)
    assert picture.mode == "L"
    assert picture.size == (2 * 13 + 1, 2 * 9 + 1)
    pixels = np.asarray(picture)
    assert (pixels[1:9, 1:13] == 0).all()
    assert (pixels[1:9, 14:26] == 128).all()
    assert (pixels[0] == 255).all()
    assert (pixels[10:18, 14:26] == 255).all(), "an empty place is white"


def test_tiny_images_are_enlarged_without_smoothing():
    images = torch.rand(1, 3, 8, 8) * 2 - 1
    picture = grid(images, padding=0)
    assert picture.size == (64, 64)
    assert len(np.unique(np.asarray(picture).reshape(-1, 3), axis=0)) <= 64


@pytest.mark.parametrize("shape", [(0, 1, 4, 4), (2, 2, 4, 4)])
def test_grid_letters(shape):
    with pytest.raises(ValueError, match="expected"):
        grid(torch.zeros(shape))


def test_save_one_grid_or_a_folder(tmp_path):
    images = torch.linspace(-1, 1, 3 * 16).reshape(3, 1, 4, 4)
    assert save(images, tmp_path / "new" / "all.png") == tmp_path / "new" / "all.png"
    folder = save(images, tmp_path / "each")
    files = sorted(folder.iterdir())
    assert [file.name for file in files] == ["0000.png", "0001.png", "0002.png"]
    stored = torch.from_numpy(np.array(Image.open(files[1])))
    assert torch.equal(stored, to_pixels(images)[1, 0])
    with pytest.raises(ValueError, match=r"all\.png"):
        save(images, tmp_path / "all.txt")
