"""Averaged weights: what is evaluated, sampled and shown."""

import copy

import torch
from torch import Tensor

from latentia.protocols import GenerativeModel


class Average:
    """An exponential moving average of a model's parameters and buffers.

        average <- d average + (1 - d) weights,  d = 0.5^(images / half-life)

    Early in a run the half-life is a twentieth of the images seen, so that the initial weights are
    soon forgotten.

    Args:
        model: The model that is trained.
        half_life: Images after which a step counts half.

    Source:
        Karras et al. 2020 (arXiv:1912.04958), for the half-life in images and its ramp.
    """

    RAMP = 0.05

    def __init__(self, model: GenerativeModel, half_life: int) -> None:
        self.half_life = half_life
        self.model = copy.deepcopy(model).requires_grad_(False).eval()

    @torch.no_grad()
    def update(self, model: GenerativeModel, num_images: int, images_seen: int) -> None:
        """Moves the average towards the model's weights, `num_images` after the last update."""
        half_life = min(self.half_life, self.RAMP * images_seen)
        fraction = 1 - 0.5 ** (num_images / max(half_life, 1e-8))
        mine, theirs = self.model.state_dict(), model.state_dict()
        moving = [name for name, value in mine.items() if value.is_floating_point()]
        targets: list[Tensor] = [mine[name] for name in moving]
        torch._foreach_lerp_(targets, [theirs[name] for name in moving], fraction)
        for name in mine.keys() - set(moving):
            mine[name].copy_(theirs[name])  # counters
