"""The sliced Wasserstein distance against known answers."""

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from latentia.metrics import sliced_wasserstein, sliced_wasserstein_of_vectors
from latentia.metrics.sliced import _enlarge, laplacian


def _images(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1


@pytest.mark.parametrize("dimensions", [1, 2, 5, 20])
def test_a_shift_has_its_closed_form(dimensions):
    """E|<u, d>| = |d| Gamma(D/2) / (sqrt(pi) Gamma((D+1)/2)) for u uniform on the unit sphere."""
    generator = torch.Generator().manual_seed(1)
    points = torch.randn(200, dimensions, generator=generator, dtype=torch.float64)
    shift = torch.randn(dimensions, generator=generator, dtype=torch.float64)
    mean_cosine = math.gamma(dimensions / 2) / (math.sqrt(math.pi) * math.gamma((dimensions + 1) / 2))
    measured = sliced_wasserstein_of_vectors(points, points + shift, num_directions=20_000)
    assert measured == pytest.approx(shift.norm().item() * mean_cosine, rel=0.02)


def test_two_gaussians_differ_by_their_widths():
    """W1 of N(0, 1) and N(0, 3^2) along any direction is (3 - 1) E|z| = 2 sqrt(2 / pi)."""
    generator = torch.Generator().manual_seed(0)
    first = torch.randn(20_000, 4, generator=generator)
    second = 3 * torch.randn(20_000, 4, generator=generator)
    measured = sliced_wasserstein_of_vectors(first, second, num_directions=64)
    assert measured == pytest.approx(2 * math.sqrt(2 / math.pi), rel=0.03)


def test_order_does_not_matter_and_identical_sets_have_distance_zero():
    images = _images(50, 1, 16, 16)
    assert sliced_wasserstein(images, images).mean == 0
    points = images.flatten(1)
    assert sliced_wasserstein_of_vectors(points, points.flip(0)) == pytest.approx(0, abs=1e-6)


def test_each_scale_answers_for_itself():
    """Fine noise is seen by the finest level most; a shift of brightness by the coarsest alone."""
    smooth = torch.nn.functional.interpolate(_images(200, 1, 4, 4), 32, mode="bicubic")
    noisy = sliced_wasserstein(smooth, smooth + 0.2 * _images(200, 1, 32, 32)).levels
    brighter = sliced_wasserstein(smooth, smooth + 0.5).levels
    assert noisy[32] > 3 * noisy[8]
    assert brighter[8] > 100 * max(brighter[16], brighter[32])


def test_lost_contrast_is_not_normalised_away(digits):
    images, _ = digits
    same = sliced_wasserstein(images[:800], images[800:1600]).mean
    faded = sliced_wasserstein(images[:800], images[800:1600] * 0.7).mean
    assert faded > 3 * same


def test_white_noise_of_two_strengths_has_its_closed_form():
    """A level is linear in the image, so patches of noise are Gaussian, and those of the other set s times as
    wide: along u the distance is |s - 1| sqrt(2 / pi) sqrt(u' C u), C their covariance in the real unit.

    C follows from the published kernel: away from the edges, the finest level is the identity less the blur
    of every second pixel, blurred again. It differs with the parity of the place, of which there are four.
    """
    taps = np.array([1.0, 4.0, 6.0, 4.0, 1.0]) / 16
    side, strength = 48, 1.5
    blur = sum(tap * np.eye(side, k=offset) for tap, offset in zip(taps, range(-2, 3), strict=True))
    halve_and_enlarge = 2 * blur[:, ::2] @ blur[::2]  # one axis; the gain of 4 is 2 a axis
    inner = [
        [slice(20 + row, 27 + row) for row in (0, 1)],
        [slice(20 + column, 27 + column) for column in (0, 1)],
    ]
    covariances = []
    for rows, columns in itertools.product(*inner):
        operator = np.kron(np.eye(side)[rows], np.eye(side)[columns])
        operator -= np.kron(halve_and_enlarge[rows], halve_and_enlarge[columns])
        covariances.append(operator @ operator.T)
    unit = np.mean([covariance.trace() / 49 for covariance in covariances])
    directions = np.random.default_rng(0).normal(size=(4000, 49))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    along = np.mean([np.sqrt(((directions @ c) * directions).sum(1) / unit) for c in covariances])
    expected = 1000 * (strength - 1) * math.sqrt(2 / math.pi) * along
    first, second = (torch.randn(400, 1, 64, 64, generator=torch.Generator().manual_seed(s)) for s in (1, 2))
    measured = sliced_wasserstein(first, strength * second, num_directions=256, groups=0)
    assert measured.levels[64] == pytest.approx(expected, rel=0.03)


@pytest.mark.parametrize("side", [16, 33])
def test_levels_are_those_of_the_published_definition(side):
    """Karras et al. 2017: the pyramid of Burt & Adelson, 5 x 5 binomial kernel, mirrored edges."""
    image = _images(1, 1, side, side).double()
    taps = np.outer([1, 4, 6, 4, 1], [1, 4, 6, 4, 1]) / 256
    halved = ndimage.convolve(image[0, 0].numpy(), taps, mode="mirror")[::2, ::2]
    enlarged = np.zeros((side, side))
    enlarged[::2, ::2] = halved
    details = image[0, 0].numpy() - ndimage.convolve(enlarged, taps * 4, mode="mirror")
    first, second, *_ = laplacian(image)
    np.testing.assert_allclose(first[0, 0].numpy(), details, atol=1e-12)
    if side == 16:
        np.testing.assert_allclose(second[0, 0].numpy(), halved, atol=1e-12)


@pytest.mark.parametrize("contrast", [1.0, 0.8])
def test_the_error_is_that_of_new_samples(digits, contrast):
    real, pool = digits[0][:200], digits[0][200:] * contrast
    settings = {"num_directions": 64, "patches_per_image": 16}
    drawn = [sliced_wasserstein(real, part, **settings).estimate for part in pool[:1500].split(100)]
    spread = torch.tensor([estimate.value for estimate in drawn]).std().item()
    assert 0.6 * spread < sum(estimate.error for estimate in drawn) / len(drawn) < 1.8 * spread


def test_noise_blur_and_lost_classes_cost_more_by_each_step(digits):
    images, classes = (part[:1600] for part in digits)
    real, other, labels = images[:800], images[800:], classes[800:]
    blurred = [other]
    for _ in range(3):
        blurred.append(torch.nn.functional.avg_pool2d(blurred[-1], 3, 1, 1, count_include_pad=False))
    ladders = (
        [other + level * _images(*other.shape) for level in (0, 0.2, 0.4, 0.8)],
        blurred,
        [other[labels < most] for most in (10, 4, 2, 1)],
    )
    for ladder in ladders:
        steps = [sliced_wasserstein(real, fake, num_directions=128, groups=0).mean for fake in ladder]
        assert steps == sorted(steps)
        assert steps[-1] > 2 * steps[0]


@settings(deadline=None)
@given(height=st.integers(4, 40), width=st.integers(4, 40), channels=st.sampled_from([1, 3]))
def test_the_pyramid_adds_up_to_the_image_at_any_size(height, width, channels):
    image = _images(1, channels, height, width, seed=height)
    levels = list(laplacian(image))
    rebuilt = levels[-1]
    for level in reversed(levels[:-1]):
        rebuilt = level + _enlarge(rebuilt, level)
    torch.testing.assert_close(rebuilt, image, atol=1e-5, rtol=0)
    assert len(levels) == 1 or min(levels[-1].shape[-2:]) >= 8


def test_a_flat_image_has_no_details():
    finest, *_ = laplacian(torch.full((1, 1, 32, 32), 0.7))
    assert finest.abs().max() < 1e-5


def test_sets_of_different_shape_or_none_are_refused():
    with pytest.raises(ValueError, match="one shape"):
        sliced_wasserstein(_images(2, 1, 8, 8), _images(2, 1, 16, 16))
    with pytest.raises(ValueError, match="at least one"):
        sliced_wasserstein(_images(2, 1, 8, 8), _images(0, 1, 8, 8))
    with pytest.raises(ValueError, match="groups=0"):
        sliced_wasserstein(_images(20, 1, 8, 8), _images(9, 1, 8, 8))
