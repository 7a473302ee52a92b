"""Structural similarity of pairs of images over several scales, and the diversity of a set that it tells."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from latentia._types import Images, PerImage
from latentia.metrics.estimate import Estimate, Unmeasurable

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # of the scales, finest first
WINDOW, WIDTH = 11, 1.5  # side of the Gaussian window and its standard deviation, in pixels
STABILISERS = (0.01**2, 0.03**2)  # C1 and C2 for values in [0, 1]
VALUES = 2**20  # pixel values of a set compared at a time, which bounds memory
FEWEST_PAIRS = 10


def multiscale_ssim(first: Images, second: Float[Tensor, "_batch _channels _height _width"]) -> PerImage:
    """Structural similarity of pairs, over scales: contrast and structure at each, luminance at the last.

    MS-SSIM = l_M^w_M * prod_s (c_s)^w_s, averaged over channels

    with l = (2 m_x m_y + C1) / (m_x^2 + m_y^2 + C1) and c = (2 s_xy + C2) / (s_x^2 + s_y^2 + C2) from means
    and covariances under a Gaussian window, averaged over its places; l_M and c_M as the mean of their
    product, and what is below 0 counted as 0.

    Args:
        first: Images in [-1, 1].
        second: As many, of the same shape.

    Returns:
        Similarity of each pair, 0 to 1; 1 for equal images.

    Raises:
        ValueError: If the shapes differ.

    Note:
        Values are taken to [0, 1] first, since luminance is a ratio that knows no negative values. The five
        published scales need a side of 161 pixels. Smaller images use the first scales that are at least as
        large as the window, with weights that again sum to 1 (3 scales at 64 pixels, 2 at 28, 1 at 16), and
        the smallest of all a window that fits: such values compare only with others of the same size.

    Source:
        Wang, Simoncelli & Bovik 2003, "Multi-scale structural similarity for image quality assessment",
        eq. 7, with its weights, window and constants.

    Example:
        >>> images = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1
        >>> multiscale_ssim(images, images)
        tensor([1., 1.])
    """
    return _of_pairs(_similarity, first, second)


def structural_similarity(
    first: Images, second: Float[Tensor, "_batch _channels _height _width"]
) -> PerImage:
    """Structural similarity of pairs at full size: luminance, contrast and structure under one window.

        SSIM = mean over places and channels of l c,   as in `multiscale_ssim`

    Args:
        first: Images in [-1, 1].
        second: As many, of the same shape.

    Returns:
        Similarity of each pair, at most 1, for equal images.

    Raises:
        ValueError: If the shapes differ.

    Source:
        Wang, Bovik, Sheikh & Simoncelli 2004, "Image quality assessment: from error visibility to structural
        similarity", eq. 13 and 17, with the window and the constants of section III-C.

    Example:
        >>> images = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1
        >>> structural_similarity(images, images)
        tensor([1., 1.])
    """
    return _of_pairs(_similarity_at_full_size, first, second)


def diversity(images: Images, *, num_pairs: int = 1000, seed: int = 0) -> Estimate:
    """Mean similarity of random pairs of a set: lower is more varied.

    Args:
        images: A set in [-1, 1].
        num_pairs: Pairs to draw at most. Each image is in one pair at most, so that pairs are independent;
            a smaller set gives half as many pairs as it has images.
        seed: Seed of the pairs.

    Returns:
        The mean of `multiscale_ssim`. Of a set that repeats one image it is 1; what it should be, only the
        real images say: higher than theirs means less variety, lower may mean noise.

    Raises:
        ValueError: If the set has fewer than 20 images.

    Source:
        Odena et al. 2017, arXiv:1610.09585, section 4.2, there within each class.

    Example:
        >>> one = torch.rand(1, 1, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1
        >>> diversity(one.repeat(20, 1, 1, 1))
        Estimate(value=1.0, error=0.0)
    """
    if len(images) < 2 * FEWEST_PAIRS:
        raise Unmeasurable(
            f"{len(images)} images: diversity needs at least {2 * FEWEST_PAIRS}, for {FEWEST_PAIRS} pairs. "
            f"Draw more, or compare the pairs that there are with `multiscale_ssim`."
        )
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(seed)).to(images.device)
    num_pairs = min(num_pairs, len(images) // 2)
    return Estimate.of_mean(multiscale_ssim(images[order[:num_pairs]], images[order[-num_pairs:]]))


def _of_pairs(compare: Callable[[Images, Images], PerImage], first: Images, second: Tensor) -> PerImage:
    """Compares pairs, so many at a time that memory stays bounded."""
    if first.shape != second.shape:
        raise ValueError(
            f"pairs of images of one shape are needed, got {tuple(first.shape)} and {tuple(second.shape)}."
        )
    pairs = max(1, VALUES // max(1, first[0].numel()))
    return torch.cat([compare(*both) for both in zip(first.split(pairs), second.split(pairs), strict=True)])


def _similarity_at_full_size(first: Images, second: Images) -> PerImage:
    x, y = (first + 1) / 2, (second + 1) / 2
    taps = _window(min(WINDOW, (min(x.shape[-2:]) - 1) // 2 * 2 + 1))
    luminance, contrast = _luminance_and_contrast(x, y, taps)
    return (luminance * contrast).mean((1, 2, 3))


def _similarity(first: Images, second: Images) -> PerImage:
    x, y = (first + 1) / 2, (second + 1) / 2
    sides = [min(x.shape[-2:])]
    while len(sides) < len(WEIGHTS) and (sides[-1] + 1) // 2 >= WINDOW:
        sides.append((sides[-1] + 1) // 2)
    weights = [weight / sum(WEIGHTS[: len(sides)]) for weight in WEIGHTS[: len(sides)]]
    taps = _window(min(WINDOW, (sides[0] - 1) // 2 * 2 + 1))
    terms = []
    for _ in weights[1:]:
        _, contrast = _luminance_and_contrast(x, y, taps)
        terms.append(contrast.mean((2, 3)))
        odd = (x.shape[2] % 2, x.shape[3] % 2)
        x, y = (functional.avg_pool2d(images, 2, padding=odd) for images in (x, y))
    luminance, contrast = _luminance_and_contrast(x, y, taps)
    terms.append((luminance * contrast).mean((2, 3)))
    powers = [term.clamp_min(0) ** weight for term, weight in zip(terms, weights, strict=True)]
    return torch.stack(powers).prod(0).mean(1)  # eq. 7


def _luminance_and_contrast(x: Images, y: Images, taps: list[float]) -> tuple[Tensor, Tensor]:
    """Maps of l (eq. 1 of Wang et al. 2003) and of c times s (eq. 2 and 3)."""
    mean_x, mean_y = _windowed(x, taps), _windowed(y, taps)
    product, squares = mean_x * mean_y, mean_x.square() + mean_y.square()
    covariance = _windowed(x * y, taps) - product
    variances = _windowed(x.square() + y.square(), taps) - squares
    luminance = (2 * product + STABILISERS[0]) / (squares + STABILISERS[0])
    return luminance, (2 * covariance + STABILISERS[1]) / (variances + STABILISERS[1])


def _window(side: int) -> list[float]:
    offsets = torch.arange(side, dtype=torch.float64) - side // 2
    weights = (-offsets.square() / (2 * WIDTH**2)).exp()
    return (weights / weights.sum()).tolist()


def _windowed(images: Images, taps: list[float]) -> Float[Tensor, "batch channels inner_height inner_width"]:
    """Weighted means over all places of the window, one axis after the other."""
    # Sums of shifted images: on a CPU five times as fast as a grouped convolution.
    for axis in (2, 3):
        size = images.shape[axis] - len(taps) + 1
        total = images.narrow(axis, 0, size) * taps[0]
        for offset, tap in enumerate(taps[1:], start=1):
            total.add_(images.narrow(axis, offset, size), alpha=tap)
        images = total
    return images
