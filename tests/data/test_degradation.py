import math

import numpy
import pytest
import torch
from PIL import Image
from scipy import ndimage

from latentia.data.degradation import (
    LUMA,
    Blurred,
    Degradation,
    Downscaled,
    Greyed,
    Noisy,
    Own,
    measured,
    seen,
    stored,
)
from latentia.data.holes import Hidden

ALL: dict[str, Degradation] = {
    "downscaled": Downscaled(4),
    "greyed": Greyed(),
    "noisy": Noisy(0.2),
    "blurred": Blurred(1.5),
    "box": Hidden("box", 8),
    "brush": Hidden("brush", 8),
    "pixels": Hidden("pixels", 8),
    "any": Hidden("any", 8),
    "own": Own(lambda images: images.flip(3), noise_std=0.1),
}
EVERY = pytest.mark.parametrize("name", list(ALL))
EXACT = pytest.mark.parametrize("name", ["downscaled", "greyed", "box", "brush", "pixels", "any"])


def pictures(count: int = 3, height: int = 16, width: int = 24, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(count, 3, height, width, generator=generator) * 2 - 1


def noise_of(count: int, seed: int = 1):
    generator = torch.Generator().manual_seed(seed)
    return lambda *shape: torch.randn(count, *shape, generator=generator)


@EVERY
def test_what_is_measured_has_the_images_size_and_says_where_it_is_known(name: str) -> None:
    images = pictures()
    found = ALL[name].measure(images, noise_of(3))
    pixels, known = seen(found)
    assert pixels.shape == images.shape
    assert known.shape == (3, 1, 16, 24)
    assert set(known.unique().tolist()) <= {0.0, 1.0}
    assert bool((pixels * (1 - known) == 0).all())
    levels = (pixels + 1) * 127.5
    assert torch.allclose(levels * known, (levels * known).round(), atol=1e-3), "no file could hold it"
    assert ALL[name].first_guess(found).shape == images.shape


@EVERY
def test_the_image_itself_agrees_up_to_rounding_and_noise(name: str) -> None:
    images = stored(pictures())
    misfit = ALL[name].misfit(images, ALL[name].measure(images, noise_of(3)))
    noisy = name in ("noisy", "own")
    assert float(misfit.max()) <= (60.0 if noisy else 0.51)


@EXACT
def test_answers_agree_exactly_and_stay_in_range(name: str) -> None:
    found = ALL[name].measure(pictures(), noise_of(3))
    answers = 1.5 * pictures(seed=7)  # beyond the range, and of something else
    assert float(ALL[name].misfit(answers.clamp(-1, 1), found).min()) > 5
    agreed = ALL[name].agree(answers, found)
    assert float(agreed.abs().max()) <= 1
    assert float(ALL[name].misfit(agreed, found).max()) < 1e-3
    assert torch.allclose(ALL[name].agree(agreed, found), agreed, atol=1e-4), "agreeing twice moves"
    leaning = ALL[name].lean(answers, found)
    assert float(ALL[name].misfit(leaning, found).max()) < 1e-3


def test_small_images_are_means_of_blocks_and_the_guess_is_bicubic() -> None:
    images = pictures(1, 16, 16)
    found = Downscaled(4).measure(images, noise_of(1))
    small = images.reshape(1, 3, 4, 4, 4, 4).mean((3, 5))
    assert torch.allclose(seen(found)[0][:, :, ::4, ::4], stored(small), atol=1e-6)
    channel = Image.fromarray(stored(small)[0, 0].numpy())
    bicubic = torch.from_numpy(numpy.array(channel.resize((16, 16), Image.Resampling.BICUBIC)))
    guess = Downscaled(4).first_guess(found)[0, 0]
    # Pillow's cubic has -1/2 where torch's has -3/4; both are at their places.
    assert torch.corrcoef(torch.stack([guess.flatten(), bicubic.flatten()]))[0, 1] > 0.98


def test_the_agreeing_answer_is_the_nearest_one() -> None:
    """Against a search by projected gradients: the shifted and clamped answer has no nearer neighbour."""
    answers, found = 1.4 * pictures(1, 4, 4, seed=3), Downscaled(4).measure(pictures(1, 4, 4), noise_of(1))
    wanted = seen(found)[0].mean((2, 3))
    mine = Downscaled(4).agree(answers, found)
    start = answers.clamp(-1, 1)
    other, correction = start.clone(), torch.zeros_like(start)
    for _ in range(3000):  # Dykstra: onto the plane of the mean, and into the range
        plane = other + (wanted - other.mean((2, 3)))[..., None, None]
        other = (plane + correction).clamp(-1, 1)
        correction = plane + correction - other
    assert float((mine - start).norm()) <= float((other - start).norm()) + 1e-3
    assert torch.allclose(mine, other, atol=2e-3)


def test_grey_is_pillows() -> None:
    images = stored(pictures(1))
    pixels = ((images + 1) * 127.5).round().to(torch.uint8)[0].permute(1, 2, 0).numpy()
    grey = torch.from_numpy(numpy.array(Image.fromarray(pixels).convert("L"))).float()
    mine = (seen(Greyed().measure(images, noise_of(1)))[0][0, 0] + 1) * 127.5
    assert float((mine - grey).abs().max()) <= 1
    assert sum(LUMA) == pytest.approx(1)


def test_blur_is_scipys() -> None:
    image = pictures(1)
    expected = ndimage.gaussian_filter(image[0, 0].double().numpy(), 1.5, mode="nearest", radius=5)
    assert torch.allclose(Blurred(1.5).again(image)[0, 0].double(), torch.from_numpy(expected), atol=1e-6)


def test_a_blurred_image_comes_nearer_to_agreement() -> None:
    smooth = torch.nn.functional.interpolate(pictures(3, 6, 6), (16, 24), mode="bicubic").clamp(-1, 1)
    found = Blurred(1.5).measure(smooth, noise_of(3))
    other = (smooth + 0.3 * pictures(seed=5)).clamp(-1, 1)
    agreed = Blurred(1.5).agree(other, found)
    assert bool((Blurred(1.5).misfit(agreed, found) < 0.5 * Blurred(1.5).misfit(other, found)).all())
    assert float((agreed - smooth).square().mean()) < float((other - smooth).square().mean())


def test_noise_has_the_deviation_that_is_said() -> None:
    images = torch.zeros(4000, 1, 4, 4)
    apart = seen(Noisy(0.2, 0.2).measure(images, noise_of(4000)))[0]
    assert float(apart.std()) == pytest.approx(0.2, rel=0.02)
    levels = seen(Noisy(0.2).measure(images, noise_of(4000)))[0].flatten(1).std(1)
    assert float(levels.mean()) == pytest.approx(0.1, rel=0.05)
    assert float(levels.max()) < 0.45


def test_boxes_have_the_sides_that_are_said_and_lie_everywhere() -> None:
    known = Hidden("box", 8, 4).known(torch.zeros(2000, 3, 16, 24), noise_of(2000))[:, 0]
    heights, widths = ((1 - known).amax(dim).sum(1) for dim in (2, 1))
    for sides in (heights, widths):
        assert set(sides.tolist()) == {4.0, 5.0, 6.0, 7.0, 8.0}
    assert torch.equal((1 - known).sum((1, 2)), heights * widths), "no rectangle"
    assert float((1 - known).mean(0).min()) > 0
    exact = Hidden("box", 8, 8).known(torch.zeros(50, 3, 16, 24), noise_of(50))
    assert set((1 - exact).sum((1, 2, 3)).tolist()) == {64.0}


def test_strokes_and_lost_pixels_hide_something_in_nearly_every_image() -> None:
    images = torch.zeros(500, 3, 32, 32)
    brush = (1 - Hidden("brush", 16).known(images, noise_of(500))).mean((1, 2, 3))
    assert 0.05 < float(brush.mean()) < 0.6
    assert float((brush > 0).float().mean()) > 0.99
    pixels = (1 - Hidden("pixels", 16, share=0.8).known(images, noise_of(500))).mean((1, 2, 3))
    assert float(pixels.min()) > 0.3
    assert float(pixels.max()) < 0.9


def test_misfit_is_the_root_mean_square_in_levels_where_known() -> None:
    pixels, known = torch.zeros(1, 1, 2, 2), torch.tensor([[[[1.0, 1.0], [0.0, 0.0]]]])
    found = measured(pixels, known)
    answers = torch.tensor([[[[2 / 127.5, 0.0], [1.0, 1.0]]]])
    assert float(Hidden().misfit(answers, found)) == pytest.approx(math.sqrt(2), rel=1e-5)
    assert Hidden().num_values(found) == 2
    assert Downscaled(2).num_values(measured(pixels)) == 1
    assert Greyed().num_values(measured(torch.zeros(1, 3, 2, 2))) == pytest.approx(4)


def test_own_functions_are_held_to_the_shape() -> None:
    with pytest.raises(ValueError, match=r"halving made \(3, 3, 8, 24\).*Enlarge"):
        Own(lambda images: images[:, :, ::2], name="halving").measure(pictures(), noise_of(3))


def test_blocks_that_do_not_fit_are_a_letter() -> None:
    with pytest.raises(ValueError, match=r"24 x 16 px cannot be divided into blocks of 5.*--size"):
        Downscaled(5).again(pictures())
