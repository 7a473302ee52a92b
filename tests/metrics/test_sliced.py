"""The sliced Wasserstein distance against known answers."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

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
