import io
import tarfile

import numpy as np
import pytest

from latentia.data import cifar, prepare

FILES = (*cifar.TRAIN_FILES, cifar.TEST_FILE)


def records(number: int, count: int = 10) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(number)
    labels = random.integers(0, 10, (count, 1), dtype=np.uint8)
    return labels, random.integers(0, 256, (count, 3, 32, 32), dtype=np.uint8)


def file_bytes(number: int) -> bytes:
    labels, images = records(number)
    return np.concatenate([labels, images.reshape(len(images), -1)], axis=1).tobytes()


def pack(path, files: dict[str, bytes], mode="w:gz"):
    with tarfile.open(path, mode) as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


@pytest.fixture
def published(tmp_path):
    return {f"cifar-10-batches-bin/{name}": file_bytes(number) for number, name in enumerate(FILES)}


@pytest.mark.parametrize("extracted", [False, True])
def test_binary_version(tmp_path, published, extracted):
    if extracted:
        source = tmp_path / "cifar-10-batches-bin"
        source.mkdir()
        for name, data in published.items():
            (tmp_path / name).write_bytes(data)
    else:
        source = pack(tmp_path / "cifar-10-binary.tar.gz", published)
    store = prepare(source, progress=False)
    labels, images = records(len(FILES) - 1)
    test = store.split("test")
    assert store.facts.image_shape == (3, 32, 32)
    assert store.facts.classes[:3] == ("airplane", "automobile", "bird")
    assert np.array_equal(((test.images(slice(None)) + 1) * 127.5).round().numpy(), images)
    assert test.given(slice(None)).tolist() == labels.ravel().tolist()
    assert store.facts.num_train + store.facts.num_validation == 50


def test_the_pickled_version_is_refused_with_the_other_s_name(tmp_path):
    bomb = b"cos\nsystem\n(S'touch pwned'\ntR."
    archive = pack(tmp_path / "cifar-10-python.tar.gz", {"cifar-10-batches-py/data_batch_1": bomb})
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    (folder / "data_batch_1").write_bytes(bomb)
    for source in (archive, folder, folder / "data_batch_1"):
        with pytest.raises(ValueError, match=r"cifar-10-binary\.tar\.gz"):
            prepare(source, progress=False)


def test_damage_is_named(tmp_path, published):
    name = "cifar-10-batches-bin/data_batch_3.bin"
    short = {**published, name: published[name][:-1]}
    with pytest.raises(ValueError, match=r"data_batch_3\.bin"):
        prepare(pack(tmp_path / "short.tar", short, "w"), progress=False)
    del published[name]
    with pytest.raises(ValueError, match=r"lacks data_batch_3\.bin"):
        prepare(pack(tmp_path / "lacking.tar", published, "w"), progress=False)
