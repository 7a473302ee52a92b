"""Averaged weights: what is evaluated, sampled and shown."""

import copy

import torch
from torch import Tensor, nn

from latentia.protocols import GenerativeModel


class Average:
    """An exponential moving average of a model's parameters and buffers.

        average <- d average + (1 - d) weights,  d = 0.5^(images / half-life)

    Early in a run the half-life is a part of the images seen, the ramp, so that the initial weights are soon
    forgotten: then the weights after t images count in proportion to t^(log 2 / ramp - 1).

    Args:
        model: The model that is trained.
        half_life: Images after which a step counts half.
        ramp: The half-life is at most this part of the images seen, above 0.

    Source:
        Karras et al. 2020 (arXiv:1912.04958), for the half-life in images and its ramp of a twentieth;
        Karras et al. 2024 (arXiv:2312.02696), section 3, for the power.
    """

    RAMP = 0.05

    def __init__(self, model: GenerativeModel, half_life: int, *, ramp: float = RAMP) -> None:
        self.half_life, self.ramp = half_life, ramp
        self.model = copy.deepcopy(model).requires_grad_(False).eval()
        self._places = [_places(self.model), _places(model)]

    @torch.no_grad()
    def update(self, num_images: int, images_seen: int) -> None:
        """Moves the average towards the model's weights, `num_images` after the last update."""
        half_life = min(self.half_life, self.ramp * images_seen)
        fraction = 1 - 0.5 ** (num_images / max(half_life, 1e-8))
        mine, theirs = ([getattr(module, name) for module, name in places] for places in self._places)
        moving: list[tuple[Tensor, Tensor]] = []
        for average, weight in zip(mine, theirs, strict=True):
            if average.is_floating_point():
                moving.append((average, weight))
            else:
                average.copy_(weight)  # counters
        torch._foreach_lerp_([average for average, _ in moving], [weight for _, weight in moving], fraction)


def _places(model: nn.Module) -> list[tuple[nn.Module, str]]:
    """Where what a state_dict holds hangs: modules are walked once, but a model may replace a buffer."""
    paths = (key.rpartition(".") for key in model.state_dict())
    return [(model.get_submodule(path), name) for path, _, name in paths]
