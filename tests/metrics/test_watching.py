"""The judge of samples: it changes nothing, says the same twice, and sees what is wrong with draws."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional

from latentia.data import prepare
from latentia.metrics.watching import make_judge
from latentia.protocols import GenerativeModel

CPU = torch.device("cpu")


class Replay(GenerativeModel):
    """Draws training images after something was done to them."""

    def __init__(self, images, change=lambda images: images):
        super().__init__()
        self.image_shape = tuple(images.shape[1:])
        self.images, self.change, self.drawn = images, change, 0

    def sample(self, num_images, *, given=None, generator=None, noise=True, temperature=1.0):
        self.drawn += num_images
        chosen = torch.randint(len(self.images), (num_images,), generator=generator)
        return self.change(self.images[chosen])

    def objectives(self):
        return ()


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return prepare("digits", cache=tmp_path_factory.mktemp("cache"), progress=False)


@pytest.fixture(scope="module")
def judge(store):
    return make_judge(store.split("validation"), seed=0, device=CPU)


@pytest.fixture(scope="module")
def train(store):
    return store.split("train").images(slice(None))


def distance(judge, images, change=lambda images: images) -> float:
    return judge(Replay(images, change).eval())["kernel_distance"]


def test_it_says_the_same_twice_and_another_seed_something_else(store, judge, train) -> None:
    assert distance(judge, train) == distance(judge, train)
    other = make_judge(store.split("validation"), seed=1, device=CPU)
    assert distance(judge, train) != distance(other, train)


def test_it_leaves_the_generators_of_the_process_alone(judge, train) -> None:
    before = torch.get_rng_state()
    distance(judge, train)
    assert torch.equal(before, torch.get_rng_state())


def noisy(amount: float):
    generator = torch.Generator().manual_seed(0)
    return lambda images: images + amount * torch.randn(images.shape, generator=generator)


def blurred(amount: float):
    return lambda images: torch.lerp(images, functional.avg_pool2d(images, 3, 1, 1), amount)


@pytest.mark.parametrize("damage", [noisy, blurred])
def test_the_more_draws_are_damaged_the_further_they_are(judge, train, damage) -> None:
    distances = [distance(judge, train, damage(amount)) for amount in (0.0, 0.2, 0.5, 1.0)]
    assert distances == sorted(distances)
    assert distances[-1] > 10 * abs(distances[0])


def test_missing_modes_are_seen(judge, store, train) -> None:
    classes = store.split("train").classes(slice(None))
    distances = [distance(judge, train[classes < count]) for count in (10, 5, 2, 1)]
    assert distances == sorted(distances)


def test_real_images_are_at_no_distance_whatever_their_number(store, train) -> None:
    split = store.split("validation")
    for count in (20, 60, 171):
        judge = make_judge(replace(split, _rows=split._rows[:count]), seed=0, device=CPU)
        assert abs(distance(judge, train)) < 0.1 * distance(judge, train[:1])
    assert make_judge(replace(split, _rows=split._rows[:19]), seed=0, device=CPU) is None


@pytest.mark.parametrize(("side", "draws"), [(8, 500), (40, 300), (64, 100)])
def test_large_images_are_drawn_less_often(tmp_path, side, draws) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (24, side, side, 1), dtype=np.uint8)
    split = prepare(pixels, cache=tmp_path, progress=False).split("train")
    split = replace(split, _rows=split._rows[:1].repeat(20))
    model = Replay(split.images(slice(0, 1)))
    make_judge(split, seed=0, device=CPU)(model)
    assert model.drawn == draws
