import pickle

import numpy as np
import pytest
import torch
from PIL import Image

from latentia.data import Preparation, prepare

RANDOM = np.random.default_rng(0)
BYTES = RANDOM.integers(0, 256, (20, 16, 12, 3), dtype=np.uint8)


def levels_of(store):
    """All stored levels, in the order of their names."""
    found = {}
    for part in map(store.split, ("train", "validation", "test")):
        stored = ((part.images(slice(None)) + 1) * (store.facts.levels - 1) / 2).round().byte().numpy()
        found.update(zip(part.names, stored, strict=True))
    return np.stack([found[name] for name in sorted(found)])


@pytest.mark.parametrize(
    ("array", "shape"),
    [
        (BYTES, (3, 16, 12)),
        (BYTES.transpose(0, 3, 1, 2), (3, 16, 12)),
        (BYTES[..., 0], (1, 16, 12)),
        (BYTES[..., :1], (1, 16, 12)),
        (BYTES.astype(np.int64), (3, 16, 12)),
    ],
)
@pytest.mark.parametrize("wrap", [np.asarray, lambda a: torch.from_numpy(np.ascontiguousarray(a))])
def test_layouts_are_guessed_and_said(array, shape, wrap):
    store = prepare(wrap(array), progress=False)
    assert store.facts.image_shape == shape
    assert store.facts.levels == 256
    assert np.array_equal(levels_of(store), BYTES.transpose(0, 3, 1, 2)[:, : shape[0]])
    assert any("Read as (images" in note for note in store.report.notes)


@pytest.mark.parametrize(
    ("array", "levels"),
    [
        (RANDOM.random((20, 8, 8)) > 0.5, 2),
        (RANDOM.integers(0, 2, (20, 8, 8)), 2),
        (RANDOM.integers(0, 17, (20, 8, 8)).astype(np.float64), 17),
        (RANDOM.integers(0, 8, (20, 8, 8)).astype(np.uint8), 8),
        (RANDOM.integers(0, 2, (20, 8, 8)).astype(np.uint8) * 255, 2),
        (RANDOM.integers(0, 16, (20, 8, 8)).astype(np.uint8) * 17, 16),
        (RANDOM.integers(0, 65536, (20, 8, 8)).astype(np.uint16), 256),
        (RANDOM.random((20, 8, 8), dtype=np.float32), 256),
        (RANDOM.random((20, 8, 8)) * 2 - 1, 256),
    ],
)
def test_levels_are_found(array, levels):
    assert prepare(array, progress=False).facts.levels == levels


def test_values_keep_their_meaning():
    for values, expected in (
        (np.array([0.0, 0.5, 1.0]), [0, 128, 255]),
        (np.array([-1.0, 0.0, 0.25]), [0, 128, 159]),
        (np.array([0, 257 * 41, 65535], dtype=np.uint16), [0, 41, 255]),
    ):
        array = np.resize(values, (20, 8, 8)).copy()
        array[:, 1:] = values[RANDOM.integers(0, 3, (20, 7, 8))]
        levels = levels_of(prepare(array, progress=False))
        known = np.searchsorted(values, array)
        assert np.array_equal(levels[:, 0], np.array(expected)[known])


@pytest.mark.parametrize(
    ("array", "letter"),
    [
        (np.zeros((20, 3, 8, 3), np.uint8), "cannot tell where the channels"),
        (np.zeros((20, 8, 8, 5), np.uint8), "cannot tell where the channels"),
        (np.zeros((20, 8), np.uint8), "3 or 4 dimensions"),
        (np.full((20, 8, 8), 7.5), "no known form"),
        (np.full((20, 8, 8), -3), "no known form"),
        (np.full((20, 8, 8), np.nan), "NaN"),
        (np.zeros((20, 8, 8), complex), "holds no pixels"),
        (np.zeros((0, 8, 8), np.uint8), "no images"),
        (np.zeros((15, 8, 8), np.uint8), "15 good"),
    ],
)
def test_letters(array, letter):
    with pytest.raises(ValueError, match=letter):
        prepare(array, progress=False)


def test_resizing_an_array_goes_through_8_bits():
    digits = RANDOM.integers(0, 17, (20, 8, 8))
    store = prepare(digits, Preparation(size=16), progress=False)
    assert store.facts.image_shape == (1, 16, 16)
    assert store.facts.levels == 256
    coloured = prepare(digits, Preparation(channels="rgb"), progress=False)
    assert coloured.facts.image_shape == (3, 8, 8)
    assert coloured.facts.levels == 17
    grey = prepare(BYTES, Preparation(channels="grey"), progress=False)
    assert grey.facts.image_shape == (1, 16, 12)


