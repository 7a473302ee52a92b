"""Spectra and sharpness against images whose spectrum is known."""

import pytest
import torch
from torch.nn import functional

from latentia.metrics import radial_spectrum, sharpness, spectrum_slope


def _noise(count, side, seed, channels=1):
    return torch.randn(count, channels, side, side, generator=torch.Generator().manual_seed(seed)) * 0.3


def _coloured(count, side, slope, seed):
    """Images whose power falls as frequency^slope: noise on twice the side, filtered and cut."""
    noise = torch.fft.rfft2(_noise(count, 2 * side, seed))
    frequencies = (torch.fft.fftfreq(2 * side)[:, None] ** 2 + torch.fft.rfftfreq(2 * side) ** 2).sqrt()
    frequencies[0, 0] = 1
    return torch.fft.irfft2(noise * frequencies ** (slope / 2))[..., :side, :side] / 20


def _blur(images):
    return functional.avg_pool2d(functional.pad(images, (1, 1, 1, 1), mode="replicate"), 3, 1)


def test_white_noise_has_its_variance_at_every_frequency():
    frequencies, power = radial_spectrum(_noise(400, 32, 0, channels=3))
    assert power.mean().item() == pytest.approx(0.09, rel=0.02)
    assert power.max() / power.min() < 1.2
    assert len(frequencies) == 16
    assert (frequencies.diff() > 0).all()
    assert frequencies[-1].item() == pytest.approx(0.5, abs=0.01)


def test_a_wave_stands_at_its_frequency():
    wave = torch.sin(2 * torch.pi * torch.arange(64) / 8).expand(1, 1, 64, 64)
    frequencies, power = radial_spectrum(wave)
    assert frequencies[power.argmax()].item() == pytest.approx(1 / 8, abs=0.01)


@pytest.mark.parametrize(
    ("side", "slope", "tolerance"),
    [(s, -k, 0.15) for s in (16, 28, 64) for k in (0.0, 1.0, 2.0)] + [(64, -3.0, 0.15), (16, -3.0, 0.4)],
)
def test_a_known_slope_is_found(side, slope, tolerance):
    measured = spectrum_slope(_coloured(300, side, slope, 0))
    assert measured.value == pytest.approx(slope, abs=tolerance)
    assert 0 < measured.error < 0.1


def test_the_slope_falls_with_blur_and_rises_with_noise(digits):
    images = digits[0][:500]
    blurred = [spectrum_slope(i).value for i in (images, _blur(images), _blur(_blur(images)))]
    assert blurred == sorted(blurred, reverse=True)
    noise = _noise(500, 8, 0)
    noisy = [spectrum_slope(images + scale * noise).value for scale in (0, 0.5, 2)]
    assert noisy == sorted(noisy)


def test_sharpness_of_scaled_images_is_the_square_of_the_scale(digits):
    images = digits[0][:500]
    assert sharpness(images, images * 0.7 + 0.1).value == pytest.approx(0.49, rel=1e-5)


def test_sharpness_of_noise_adds_twenty_times_its_variance(digits):
    """The Laplacian of white noise of variance v has power (16 + 4) v."""
    real = digits[0][:800]
    noisy = real + _noise(800, 8, 0)
    energy = 20 * 0.09
    reference = (
        functional.conv2d(real, torch.tensor([[[[0.0, 1, 0], [1, -4, 1], [0, 1, 0]]]])).square().mean().item()
    )
    measured = sharpness(real, noisy)
    assert measured.value == pytest.approx(1 + energy / reference, rel=0.02)


def test_sharpness_falls_with_blur_and_its_interval_holds_that_of_others(digits):
    real, others = digits[0][:800], digits[0][800:1600]
    low, high = sharpness(real, others).interval
    assert low < 1 < high
    ladder = [sharpness(real, i).value for i in (others, _blur(others), _blur(_blur(others)))]
    assert ladder == sorted(ladder, reverse=True)
    assert ladder[1] < 0.5


def test_what_has_no_spectrum_is_refused():
    with pytest.raises(ValueError, match="at least 10"):
        spectrum_slope(_noise(9, 16, 0))
    with pytest.raises(ValueError, match="8 pixels a side"):
        radial_spectrum(_noise(20, 7, 0))
    with pytest.raises(ValueError, match="no image has any detail"):
        spectrum_slope(torch.zeros(20, 1, 16, 16))
    with pytest.raises(ValueError, match="no edges"):
        sharpness(torch.zeros(2, 1, 8, 8), _noise(2, 8, 0))
