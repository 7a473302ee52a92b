"""One trained model as the report sees it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from latentia._types import Images
from latentia.protocols import ExplicitModel, GenerativeModel, Restores
from latentia.training.folder import AVERAGED

BATCH = 250  # images drawn at a time


@dataclass(frozen=True, slots=True)
class Contestant:
    """A trained model and what is known of its run.

    Attributes:
        name: What to call it in tables and pictures, unlike any other in one report.
        recipe: Name of the recipe that made it.
        arguments: Arguments of the recipe, JSON-able.
        model: The model itself, in evaluation mode.
        history: Rows of the run's log: images seen, seconds of training, terms by name, and on some rows
            the validation numbers.
        images_seen: Real images drawn in training, repetitions counted.
        seconds: Training time.
        seed: Seed of the run.
        weights: Which weights the model has, in words.

    Raises:
        ValueError: If the model is in training mode, or draws nothing of itself: it restores images.
    """

    name: str
    recipe: str
    arguments: Mapping[str, Any]
    model: GenerativeModel
    history: Sequence[Mapping[str, Any]]
    images_seen: int
    seconds: float
    seed: int
    weights: str = AVERAGED

    def __post_init__(self) -> None:
        if self.model.training:
            raise ValueError(
                f"{self.name} is in training mode, where it may draw differently: call model.eval()."
            )
        if isinstance(self.model, Restores):
            raise ValueError(
                f"{self.name} restores images and draws none without one, so its draws cannot be measured. "
                f"`latentia restore` uses it; `benchmarks/restore.py` measures answers."
            )

    @property
    def explicit(self) -> bool:
        """Whether the model says how likely an image is."""
        return isinstance(self.model, ExplicitModel)

    @property
    def num_parameters(self) -> int:
        """Numbers that training moves, of all the model's networks together."""
        return sum(parameter.numel() for parameter in self.model.parameters())

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return next(self.model.parameters()).device

    @torch.no_grad()
    def draw(self, num_images: int, *, seed: int, noise: bool = True) -> Images:
        """Images from the model, on the CPU, clamped to [-1, 1] as any picture file would.

        Args:
            num_images: How many, at least 1.
            seed: Seed of the latents and of the pixel noise.
            noise: Whether pixels are drawn from p(x|z) too; without it, their means are returned.

        Raises:
            ValueError: If the model returns something that is not a number.
        """
        generator = torch.Generator(self.device).manual_seed(seed)
        sizes = [min(BATCH, num_images - done) for done in range(0, num_images, BATCH)]
        batches = [self.model.sample(size, generator=generator, noise=noise).cpu() for size in sizes]
        images = torch.cat(batches)
        if not images.isfinite().all():
            raise ValueError(
                f"{self.name} draws images that hold values which are not numbers: its training went wrong. "
                "Resume from an earlier checkpoint, or train it again with a lower learning rate."
            )
        return images.clamp(-1, 1)
