"""Augmentation: what it does to images, how often, and that gradients pass through it."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from latentia.data.augmentation import Augmentation
from latentia.models.gan.augmented import AugmentedView
from latentia.training.processes import Processes
from latentia.training.turn import StepTurn

ALONE = {
    "colour": Augmentation(translation=0, cutout=0),
    "translation": Augmentation(colour=False, cutout=0),
    "cutout": Augmentation(colour=False, translation=0),
    "flip": Augmentation(colour=False, translation=0, cutout=0, flip=True),
}
EACH = pytest.mark.parametrize("name", list(ALONE))


def pictures(count: int, channels: int = 3, height: int = 8, width: int = 12) -> torch.Tensor:
    return torch.rand(count, channels, height, width, generator=torch.Generator().manual_seed(0)) * 2 - 1


def uniform(count: int, seed: int = 1) -> torch.Tensor:
    return torch.rand(count, Augmentation.num_numbers, generator=torch.Generator().manual_seed(seed)) - 0.5


@given(
    st.integers(1, 4), st.integers(1, 9), st.integers(1, 9), st.booleans(), st.floats(0, 1), st.floats(0, 1)
)
@settings(max_examples=40, deadline=None)
def test_any_shape_keeps_its_shape_and_at_probability_0_its_values(
    channels, height, width, flip, shift, hole
):
    images, drawn = pictures(5, channels, height, width), uniform(5)
    change = Augmentation(translation=shift, cutout=hole, flip=flip)
    assert torch.equal(change(images, drawn, 0.0), images)
    changed = change(images, drawn, 1.0)
    assert changed.shape == images.shape
    assert bool(torch.isfinite(changed).all())


@EACH
@pytest.mark.parametrize("probability", [0.3, 1.0])
def test_each_change_is_made_as_often_as_it_is_said(name: str, probability: float) -> None:
    images = pictures(4000)
    changed = ALONE[name](images, uniform(4000), probability)
    part = float((changed != images).flatten(1).any(1).float().mean())
    idle = {"translation": 1 / 15, "flip": 1 / 2}.get(name, 0.0)  # a shift of (0, 0), of 3 x 5
    assert part == pytest.approx(probability * (1 - idle), abs=0.03)


def test_changes_are_drawn_for_each_image_and_each_kind_by_itself() -> None:
    made = [
        ALONE[name](pictures(4000), uniform(4000), 0.5) != pictures(4000) for name in ("colour", "cutout")
    ]
    one, other = (change.flatten(1).any(1).float() for change in made)
    assert float((one * other).mean()) == pytest.approx(float(one.mean() * other.mean()), abs=0.03)
    assert 0.4 < float(one.mean()) < 0.6


@EACH
def test_gradients_pass_through(name: str) -> None:
    images = pictures(4).double().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: ALONE[name](x, uniform(4), 1.0), images)
    (gradient,) = torch.autograd.grad(ALONE[name](images, uniform(4), 1.0).sum(), images)
    assert bool((gradient != 0).any())


def test_colours_move_as_they_should() -> None:
    images, drawn = pictures(4000), uniform(4000)
    shifted = ALONE["colour"](images, drawn, 1.0)
    offset = (shifted - images).mean((1, 2, 3))
    assert torch.allclose(offset, drawn[:, 5], atol=1e-5), "brightness is all that moves the mean"
    spread = shifted.mean(1).std((1, 2)) / images.mean(1).std((1, 2))
    assert torch.allclose(spread, 1 + drawn[:, 7], atol=1e-4), "contrast scales what is left of grey"
    assert 0.5 <= float(spread.min()) < 0.52
    assert 1.48 < float(spread.max()) <= 1.5


def test_translation_shifts_whole_pixels_and_fills_with_grey() -> None:
    images = torch.ones(4000, 1, 8, 16)
    images[:, :, 3, 5] = 2.0
    moved = ALONE["translation"](images, uniform(4000), 1.0)
    places = (moved == 2).nonzero()
    assert len(places) == 4000
    down, right = places[:, 2] - 3, places[:, 3] - 5
    assert set(down.tolist()) == {-1, 0, 1}
    assert set(right.tolist()) == {-2, -1, 0, 1, 2}
    counts = torch.bincount(right + 2) / 4000
    assert torch.allclose(counts, torch.full((5,), 0.2), atol=0.03)
    lost = (moved == 0).sum((1, 2, 3))
    assert torch.equal(lost, 128 - (8 - down.abs()) * (16 - right.abs()))


def test_cutout_takes_a_square_of_half_the_side_around_any_pixel() -> None:
    holes = ALONE["cutout"](torch.ones(4000, 1, 8, 8), uniform(4000), 1.0) == 0
    sizes = holes.sum((1, 2, 3))
    assert int(sizes.max()) == 16
    assert float(holes.float().mean()) == pytest.approx((4 - 1 / 8 * (2 + 1 + 1)) ** 2 / 64, abs=0.02)
    assert bool((holes.flatten(1).any(0)).all()), "every pixel may be lost"


def test_flip_mirrors_left_and_right_and_is_made_on_request_alone() -> None:
    images = pictures(200)
    flipped = ALONE["flip"](images, uniform(200), 1.0)
    kept = (flipped == images).flatten(1).all(1)
    assert torch.equal(flipped[~kept], images[~kept].flip(3))
    assert not Augmentation().flip


def test_numbers_out_of_range_are_letters() -> None:
    with pytest.raises(ValueError, match=r"cutout is 1.5.*from 0 to 1"):
        Augmentation(cutout=1.5)
    with pytest.raises(ValueError, match=r"probability of augmentation is 0.9 and its cap 0.8"):
        AugmentedView(Augmentation(), probability=0.9)


def turn(images_seen: int) -> StepTurn:
    return StepTurn(images_seen, 10_000, 0, torch.device("cpu"), Processes(), 8)


def after(view: AugmentedView, score: float, images: int, *, batch: int = 100) -> float:
    """The probability after some more images whose scores all had one sign."""
    begin = int(view.images_seen)
    for seen in range(begin, begin + images + 1, batch):
        view.note(torch.full((8,), score), turn(seen))
        view.fold()
    return float(view.probability)


def test_the_probability_follows_how_sure_the_critic_is() -> None:
    view = AugmentedView(Augmentation(), cap=0.3, speed=10_000)
    assert after(view, 1.0, 3000) == pytest.approx(0.2, abs=0.1)
    assert after(view, 1.0, 3000) == pytest.approx(0.3), "the cap"
    assert after(view, -1.0, 1000) < 0.3
    assert after(view, -1.0, 10_000) == 0.0


def test_the_speed_is_in_images_whatever_the_batch() -> None:
    found = []
    for batch in (50, 500):
        view = AugmentedView(Augmentation(), cap=1.0, speed=10_000)
        view.certainty.fill_(1.0)
        found.append(after(view, 1.0, 2000, batch=batch))
    assert found == pytest.approx([0.2, 0.2], abs=1e-6)


def test_without_a_target_the_probability_stays() -> None:
    view = AugmentedView(Augmentation(), probability=0.5, target=None)
    assert after(view, 1.0, 5000) == 0.5


def test_real_and_generated_images_are_augmented_alike_in_distribution_alone() -> None:
    view = AugmentedView(ALONE["cutout"], probability=0.7, target=None)
    images, now = torch.ones(8, 1, 8, 8), turn(0)
    assert not torch.equal(view(images, now), view(images, now))
