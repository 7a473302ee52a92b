"""Weights that are used other than they are stored: spectrally normalised, or scaled to learn alike."""

from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import parametrize

from latentia.networks.conditions import Score
from latentia.networks.remembers import Remembers

Layer = TypeVar("Layer", bound=nn.Module)


class SpectralNorm(nn.Module, Remembers):
    """A weight divided by its largest singular value, which is estimated by power iteration.

        v = W'u / |W'u|,  u <- W v / |W v|,  W / (u'W v)

    Every forward pass takes one step from the u in the buffer, and the buffer is moved once a turn. So
    the result is a function of weights and buffer alone: the same for every part of a batch, in training
    and out of it, whoever moves.

    Args:
        weight: The weight at the start, whose first dimension is that of the outputs.

    Note:
        Of a convolution it is the norm of its kernel as a matrix, outputs by everything else, as in the
        paper, and not that of the convolution as a whole, which is up to the kernel's side larger.

    Source:
        Miyato et al. 2018 (arXiv:1802.05957), algorithm 1. Differs in when u is moved.
    """

    ITERATIONS = 20
    left: Tensor

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self._latest: Tensor | None = None
        matrix = weight.detach().flatten(1)
        left = torch.randn(len(matrix)).to(matrix)
        for _ in range(self.ITERATIONS):
            left = _iterate(matrix, left)[0]
        self.register_buffer("left", left)

    def forward(self, weight: Tensor) -> Tensor:
        matrix = weight.flatten(1)
        with torch.no_grad():
            left, right = _iterate(matrix, self.left)
        if self.training:
            self._latest = left
        return weight / torch.dot(left, torch.mv(matrix, right))

    def fold(self) -> None:
        """Moves the buffer to where the last forward pass came."""
        if self._latest is not None:
            self.left.copy_(self._latest)
            self._latest = None


class Scaled(nn.Module):
    """A weight times a constant.

    Args:
        scale: The constant.
    """

    def __init__(self, scale: float) -> None:
        super().__init__()
        self.scale = scale

    def forward(self, weight: Tensor) -> Tensor:
        return weight * self.scale


def spectral(layer: Layer) -> Layer:
    """The layer, its weight spectrally normalised; of a `Score` that of its classes too."""
    return _used_through(SpectralNorm, layer)


def equalised(layer: Layer, gain: float = 2**0.5) -> Layer:
    """The layer, its weight drawn from N(0, 1) and scaled when it is used; of a `Score` its classes too.

        used = weight gain / sqrt(inputs)

    Adam steps all weights by its rate, whatever their scale: so all change at one speed.

    Source:
        Karras et al. 2017 (arXiv:1710.10196), section 4.1.
    """

    def drawn(weight: Tensor) -> Scaled:
        nn.init.normal_(weight)
        return Scaled(gain * weight[0].numel() ** -0.5)

    if isinstance(getattr(layer, "bias", None), Tensor):
        nn.init.zeros_(layer.get_parameter("bias"))
    return _used_through(drawn, layer)


def _used_through(make: Callable[[Tensor], nn.Module], layer: Layer) -> Layer:
    parametrize.register_parametrization(layer, "weight", make(layer.get_parameter("weight")))
    if isinstance(layer, Score) and layer.classes is not None:
        _used_through(make, layer.classes)
    return layer


def _iterate(matrix: Tensor, left: Tensor) -> tuple[Tensor, Tensor]:
    right = functional.normalize(torch.mv(matrix.T, left), dim=0)
    return functional.normalize(torch.mv(matrix, right), dim=0), right
