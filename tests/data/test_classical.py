"""Classical augmentation: known places of known pixels."""

import math

import pytest
import torch

from latentia.data import Preparation, Supply, prepare
from latentia.data.classical import Changed, Classical


def furthest(images, **settings):
    """Changed by the largest change each way."""
    return Classical(**settings)(images, torch.ones(len(images), 5))


def numbers(images, seed=0):
    return torch.rand(len(images), Classical.num_numbers, generator=generator(seed))


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def ramps():
    """Images of height 12 and width 20 whose two channels are the place down and to the right."""
    down = torch.linspace(-1, 1, 12)[:, None].expand(12, 20)
    right = torch.linspace(-1, 1, 20)[None, :].expand(12, 20)
    return torch.stack([down, right])[None]


def test_a_shift_moves_whole_pixels_and_repeats_the_edge():
    images = torch.arange(10.0).expand(1, 1, 10, 10) / 5 - 1
    moved = furthest(images, shift=0.2, turn=0, scale=0)
    assert torch.allclose(moved[0, 0, 4, :8], images[0, 0, 4, 2:], atol=1e-5)
    assert torch.allclose(moved[0, 0, 4, 8:], images[0, 0, 4, 9:].expand(2), atol=1e-5)


def test_a_turn_keeps_the_lengths_of_images_that_are_not_square(ramps):
    """The middle's neighbourhood, read off coordinates in pixels, is turned and not sheared."""
    moved = furthest(ramps, shift=0, turn=30, scale=0)[0]
    pixels = torch.stack([moved[0] * 11 / 2, moved[1] * 19 / 2])  # down, right, in pixels from the middle
    step_right = pixels[:, 6, 10] - pixels[:, 6, 9]
    step_down = pixels[:, 6, 9] - pixels[:, 5, 9]
    assert torch.allclose(step_right.norm(), torch.tensor(1.0), atol=1e-4)
    assert torch.allclose(step_down.norm(), torch.tensor(1.0), atol=1e-4)
    assert abs(float(step_right @ step_down)) < 1e-4
    assert abs(float(step_right[1]) - math.cos(math.radians(30))) < 1e-4


def test_a_scale_makes_steps_longer(ramps):
    moved = furthest(ramps, shift=0, turn=0, scale=0.2)[0]
    assert abs(float(moved[1, 6, 10] - moved[1, 6, 9]) * 19 / 2 - 1.2) < 1e-4


def test_flips_half_of_the_images_and_only_where_asked(ramps):
    many = ramps.expand(400, -1, -1, -1)
    still = {"shift": 0, "turn": 0, "scale": 0}
    flipped = Classical(**still, flip=True)(many, numbers(many))
    mirrored = (flipped[:, 1, 0, 0] > 0).float().mean()
    assert 0.4 < mirrored < 0.6
    assert torch.allclose(Classical(**still)(many, numbers(many)), many, atol=1e-5)


def test_the_same_seed_changes_the_same_way_and_values_stay_in_range():
    images = torch.rand(8, 3, 16, 12, generator=generator(1)) * 2 - 1
    one, again = (Classical(flip=True)(images, numbers(images)) for _ in range(2))
    assert torch.equal(one, again)
    assert one.abs().max() <= 1
    assert one.shape == images.shape
    assert not torch.allclose(one, Classical(flip=True)(images, numbers(images, 2)))


@pytest.mark.parametrize("wrong", [{"shift": 2}, {"turn": -1}, {"scale": 1}])
def test_refuses_what_is_out_of_range(wrong):
    with pytest.raises(ValueError, match="a shift is"):
        Classical(**wrong)


class TestChanged:
    @pytest.fixture
    def train(self):
        return prepare("digits", progress=False).split("train")

    def test_is_what_training_draws_from(self, train):
        changed = Changed(train, Classical())
        assert isinstance(changed, Supply)
        assert changed.fresh
        assert len(changed) == len(train)
        assert changed.image_shape == train.image_shape
        assert torch.equal(changed.given(slice(0, 9)), train.given(slice(0, 9)))

    def test_changes_images_with_numbers_and_none_without(self, train):
        changed, rows = Changed(train, Classical()), slice(0, 9)
        uniform = torch.rand(9, *train.image_shape, generator=generator())
        expected = Classical()(train.images(rows), uniform.flatten(1)[:, :5])
        assert torch.equal(changed.images(rows, uniform=uniform), expected)
        assert torch.equal(changed.images(rows), train.images(rows))

    def test_refuses_what_is_drawn_anew_already(self):
        drawn = prepare("digits", Preparation(binarise="dynamic"), progress=False).split("train")
        with pytest.raises(ValueError, match="drawn anew"):
            Changed(drawn, Classical())