def test_transparent_arrays_are_laid_on_the_background():
    array = np.zeros((20, 8, 8, 4), np.uint8)
    array[:, :, :4] = RANDOM.integers(1, 256, (20, 8, 4, 1))
    array[:, :, :4, 3] = 255
    levels = levels_of(prepare(array, Preparation(background="white"), progress=False))
    assert (levels[:, :, :, 4:] == 255).all()
    assert np.array_equal(levels[:, 0, :, :4], array[:, :, :4, 0])


def test_npz_with_labels_and_other_arrays(tmp_path):
    labels = np.array(["b", "a"] * 10)
    np.savez(tmp_path / "set.npz", pictures=BYTES, labels=labels, weights=np.ones(3))
    store = prepare(tmp_path / "set.npz", progress=False)
    assert store.facts.classes == ("a", "b")
    np.savez(tmp_path / "two.npz", one=BYTES, two=BYTES)
    with pytest.raises(ValueError, match=r"one, two.*`images`"):
        prepare(tmp_path / "two.npz", progress=False)
    np.savez(tmp_path / "said.npz", images=BYTES, two=BYTES, y=np.ones((20, 2)))
    assert prepare(tmp_path / "said.npz", progress=False).facts.attributes == ("attribute_0", "attribute_1")


class Trap:
    def __reduce__(self):
        return pytest.fail, ("a pickle was read",)


def test_no_pickle_is_ever_read(tmp_path):
    np.save(tmp_path / "objects.npy", np.array([Trap()] * 20, dtype=object), allow_pickle=True)
    np.savez(tmp_path / "objects.npz", images=np.array([Trap()] * 20, dtype=object))
    (tmp_path / "objects.pkl").write_bytes(pickle.dumps(Trap()))
    (tmp_path / "renamed.npy").write_bytes(pickle.dumps(Trap()))
    for name in ("objects.npy", "objects.npz", "renamed.npy", "objects.pkl"):
        with pytest.raises(ValueError, match="never"):
            prepare(tmp_path / name, progress=False)
    (tmp_path / "short.npy").write_bytes(b"\x93NUMPY\x01\x00")
    with pytest.raises(ValueError, match=r"short\.npy"):
        prepare(tmp_path / "short.npy", progress=False)


class Pairs(torch.utils.data.Dataset):
    def __init__(self, items, labels=None):
        self.items, self.labels = items, labels

    def __len__(self):
        return len(self.items)

    def __getitem__(self, index):
        return self.items[index] if self.labels is None else (self.items[index], self.labels[index])


@pytest.mark.parametrize(
    "items",
    [
        [torch.from_numpy(a.transpose(2, 0, 1).copy()) for a in BYTES],
        [torch.from_numpy(a.transpose(2, 0, 1) / 255.0).float() for a in BYTES],
        [torch.from_numpy(a.transpose(2, 0, 1) / 127.5 - 1).float() for a in BYTES],
        list(BYTES),
    ],
)
def test_datasets_of_tensors(items):
    store = prepare(Pairs(items, [i % 2 for i in range(20)]), progress=False)
    assert np.array_equal(levels_of(store), BYTES.transpose(0, 3, 1, 2))
    assert store.facts.classes == ("0", "1")
    again = prepare(Pairs(items, [i % 2 for i in range(20)]), progress=False)
    assert again.path == store.path
    assert prepare(Pairs(items, [0] * 20), progress=False).path != store.path


def test_datasets_of_pictures_of_several_sizes(picture):
    store = prepare(Pairs([picture(i, size=(40 + i, 36)) for i in range(20)]), progress=False)
    assert store.facts.image_shape == (3, 32, 32)
    assert isinstance(store.split("train").images(slice(0, 1)), torch.Tensor)


@pytest.mark.parametrize(
    ("items", "letter"),
    [
        ([torch.zeros(1, 8, 8)] * 10 + [torch.zeros(1, 8, 9)] * 10, "2 kinds"),
        (["name.png"] * 20, "is a str"),
        ([Image.new("L", (8, 8))] * 3, "only 3 good"),
    ],
)
def test_dataset_letters(items, letter):
    with pytest.raises(ValueError, match=letter):
        prepare(Pairs(items), progress=False)
    with pytest.raises(ValueError, match="map-style"):
        prepare(iter(items), progress=False)
