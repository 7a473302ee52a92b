"""Real images on their way to others of their class: new ones that stay sharp."""

from typing import Protocol

import torch
from jaxtyping import Int64
from torch import Tensor

from latentia._types import Given, Images, Latents
from latentia.data import Split
from latentia.distributions import Distribution
from latentia.protocols import Decodes, Encodes, require
from latentia.tasks.draw import is_conditional

LEAST, MOST = 0.25, 1.0
"""How far they go: a random part of the way between these."""
AT_ONCE = 250


class _EncodesAndDecodes(Protocol):
    def encode(self, images: Images, *, given: Given | None = None) -> Distribution: ...
    def decode(self, latents: Latents, *, given: Given | None = None) -> Distribution: ...


class Variation:
    """Moves training images towards others of their class, in latent space.

        x' = x + G(z + t (z_b - z)) - G(z),   t uniform in [1/4, 1]

    z and z_b are the means of q(z|x) and q(z|x_b), G the mean of p(x|z), and x and x_b two training images
    of a class. The residual of x, which a reconstruction loses, stays.

    Args:
        model: One that encodes and decodes, told classes or nothing.
        train: Labelled training images.

    Raises:
        ValueError: If the model cannot encode or decode.

    Source:
        DeVries & Taylor 2017 (arXiv:1702.05538), interpolation between neighbours in feature space. Differs
        in that the two images are any of the class, and in that the residual is kept: decoded images alone
        are blurred, and a classifier lost 1.7 points by them where it lost nothing by these.
    """

    def __init__(self, model: object, train: Split) -> None:
        task = "augment by variation"
        require(model, Encodes, task=task)
        require(model, Decodes, task=task)
        classes = train.classes(slice(None))
        assert classes is not None
        assert isinstance(model, torch.nn.Module)
        self._model: _EncodesAndDecodes = model  # type: ignore[assignment]
        self._train, self._classes = train, classes
        self._told = is_conditional(model)
        self._device = next(model.parameters()).device
        self._members = [(classes == index).nonzero().squeeze(1) for index in range(int(classes.max()) + 1)]

    @torch.no_grad()
    def draw(self, index: int, number: int, generator: torch.Generator) -> Images:
        """New images of a class.

        Args:
            index: The class, of which there is a training image.
            number: How many.
            generator: Source of randomness, on the processor.
        """
        rows = self._some(self._members[index], number, generator)
        others = self._some(self._members[index], number, generator)
        part = LEAST + (MOST - LEAST) * torch.rand(number, 1, generator=generator)
        places = torch.arange(number).split(AT_ONCE)
        return torch.cat([self._changed(rows[p], others[p], part[p]) for p in places])

    def _changed(self, rows: Tensor, others: Tensor, part: Tensor) -> Images:
        images = self._train.images(rows).to(self._device)
        told = self._given(rows)
        latents = self._encoded(rows)
        step = part.to(self._device) * (self._encoded(others) - latents)
        before = self._model.decode(latents, given=told).mean
        after = self._model.decode(latents + step, given=told).mean
        return (images + after - before).clamp(-1, 1)

    def _encoded(self, rows: Int64[Tensor, " images"]) -> Latents:
        images = self._train.images(rows).to(self._device)
        return self._model.encode(images, given=self._given(rows)).mean

    def _given(self, rows: Int64[Tensor, " images"]) -> Given | None:
        return self._classes[rows].to(self._device) if self._told else None

    @staticmethod
    def _some(rows: Int64[Tensor, " rows"], number: int, generator: torch.Generator) -> Tensor:
        return rows[torch.randint(len(rows), (number,), generator=generator)]
