"""Feature spaces by name, and features of real images that are kept on disk."""

import pytest
import torch

from latentia.data import prepare
from latentia.metrics import PixelFeatures, RandomFeatures, cached_features, feature_cache, feature_space


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return prepare("digits", cache=tmp_path_factory.mktemp("stores"), progress=False)


class Counting(RandomFeatures):
    """A costly space that counts the images it has seen."""

    costly = True
    seen = 0

    def _embed(self, images):
        self.seen += len(images)
        return super()._embed(images)


def test_names_make_their_spaces(store):
    assert feature_space("random", store).hash == RandomFeatures(1).hash
    assert isinstance(feature_space("pixels", store), PixelFeatures)
    assert feature_space("pixels", store).hash == feature_space("pixels", store).hash


@pytest.mark.parametrize("name", ["fid", "dinov2", "dinov2:", "random:3", ""])
def test_an_unknown_name_is_answered_with_the_list(store, name):
    with pytest.raises(ValueError, match=r"random .*pixels .*domain .*inception .*dinov2:PATH"):
        feature_space(name, store)


def test_features_are_computed_once(tmp_path):
    images, space = torch.rand(10, 1, 8, 8), Counting(1)
    first = cached_features(space, lambda: images, "data", "test", cache=tmp_path)
    second = cached_features(space, lambda: pytest.fail("made again"), "data", "test", cache=tmp_path)
    assert torch.equal(first, second)
    assert space.seen == 10
    cached_features(space, lambda: images, "data", "train", cache=tmp_path)
    cached_features(Counting(1, seed=1), lambda: images, "data", "test", cache=tmp_path)
    assert space.seen == 20
    assert len(list((tmp_path / "features").iterdir())) == 3


def test_a_cheap_space_keeps_nothing(tmp_path):
    cached_features(RandomFeatures(1), lambda: torch.rand(4, 1, 8, 8), "data", cache=tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_damaged_file_is_computed_anew(tmp_path):
    images, space = torch.rand(10, 1, 8, 8), Counting(1)
    first = cached_features(space, lambda: images, "data", cache=tmp_path)
    (file,) = (tmp_path / "features").iterdir()
    file.write_bytes(b"half of a file")
    assert torch.equal(cached_features(space, lambda: images, "data", cache=tmp_path), first)


def test_the_cache_is_bounded_and_keeps_what_was_used_last(tmp_path, monkeypatch):
    monkeypatch.setattr(feature_cache, "MOST_FILES", 2)
    images, space = torch.rand(2, 1, 8, 8), Counting(1)
    for number in (1, 2, 1, 3):
        cached_features(space, lambda: images, number, cache=tmp_path)
    assert len(list((tmp_path / "features").iterdir())) == 2
    before = space.seen
    cached_features(space, lambda: images, 1, cache=tmp_path)
    assert space.seen == before


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path):
    (tmp_path / "features").write_text("a file, not a folder")
    with pytest.raises(ValueError, match="LATENTIA_CACHE"):
        cached_features(Counting(1), lambda: torch.rand(2, 1, 8, 8), "data", cache=tmp_path)
