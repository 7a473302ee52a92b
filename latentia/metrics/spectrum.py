"""Sharpness as a number: power by spatial frequency, its slope, and the energy of edges."""

import numpy as np
import torch
from jaxtyping import Float, Float64
from torch import Tensor
from torch.nn import functional

from latentia._types import Images
from latentia.metrics.estimate import Estimate, Unmeasurable

SMALLEST = 8  # pixels a side: three frequencies make a slope
GROUPS = 10  # of the jackknife
BATCH = 500


def radial_spectrum(
    images: Images,
) -> tuple[Float64[Tensor, " frequencies"], Float64[Tensor, " frequencies"]]:
    """Mean power of images by spatial frequency, over all directions, images and channels.

    Each image loses its mean and is faded out towards its edges by a Hann window, since edges would else
    count as detail. White noise of variance v has power v at every frequency.

    Args:
        images: At least 8 pixels a side.

    Returns:
        Frequencies in cycles a pixel, from about 1 over the shorter side up to 1/2, and their power.

    Raises:
        ValueError: If there are no images, or they are smaller.

    Example:
        >>> noise = 0.1 * torch.randn(50, 1, 16, 16, generator=torch.Generator().manual_seed(0))
        >>> frequencies, power = radial_spectrum(noise)
        >>> len(frequencies), round(float(power.mean()), 2)
        (8, 0.01)
    """
    frequencies, spectra = _spectra(images)
    return frequencies, spectra.mean(0)


def spectrum_slope(images: Images) -> Estimate:
    """Slope of log power against log frequency: about -2 for photographs, 0 for white noise.

    Blur makes it steeper, noise and checkerboards flatter. The lowest frequency is left out: the window
    smears the image's overall brightness into it.

    Args:
        images: At least 10, at least 8 pixels a side.

    Raises:
        ValueError: If there are fewer than 10 images (`sharpness` means something for one), they are
            smaller, or no image has any detail.

    Note:
        On noise of known slope it read -0.0, -1.0, -2.1 and -3.3 for 0, -1, -2 and -3 at 16 pixels a side,
        and -0.0, -1.0, -2.1 and -3.1 at 64.

    Source:
        Field 1987, "Relations between the statistics of natural images and the response properties of
        cortical cells"; of generated images Dzanic et al. 2019, arXiv:1911.06465. The line is fitted to the
        mean spectrum: a flat image would else have no slope. Its error is the jackknife's, over images.
    """
    if len(images) < GROUPS:
        raise Unmeasurable(
            f"{len(images)} images: the slope and its error need at least {GROUPS}. Draw more, or ask for "
            "the sharpness, which means something for a single image."
        )
    frequencies, spectra = _spectra(images)
    if not spectra.sum() > 0:
        raise Unmeasurable("no image has any detail, and a slope needs some: look at the samples first.")
    x, y = frequencies[1:].log().numpy(), spectra[:, 1:].numpy()
    without = [np.delete(y, slice(group, None, GROUPS), axis=0).mean(0) for group in range(GROUPS)]
    slopes = [float(np.polyfit(x, np.log(power), 1)[0]) for power in [y.mean(0), *without]]
    return Estimate.jackknife(slopes[0], slopes[1:])


def sharpness(
    real: Float[Tensor, "real channels _height _width"], fake: Float[Tensor, "fake channels _height _width"]
) -> Estimate:
    """Energy of the Laplacian of samples, over that of real images.

    mean |Laplacian(fake)|^2 / mean |Laplacian(real)|^2

    Args:
        real: Real images, the reference.
        fake: Images to judge, at least 3 pixels a side.

    Returns:
        1 where samples are as sharp as real images, below where they are blurry, above where noisy. Its
        error is that over the samples.

    Raises:
        ValueError: If the real images have no edges.

    Source:
        The focus measure of Pech-Pacheco et al. 2000, "Diatom autofocusing in brightfield microscopy",
        with the mean square in place of the variance.

    Example:
        >>> images = torch.rand(50, 1, 8, 8, generator=torch.Generator().manual_seed(0))
        >>> round(sharpness(images, images / 2).value, 4)
        0.25
    """
    reference = _edges(real).mean()
    if not reference > 0:
        raise Unmeasurable("the real images have no edges, so nothing can be as sharp: hand in other images.")
    return Estimate.of_mean(_edges(fake) / reference)


def _spectra(
    images: Images,
) -> tuple[Float64[Tensor, " frequencies"], Float64[Tensor, "batch frequencies"]]:
    """Frequencies, and the power of each image at them."""
    height, width = images.shape[-2:]
    shorter = min(height, width)
    if shorter < SMALLEST or not len(images):
        raise Unmeasurable(
            f"{len(images)} images of {height} x {width} pixels: a spectrum needs at least one, of at least "
            f"{SMALLEST} pixels a side. Ask for the sharpness instead."
        )
    radius = torch.hypot(*torch.meshgrid(torch.fft.fftfreq(height), torch.fft.rfftfreq(width), indexing="ij"))
    rings = (radius.double() * shorter).round().long().flatten()
    kept = (rings > 0) & (rings <= shorter // 2)
    rings, count = rings[kept] - 1, shorter // 2
    sizes = rings.bincount(minlength=count)
    frequencies = rings.bincount(radius.double().flatten()[kept], minlength=count) / sizes
    mean_of_ring = functional.one_hot(rings, count).double() / sizes
    window = torch.hann_window(height, dtype=torch.float64).outer(
        torch.hann_window(width, dtype=torch.float64)
    )
    spectra = []
    for batch in images.cpu().split(BATCH):
        centred = (batch - batch.mean((2, 3), keepdim=True)).double() * window
        power = torch.fft.rfft2(centred).abs().square().mean(1) / window.square().sum()
        spectra.append(power.flatten(1)[:, kept] @ mean_of_ring)
    return frequencies, torch.cat(spectra)


def _edges(images: Images) -> Float64[Tensor, " batch"]:
    """Mean square of each image's Laplacian, edges left out."""
    inner = images[..., 1:-1, 1:-1].double()
    around = images[..., :-2, 1:-1] + images[..., 2:, 1:-1] + images[..., 1:-1, :-2] + images[..., 1:-1, 2:]
    return (around.double() - 4 * inner).square().mean((1, 2, 3))
