"""Which images are unusual: by their likelihood, corrected for what that gets wrong, or by what is lost."""

import io
import math
from typing import Literal

import torch
from PIL import Image
from torch import nn

from latentia._types import Given, Images, PerImage
from latentia.data.pictures import to_pixels
from latentia.protocols import Encodes, ExplicitModel, require
from latentia.tasks.draw import AT_ONCE
from latentia.tasks.invert import invert
from latentia.tasks.latents import portions
from latentia.tasks.look import reconstruct

Score = Literal["likelihood", "reconstruction", "inversion"]
Complexity = Literal["none", "png"]
CAVEAT = (
    "A likelihood alone is a poor judge of what is unusual: plain images get high likelihoods wherever they "
    "come from, and a model of clothes can find digits likelier than clothes (Nalisnick et al. 2019)."
)


@torch.no_grad()
def anomaly_scores(
    model: nn.Module,
    images: Images,
    *,
    score: Score = "likelihood",
    complexity: Complexity = "none",
    background: nn.Module | None = None,
    given: Given | None = None,
    steps: int = 200,
    feature_weight: float = 0.0,
    generator: torch.Generator | None = None,
    progress: bool = False,
) -> PerImage:
    """How unusual a model finds images; higher is more unusual.

        likelihood        -log p(x)
          with png        -log p(x) - L(x)                  L: length of the image as a PNG file
          with background -log p(x) + log p_background(x)
        reconstruction    |x - E[x | E[z | x]]|^2 / D       D values an image
        inversion         min_z |x - E[x | z]|^2 / D

    The plain likelihood follows how complex an image is more than how unusual it is (Nalisnick et al. 2019,
    arXiv:1810.09136). Both corrections take away what any image of that complexity costs: a PNG file
    needs no second model; a background is a model of other or of perturbed images.

    Args:
        model: In evaluation mode. A likelihood needs an explicit one, a reconstruction one that encodes and
            decodes, an inversion one that decodes.
        images: At stored levels, in [-1, 1], on the model's device.
        score: What is measured.
        complexity: Whether the length of a PNG file is subtracted from a likelihood.
        background: An explicit model for the likelihood ratio.
        given: What a conditional model is told of each image: it then says how unusual that image is of its
            kind.
        steps: Steps of an inversion; each decodes four candidates of every image.
        feature_weight: Weight of features of the model's critic in what an inversion searches by.
        generator: Draws the starts of an inversion, on the model's device.
        progress: Whether an inversion draws a bar.

    Returns:
        Nats an image, from bounds where the models know the likelihood by a bound; mean squared errors
        otherwise.

    Raises:
        ValueError: If the model cannot do it, both corrections are asked for, or one of another score than a
            likelihood.

    Source:
        Ratio: Ren et al. 2019 (arXiv:1906.02845), section 3; complexity: Serra et al. 2020
        (arXiv:1909.11480), eq. 1. Inversion: Schlegl et al. 2017 (arXiv:1703.05921), whose score adds the
        distance of the critic's features; here they may only steer the search.
    """
    _check(score, complexity, background)
    if score == "inversion":
        with torch.enable_grad():  # a search descends
            return invert(
                model,
                images,
                steps=steps,
                feature_weight=feature_weight,
                given=given,
                generator=generator,
                progress=progress,
            ).squared_error
    if score == "reconstruction":
        parts = zip(images.split(AT_ONCE), portions(given, len(images)), strict=True)
        errors = [(reconstruct(model, part, given=some) - part).square() for part, some in parts]
        return torch.cat(errors).flatten(1).mean(1)
    scores = -log_likelihoods(model, images, given=given)
    if background is not None:
        return scores + log_likelihoods(background, images, given=given)
    return scores - png_lengths(images).to(scores) if complexity == "png" else scores


def usual_score(model: object) -> Score:
    """The score of a model where nobody chooses one: of what it can do, what costs least."""
    if isinstance(model, ExplicitModel):
        return "likelihood"
    return "reconstruction" if isinstance(model, Encodes) else "inversion"


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


def _check(score: Score, complexity: Complexity, background: nn.Module | None) -> None:
    if complexity != "none" and background is not None:
        raise ValueError(
            "A background model and a PNG file correct for the same thing. Choose one: leave out the "
            "background, or let the complexity be 'none'."
        )
    if score != "likelihood" and (complexity != "none" or background is not None):
        raise ValueError(
            f"A background or a PNG file corrects a likelihood, and the score is {score!r}. Leave it out, or "
            f"choose the score 'likelihood'."
        )
