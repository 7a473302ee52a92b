"""Single images brought to the form of a store's."""

import numpy as np
import pytest
import torch
from PIL import Image

from latentia.data import Preparation, prepare
from latentia.data.reading import image_files, read_images


@pytest.fixture
def store(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (40, 8, 8), dtype=np.uint8)
    return prepare(noise, Preparation(), cache=tmp_path / "cache", progress=False)


def test_a_file_takes_the_shape_of_the_store(store, tmp_path):
    Image.new("RGB", (40, 20), (255, 255, 255)).save(tmp_path / "a.jpg")
    Image.new("L", (8, 8), 0).save(tmp_path / "b.png")
    images = read_images([tmp_path / "a.jpg", tmp_path / "b.png"], store.facts, store.preparation)
    assert images.shape == (2, 1, 8, 8)
    torch.testing.assert_close(images[0], torch.ones(1, 8, 8))
    torch.testing.assert_close(images[1], -torch.ones(1, 8, 8))


def test_files_of_a_folder_in_order_and_images_alone(tmp_path):
    (tmp_path / "inner").mkdir()
    for name in ("b.png", "a.JPG", "notes.txt", "inner/c.webp"):
        (tmp_path / name).write_bytes(b"")
    assert [path.name for path in image_files(tmp_path)] == ["a.JPG", "b.png", "c.webp"]


def test_letters(store, tmp_path):
    with pytest.raises(ValueError, match="no images in"):
        image_files(tmp_path / "cache")
    with pytest.raises(ValueError, match=r"no image .*missing\.png"):
        read_images([tmp_path / "missing.png"], store.facts, store.preparation)
    (tmp_path / "bad.png").write_text("words")
    with pytest.raises(ValueError, match=r"bad\.png cannot be used"):
        read_images([tmp_path / "bad.png"], store.facts, store.preparation)
