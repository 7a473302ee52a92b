"""How much of an image a model keeps: error, likeness and sharpness of reconstructions."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from latentia._types import Given, Images, PerImage
from latentia.metrics.estimate import Estimate, Unmeasurable
from latentia.metrics.features import FeatureSpace
from latentia.metrics.kernel import kernel_distance
from latentia.metrics.spectrum import sharpness
from latentia.metrics.structure import structural_similarity
from latentia.protocols import Decodes, Encodes, require

FEWEST = 40
BATCH = 100
"""Images reconstructed at a time."""


@dataclass(frozen=True, slots=True)
class Reconstruction:
    """What a model keeps of images.

    Attributes:
        psnr: Peak signal-to-noise ratio, decibels, the mean over images; higher is nearer.
        ssim: Structural similarity, at most 1; higher is nearer.
        distance: Kernel distance of the reconstructions to other real images; 0 at best.
        sharpness: Energy of the Laplacian over that of the images; 1 is as sharp.
        num_images: How many were reconstructed.
        space: Where the distance was taken.
    """

    psnr: Estimate
    ssim: Estimate
    distance: Estimate
    sharpness: Estimate
    num_images: int
    space: str


@torch.no_grad()
def measure_reconstruction(
    model: object, images: Images, features: FeatureSpace, *, given: Given | None = None
) -> Reconstruction:
    """Encodes and decodes images, and compares.

    No noise enters: latents are the mean of q(z|x), and images the mean of p(x|z).

    Args:
        model: One that encodes and decodes, in evaluation mode.
        images: Images that it has not been trained on, 40 or more.
        features: Where the distance is taken. It is that of the reconstructions of every other image to the
            rest of the images: to those that they are made of, it would be too short.
        given: What a conditional model is told of each image.

    Raises:
        ValueError: If the model cannot encode or decode, or there are too few images.
    """
    encoder = require(model, Encodes, task="measure reconstructions")
    decoder = require(model, Decodes, task="measure reconstructions")
    if len(images) < FEWEST:
        raise Unmeasurable(f"{len(images)} images: reconstructions are measured on {FEWEST} or more.")
    told = [None] * len(images.split(BATCH)) if given is None else given.split(BATCH)
    made = torch.cat(
        [
            decoder.decode(encoder.encode(some, given=known).mean, given=known).mean.clamp(-1, 1)
            for some, known in zip(images.split(BATCH), told, strict=True)
        ]
    )
    return Reconstruction(
        psnr=Estimate.of_mean(peak_signal_to_noise(images, made)),
        ssim=Estimate.of_mean(structural_similarity(images, made)),
        distance=kernel_distance(features(images[1::2]), features(made[::2])),
        sharpness=sharpness(images, made),
        num_images=len(images),
        space=features.name,
    )


def peak_signal_to_noise(first: Images, second: Float[Tensor, "_batch _channels _height _width"]) -> PerImage:
    """The mean squared difference of pairs of images, as a ratio to the square of their range.

        10 log10(2^2 / mean (x - y)^2)

    Args:
        first: Images in [-1, 1].
        second: As many, of the same shape.

    Returns:
        Decibels; infinite for equal images.

    Raises:
        ValueError: If the shapes differ.

    Example:
        >>> peak_signal_to_noise(torch.zeros(1, 1, 2, 2), torch.full((1, 1, 2, 2), 0.2))
        tensor([20.])
    """
    if first.shape != second.shape:
        raise ValueError(
            f"pairs of images of one shape are needed, got {tuple(first.shape)} and {tuple(second.shape)}."
        )
    return 10 * torch.log10(4 / (first - second).square().flatten(1).mean(1))
