import gzip
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentia.data import Preparation, idx, prepare


def idx_bytes(array: np.ndarray, kind: int = 0x08) -> bytes:
    return bytes([0, 0, kind, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def write_pair(folder, part, count, *, packed, first=0):
    images = np.random.default_rng(first).integers(0, 256, (count, 28, 28), dtype=np.uint8)
    labels = (np.arange(count) % 10).astype(np.uint8)
    for name, array in ((f"{part}-images-idx3-ubyte", images), (f"{part}-labels-idx1-ubyte", labels)):
        data = idx_bytes(array)
        path = folder / (name + ".gz" * packed)
        path.write_bytes(gzip.compress(data) if packed else data)
    return images, labels


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("by_file", [False, True])
def test_both_parts_with_labels(tmp_path, packed, by_file):
    write_pair(tmp_path, "train", 60, packed=packed)
    images, labels = write_pair(tmp_path, "t10k", 20, packed=packed, first=1)
    source = tmp_path / ("train-images-idx3-ubyte" + ".gz" * packed) if by_file else tmp_path
    store = prepare(source, progress=False)
    test = store.split("test")
    assert store.facts.image_shape == (1, 28, 28)
    assert store.facts.classes == tuple("0123456789")
    assert len(test) == 20
    assert store.facts.num_train + store.facts.num_validation == 60
    assert np.array_equal(((test.images(slice(None)) + 1) * 127.5).round().numpy()[:, 0], images)
    assert test.given(slice(None)).tolist() == labels.tolist()
    assert store.report.split_by == "published"


def test_one_file_of_any_name_without_labels(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (20, 12, 8, 3), dtype=np.uint8)
    (tmp_path / "mine.idx").write_bytes(idx_bytes(images))
    store = prepare(tmp_path / "mine.idx", progress=False)
    assert store.facts.image_shape == (3, 12, 8)
    assert store.facts.classes == ()
    assert store.split("train").given(slice(None)) is None


def test_published_split_can_be_declined(tmp_path):
    write_pair(tmp_path, "train", 60, packed=False)
    write_pair(tmp_path, "t10k", 60, packed=False, first=1)
    store = prepare(tmp_path, Preparation(split="hash"), progress=False)
    assert store.report.split_by == "hash"
    assert store.facts.num_train > 60


good = idx_bytes(np.zeros((20, 8, 8), dtype=np.uint8))


@pytest.mark.parametrize(
    ("data", "letter"),
    [
        (b"", "no IDX file"),
        (b"\x01\x00\x08\x03" + good[4:], "no IDX file"),
        (b"\x00\x00\x0d\x03" + good[4:], "0x0d"),
        (good[:-1], "20 x 8 x 8"),
        (good + b"\0", "20 x 8 x 8"),
        (good[:4] + b"\xff" * 12, "Fetch it again"),
        (gzip.compress(good, mtime=0)[:-9], "Fetch it again"),
    ],
    ids=["empty", "magic", "doubles", "short", "long", "huge", "cut"],
)
def test_damage_is_named(tmp_path, data, letter):
    path = tmp_path / "images-idx3-ubyte"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=letter):
        idx.read(path)


@given(st.binary(max_size=40))
def test_corrupt_headers_never_crash(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("idx") / "images-idx3-ubyte"
    path.write_bytes(b"\x00\x00\x08" + data)
    try:
        array = idx.read(path)
    except ValueError as error:
        letter = str(error)
        array = np.frombuffer(letter.encode(), np.uint8)
    assert array.dtype == np.uint8


def test_labels_that_do_not_fit(tmp_path):
    write_pair(tmp_path, "train", 60, packed=False)
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx_bytes(np.zeros(59, dtype=np.uint8)))
    with pytest.raises(ValueError, match="60 images"):
        prepare(tmp_path, progress=False)
