import pytest
import torch

from latentia.distributions import Dirac
from latentia.metrics import (
    RandomFeatures,
    measure_reconstruction,
    multiscale_ssim,
    peak_signal_to_noise,
    structural_similarity,
)
from latentia.protocols import Decodes, Encodes
from zoo import ZOO


class Blurred(Encodes, Decodes):
    """Keeps images whole, or what a mean over 3 x 3 pixels leaves."""

    def __init__(self, *, blur: bool) -> None:
        self.blur = blur

    def encode(self, images, *, given=None):
        return Dirac(images)

    def decode(self, latents, *, given=None):
        blurred = torch.nn.functional.avg_pool2d(latents, 3, 1, 1)
        return Dirac(blurred if self.blur else latents)

    def prior(self, *, given=None):
        raise NotImplementedError


IMAGES = torch.rand(120, 1, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1


def test_what_is_kept_whole_is_perfect_and_what_is_blurred_is_not() -> None:
    models = Blurred(blur=False), Blurred(blur=True)
    whole, blurred = (measure_reconstruction(model, IMAGES, RandomFeatures(1)) for model in models)
    assert whole.psnr.value == float("inf")
    assert whole.ssim.value == pytest.approx(1)
    assert whole.sharpness.value == pytest.approx(1)
    assert abs(whole.distance.value) < 0.2 * blurred.distance.value
    assert blurred.sharpness.value < 0.2
    assert blurred.ssim.value < 0.9
    assert blurred.num_images == 120


def test_similarity_at_full_size_equals_a_plain_loop_over_windows() -> None:
    first, second = IMAGES[:1].double(), (IMAGES[:1] * 0.5 + 0.1).double()
    x, y = (first[0, 0] + 1) / 2, (second[0, 0] + 1) / 2
    offsets = torch.arange(11, dtype=torch.float64) - 5
    taps = (-(offsets**2) / (2 * 1.5**2)).exp()
    window = torch.outer(taps, taps) / taps.sum() ** 2
    values = []
    for row in range(6):
        for column in range(6):
            a, b = (image[row : row + 11, column : column + 11] for image in (x, y))
            m, n = (window * a).sum(), (window * b).sum()
            variances = (window * (a - m) ** 2).sum() + (window * (b - n) ** 2).sum()
            both = (window * (a - m) * (b - n)).sum()
            luminance = (2 * m * n + 1e-4) / (m**2 + n**2 + 1e-4)
            values.append(luminance * (2 * both + 9e-4) / (variances + 9e-4))
    assert torch.allclose(structural_similarity(first, second)[0], torch.stack(values).mean(), rtol=1e-6)


def test_of_one_scale_both_similarities_are_the_same() -> None:
    first, second = IMAGES[:3], IMAGES[:3] * 0.7
    assert torch.allclose(structural_similarity(first, second), multiscale_ssim(first, second), atol=1e-6)


def test_the_ratio_is_that_of_the_squared_range() -> None:
    assert torch.allclose(peak_signal_to_noise(IMAGES, IMAGES + 0.02), torch.tensor(40.0), atol=1e-3)


def test_what_cannot_be_measured_is_a_letter() -> None:
    space = RandomFeatures(1)
    with pytest.raises(ValueError, match="39 images: reconstructions are measured on 40 or more"):
        measure_reconstruction(Blurred(blur=True), IMAGES[:39], space)
    with pytest.raises(ValueError, match=r"measure reconstructions needs.*cannot"):
        measure_reconstruction(ZOO["gan.dcgan"]().model, IMAGES, space)
    for compare in (structural_similarity, peak_signal_to_noise):
        with pytest.raises(ValueError, match="of one shape"):
            compare(IMAGES[:2], IMAGES[:3])
