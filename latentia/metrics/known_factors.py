"""How disentangled a model's latents are, on drawn shapes whose factors are known."""

from dataclasses import dataclass

import numpy as np
import torch

from latentia.data.builtin import FACTORS, SHAPES_SIDE, draw_shape
from latentia.metrics.disentanglement import (
    Codes,
    Importances,
    Steps,
    factor_score,
    importances,
    mutual_information_gaps,
    random_steps,
    separated_predictability,
)
from latentia.protocols import Encodes, require

ORDERED = {"scale", "x", "y"}
"""Factors that are quantities. Rotation and hue come round to where they began, and shapes have no order."""
BATCH = 256


@dataclass(frozen=True, slots=True)
class Disentanglement:
    """Scores of a model's codes; of each 1 is best.

    Attributes:
        gaps: Mutual information gap of each factor.
        lead: Separated predictability of each factor.
        importances: Disentanglement, completeness and informativeness.
        factor_score: The FactorVAE score.
        num_images: Images that all but the last were measured on.
    """

    gaps: dict[str, float]
    lead: dict[str, float]
    importances: Importances
    factor_score: float
    num_images: int

    @property
    def gap(self) -> float:
        """The mutual information gap (MIG), a mean over factors."""
        return sum(self.gaps.values()) / len(self.gaps)

    @property
    def separated(self) -> float:
        """The separated attribute predictability (SAP), a mean over factors."""
        return sum(self.lead.values()) / len(self.lead)

    def __str__(self) -> str:
        trees = self.importances
        rows = [
            ("mutual information gap (MIG)", self.gap, self.gaps),
            ("separated predictability (SAP)", self.separated, self.lead),
            ("disentanglement (DCI)", trees.disentanglement, {}),
            ("completeness (DCI)", trees.completeness, {}),
            ("informativeness (DCI)", trees.informativeness, {}),
            ("FactorVAE score", self.factor_score, {}),
        ]
        head = f"{'':32}{'mean':>8}" + "".join(f"{name:>10}" for name in self.gaps)
        lines = [
            f"{name:32}{mean:8.3f}" + "".join(f"{number:10.3f}" for number in by_factor.values())
            for name, mean, by_factor in rows
        ]
        return "\n".join([head, *lines])


@torch.no_grad()
def measure_disentanglement(
    model: torch.nn.Module, *, num_images: int = 10_000, num_votes: int = 800, seed: int = 0
) -> Disentanglement:
    """How far each factor of drawn shapes has a latent of its own.

    Images are drawn for the measurement, every combination of factors as likely, so that a factor can be held
    exactly. The code of an image is the mean of q(z|x).

    Args:
        model: One that encodes colour images of 32 x 32 pixels, in evaluation mode, trained on `shapes`.
        num_images: Images that codes are compared on; the FactorVAE score takes 64 a vote besides.
        num_votes: Votes of the FactorVAE score.
        seed: Draws factors, and grows the forests.

    Raises:
        ValueError: If the model cannot encode, or knows images of another shape.

    Note:
        Squares look the same after a quarter turn and ellipses after half a turn, so of rotation an image
        tells 3 of 4 bits at most, if its shape is known: the gap of rotation is at most 0.75, that of all
        factors on average 0.96.
    """
    encoder = require(model, Encodes, task="measure_disentanglement")
    shape = getattr(model, "image_shape", None)
    if shape != (3, SHAPES_SIDE, SHAPES_SIDE):
        raise ValueError(
            f"Disentanglement is measured where factors are known: on the built-in `shapes`, colour images "
            f"of {SHAPES_SIDE} x {SHAPES_SIDE} pixels. This model knows images of shape {shape}. Train one "
            f"with `latentia train vae.tc shapes`."
        )
    place = next(model.parameters()).device

    def represent(steps: Steps) -> Codes:
        images = torch.stack([_drawn(row) for row in steps.tolist()])
        return torch.cat([encoder.encode(part.to(place)).mean.cpu() for part in images.split(BATCH)])

    num_values = [len(values) for values in FACTORS.values()]
    factors = random_steps(num_values, num_images, torch.Generator().manual_seed(seed))
    codes, ordered = represent(factors), [name in ORDERED for name in FACTORS]
    gaps = mutual_information_gaps(codes, factors)
    lead = separated_predictability(codes, factors, ordered)
    return Disentanglement(
        dict(zip(FACTORS, gaps.tolist(), strict=True)),
        dict(zip(FACTORS, lead.tolist(), strict=True)),
        importances(codes, factors, ordered, seed=seed),
        factor_score(represent, num_values, num_votes=num_votes, seed=seed),
        num_images,
    )


def _drawn(steps: list[int]) -> torch.Tensor:
    """The image of a combination of factors, in [-1, 1]."""
    values = (options[step] for options, step in zip(FACTORS.values(), steps, strict=True))
    pixels: np.ndarray = draw_shape(*values)
    return torch.from_numpy(pixels.transpose(2, 0, 1)).float() / 127.5 - 1
