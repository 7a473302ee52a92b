"""The domain's feature space: learned once, kept, and sensitive to what makes samples bad."""

import pytest
import torch
from safetensors.torch import save_file

from latentia.data import prepare
from latentia.metrics import DomainFeatures, feature_space, kernel_distance, measure_coverage
from latentia.metrics import domain_network as learning


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return prepare("digits", cache=tmp_path_factory.mktemp("stores"), progress=False)


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    return tmp_path_factory.mktemp("kept")


@pytest.fixture(scope="module")
def space(store, kept):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(learning, "MOST_IMAGES", 6400)
        return DomainFeatures(store, cache=kept, progress=False)


@pytest.fixture(scope="module")
def clusters(store, kept):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(learning, "MOST_IMAGES", 3200)
        return DomainFeatures(store, teacher="clusters", cache=kept, progress=False)


def test_it_tells_held_out_digits_and_says_how_well(space, store):
    test = store.split("test")
    right = space.classify(test.images(slice(None))).argmax(1) == test.classes(slice(None))
    assert right.float().mean() > 0.9
    assert space.num_classes == 10
    assert f"{100 * space.accuracy:.1f} % of held-out images" in space.name


def test_a_kept_network_is_the_one_that_was_trained(space, store, kept, monkeypatch):
    monkeypatch.setattr("latentia.metrics.domain.learn", lambda *_, **__: pytest.fail("learned again"))
    again = feature_space("domain", store, cache=kept, progress=False)
    images = store.split("test").images(slice(0, 20))
    assert torch.equal(again(images), space(images))
    assert (again.hash, again.name, again.accuracy) == (space.hash, space.name, space.accuracy)


def test_weights_follow_from_the_seed(store, tmp_path, monkeypatch):
    monkeypatch.setattr(learning, "MOST_IMAGES", 640)
    torch.manual_seed(5)
    before = torch.get_rng_state()
    hashes = [
        DomainFeatures(store, seed=seed, cache=tmp_path / folder, progress=False).hash
        for folder, seed in (("first", 0), ("second", 0), ("third", 1))
    ]
    assert hashes[0] == hashes[1] != hashes[2]
    assert torch.equal(torch.get_rng_state(), before)


def test_features_do_not_depend_on_how_images_are_batched(space, store):
    images = store.split("test").images(slice(0, 30))
    torch.testing.assert_close(space(images, batch_size=7), space(images), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("teacher", ["space", "clusters"])
def test_distances_rise_with_blur_noise_and_lost_modes(teacher, digits, request):
    """Each ladder is measured against real digits; its first rung is real digits as well."""
    space = request.getfixturevalue(teacher)
    images, classes = digits
    real, other, kinds = images[:800], images[800:1600], classes[800:1600]
    noise = torch.randn(other.shape, generator=torch.Generator().manual_seed(1))
    blurred = [other]
    for _ in range(3):
        blurred.append(torch.nn.functional.avg_pool2d(blurred[-1], 3, 1, 1, count_include_pad=False))
    ladders = {
        "blur": blurred,
        "noise": [(other + amount * noise).clamp(-1, 1) for amount in (0, 0.3, 0.6, 1.2)],
        "lost modes": [other[kinds < number] for number in (10, 8, 6, 3)],
    }
    reference = space(real)
    for name, ladder in ladders.items():
        distances = [kernel_distance(reference, space(rung)).value for rung in ladder]
        assert distances == sorted(distances), f"{name}: {distances}"


def test_lost_modes_cost_variety(space, digits):
    images, classes = digits
    other = images[800:1600]
    whole, few = space(other), space(other[classes[800:1600] < 5])
    real = space(images[:800])
    recalls = [measure_coverage(real, fake).recall.value for fake in (whole, few)]
    assert recalls[0] > recalls[1] + 0.2


def test_without_classes_it_learns_from_clusters_and_tells_none(clusters, store):
    """Images of one class must lie nearer than chance although no class was told."""
    test = store.split("test")
    features, classes = clusters(test.images(slice(None))), test.classes(slice(None))
    distances = torch.cdist(features, features).fill_diagonal_(float("inf"))
    assert (classes[distances.argmin(1)] == classes).float().mean() > 0.85
    assert clusters.num_classes == 0
    assert clusters.accuracy is None
    with pytest.raises(ValueError, match="learned from clusters"):
        clusters.classify(test.images(slice(0, 2)))


@pytest.mark.parametrize(("channels", "side"), [(1, 8), (3, 12), (1, 28), (3, 64), (3, 256)])
def test_the_network_takes_every_size_that_the_data_room_makes(channels, side):
    network = learning.DomainNetwork(channels, side, 10).eval()
    images = torch.zeros(2, channels, side, side)
    assert network.features(images).shape == (2, 128)
    assert network.stem(images).shape[-1] <= learning.SMALLEST_GRID


def test_clusters_are_those_of_the_images(tmp_path):
    """Four kinds of images that differ: several clusters may share a kind, none holds two."""
    generator = torch.Generator().manual_seed(0)
    kinds = 255 * torch.rand(4, 3, 32, 32, generator=generator)
    noisy = kinds.repeat(50, 1, 1, 1) + 10 * torch.randn(200, 3, 32, 32, generator=generator)
    train = prepare(noisy.clamp(0, 255).byte(), cache=tmp_path, progress=False).split("train")
    rows, found = learning.clusters(train, seed=0)
    images = 127.5 * (train.images(rows) + 1)
    kind = torch.cdist(images.flatten(1), kinds.flatten(1)).argmin(1)
    assert len(found.unique()) >= 4
    for cluster in found.unique():
        assert len(kind[found == cluster].unique()) == 1


def test_classes_are_asked_for_where_there_are_none(tmp_path):
    noise = torch.rand(40, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    store = prepare((255 * noise).byte(), cache=tmp_path, progress=False)
    with pytest.raises(ValueError, match="at least 2 are needed"):
        DomainFeatures(store, teacher="classes", cache=tmp_path, progress=False)


def test_a_damaged_file_is_named(store, tmp_path, monkeypatch):
    monkeypatch.setattr(learning, "MOST_IMAGES", 64)
    DomainFeatures(store, cache=tmp_path, progress=False)
    (file,) = (tmp_path / "spaces").iterdir()
    save_file({"strange": torch.zeros(2)}, file)
    with pytest.raises(ValueError, match=file.name):
        DomainFeatures(store, cache=tmp_path, progress=False)
