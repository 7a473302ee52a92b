"""Which images are unusual: scores of a likelihood, corrected for what likelihoods get wrong."""

import io
import math
from typing import Literal

import torch
from PIL import Image
from torch import nn

from latentia._types import Given, Images, PerImage
from latentia.data.pictures import to_pixels
from latentia.protocols import ExplicitModel, require
from latentia.tasks.latents import portions

Complexity = Literal["none", "png"]
AT_ONCE = 256
"""Images measured in one go."""

CAVEAT = (
    "A likelihood alone is a poor judge of what is unusual: plain images get high likelihoods wherever they "
    "come from, and a model of clothes can find digits likelier than clothes (Nalisnick et al. 2019)."
)


@torch.no_grad()
def anomaly_scores(
    model: nn.Module,
    images: Images,
    *,
    complexity: Complexity = "none",
    background: nn.Module | None = None,
    given: Given | None = None,
) -> PerImage:
    """How unusual a model finds images; higher is more unusual.

        -log p(x)                       plain
        -log p(x) - L(x)                with L the length of the image as a PNG file
        -log p(x) + log p_background(x)

    The plain score follows how complex an image is more than how unusual it is (Nalisnick et al. 2019,
    arXiv:1810.09136). Both corrections take away what any image of that complexity costs: a PNG file
    needs no second model; a background is a model of other or of perturbed images.

    Args:
        model: An explicit one, in evaluation mode.
        images: At stored levels, in [-1, 1], on the model's device.
        complexity: Whether the length of a PNG file is subtracted.
        background: An explicit model for the likelihood ratio.
        given: What a conditional model is told of each image: it then says how unusual that image is of its
            kind.

    Returns:
        Nats an image, from bounds where the models know the likelihood by a bound.

    Raises:
        ValueError: If a model is implicit, or both corrections are asked for.

    Source:
        Ratio: Ren et al. 2019 (arXiv:1906.02845), section 3; complexity: Serra et al. 2020
        (arXiv:1909.11480), eq. 1.
    """
    if complexity != "none" and background is not None:
        raise ValueError(
            "A background model and a PNG file correct for the same thing. Choose one: leave out the "
            "background, or let the complexity be 'none'."
        )
    scores = -log_likelihoods(model, images, given=given)
    if background is not None:
        return scores + log_likelihoods(background, images, given=given)
    return scores - png_lengths(images).to(scores) if complexity == "png" else scores


@torch.no_grad()
def log_likelihoods(model: nn.Module, images: Images, *, given: Given | None = None) -> PerImage:
    """Log-likelihoods, or bounds on them, in nats an image; of a conditional model, given what it is told.

    Raises:
        ValueError: If the model is implicit.
    """
    explicit = require(model, ExplicitModel, task="score")
    parts = zip(images.split(AT_ONCE), portions(given, len(images)), strict=True)
    return torch.cat([explicit.log_prob(part, given=some) for part, some in parts])


def png_lengths(images: Images) -> PerImage:
    """Length of each image as a PNG file, in nats."""
    lengths = []
    for pixels in to_pixels(images):
        file = io.BytesIO()
        array = pixels.permute(1, 2, 0).numpy()
        Image.fromarray(array[:, :, 0] if array.shape[2] == 1 else array).save(file, "PNG", optimize=True)
        lengths.append(8 * math.log(2) * file.tell())
    return torch.tensor(lengths)
