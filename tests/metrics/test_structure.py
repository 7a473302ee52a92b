"""Multiscale structural similarity against an independent package and against arithmetic."""

import pytest
import torch
from pytorch_msssim import ms_ssim
from torch.nn import functional

from latentia.metrics import diversity, multiscale_ssim


def _smooth(*shape, seed=0):
    coarse = torch.rand(*shape[:2], 9, 9, generator=torch.Generator().manual_seed(seed)) * 2 - 1
    return functional.interpolate(coarse, shape[2:], mode="bicubic").clamp(-1, 1)


def _noise(images, scale):
    noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(1))
    return (images + scale * noise).clamp(-1, 1)


@pytest.mark.parametrize("shape", [(3, 3, 161, 161), (2, 1, 176, 203), (2, 3, 256, 256)])
def test_agrees_with_an_independent_package(shape):
    first = _smooth(*shape)
    for second in (_noise(first, 0.3), first * 0.5, _smooth(*shape, seed=2) * 0.3 + first * 0.7):
        expected = ms_ssim((first + 1) / 2, (second + 1) / 2, data_range=1.0, size_average=False)
        torch.testing.assert_close(multiscale_ssim(first, second), expected, rtol=1e-4, atol=0)


def _definition(first, second, scales, window):
    """Wang et al. 2003 as one reads it: a square window, a loop over scales."""
    x, y = (first.double() + 1) / 2, (second.double() + 1) / 2
    taps = torch.exp(-((torch.arange(window, dtype=torch.float64) - window // 2) ** 2) / (2 * 1.5**2))
    kernel = (taps.outer(taps) / taps.sum() ** 2)[None, None]
    weights = torch.tensor([0.0448, 0.2856, 0.3001, 0.2363, 0.1333], dtype=torch.float64)[:scales]

    def mean(images):
        return (
            functional.conv2d(images.flatten(0, 1)[:, None], kernel).unflatten(0, images.shape[:2]).squeeze(2)
        )

    result = torch.ones(x.shape[:2], dtype=torch.float64)
    for scale, weight in enumerate(weights / weights.sum()):
        variance_x, variance_y = mean(x * x) - mean(x) ** 2, mean(y * y) - mean(y) ** 2
        value = (2 * (mean(x * y) - mean(x) * mean(y)) + 0.0009) / (variance_x + variance_y + 0.0009)
        if scale == scales - 1:
            value = value * (2 * mean(x) * mean(y) + 0.0001) / (mean(x) ** 2 + mean(y) ** 2 + 0.0001)
        result = result * value.mean((2, 3)).clamp_min(0) ** weight
        x, y = functional.avg_pool2d(x, 2), functional.avg_pool2d(y, 2)
    return result.mean(1)


@pytest.mark.parametrize(
    ("side", "scales", "window"), [(5, 1, 5), (8, 1, 7), (16, 1, 11), (28, 2, 11), (64, 3, 11), (112, 4, 11)]
)
def test_smaller_images_use_the_scales_that_fit(side, scales, window):
    first = _smooth(4, 3, side, side)
    second = _noise(first, 0.2)
    expected = _definition(first, second, scales, window).float()
    torch.testing.assert_close(multiscale_ssim(first, second), expected, rtol=1e-4, atol=0)


def test_two_flat_images_differ_by_their_luminance():
    """Without variance contrast is 1, and l of 1/4 and 3/4 is (6/16 + C1) / (10/16 + C1)."""
    dark, bright = (torch.full((1, 1, 16, 16), v, dtype=torch.float64) for v in (-0.5, 0.5))
    assert multiscale_ssim(dark, bright).item() == pytest.approx((0.375 + 1e-4) / (0.625 + 1e-4), rel=1e-5)


def test_pairs_do_not_depend_on_how_many_are_compared_at_a_time(monkeypatch):
    first = _smooth(7, 1, 28, 28)
    whole = multiscale_ssim(first, first.flip(0))
    monkeypatch.setattr("latentia.metrics.structure.VALUES", 2 * 28 * 28)
    torch.testing.assert_close(multiscale_ssim(first, first.flip(0)), whole)


def test_similarity_falls_with_noise_and_with_blur():
    sharp = torch.rand(20, 1, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1
    sharp = 0.7 * _smooth(20, 1, 64, 64) + 0.3 * sharp
    blurred = [sharp]
    for _ in range(3):
        blurred.append(functional.avg_pool2d(blurred[-1], 3, 1, 1, count_include_pad=False))
    for ladder in (blurred, [_noise(sharp, scale) for scale in (0, 0.1, 0.3, 0.6)]):
        steps = [multiscale_ssim(sharp, images).mean().item() for images in ladder]
        assert steps == sorted(steps, reverse=True)


def test_diversity_sees_lost_modes_and_its_error_is_that_of_new_images(digits):
    images, classes = digits
    kept = [[0, 1, 2, 3, 4, 5, 6, 7, 8, 9], [0, 1, 2, 3], [0, 1], [0]]
    ladder = [diversity(images[torch.isin(classes, torch.tensor(some))][:170]) for some in kept]
    steps = [estimate.value for estimate in ladder]
    assert steps == sorted(steps)
    assert steps[-1] > 2 * steps[0]
    parts = [diversity(part) for part in images[:1600].split(100)]
    spread = torch.tensor([part.value for part in parts]).std().item()
    assert sum(part.error for part in parts) / len(parts) == pytest.approx(spread, rel=0.5)
    assert diversity(images[:1].repeat(40, 1, 1, 1)).value == pytest.approx(1)


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(ValueError, match="one shape"):
        multiscale_ssim(torch.zeros(2, 1, 16, 16), torch.zeros(2, 1, 8, 8))
    with pytest.raises(ValueError, match=r"at least 20.*multiscale_ssim"):
        diversity(torch.zeros(19, 1, 16, 16))
