"""A residual generator, and a residual critic with spectral normalisation."""

import math
from itertools import pairwise

import torch
from torch import Tensor, nn

from latentia._types import Given, Images, Latents, PerImage
from latentia.networks.conditions import Condition, Score, Told
from latentia.networks.convolutional import Norm, channels_after, num_halvings
from latentia.networks.residual import Features, convolution, doubled, halved
from latentia.networks.weights import spectral

LINEAR = 0.5**0.5
"""Gain of a layer that no rectifier follows, beside `convolution`'s."""


class ResidualGenerator(nn.Module):
    """Latents to images in (-1, 1): residual blocks that double height and width.

    Args:
        num_latents: Length of a latent vector.
        image_shape: (channels, height, width).
        width: Channels at half size; see `channels_after`.
        norm: Batch normalisation, whose scale and shift follow from what is told, or none.
        condition: What it is told of each image; None for nothing.

    Source:
        Miyato et al. 2018 (arXiv:1802.05957), tables 4 to 6; conditional: Miyato & Koyama 2018
        (arXiv:1802.05637). Differs in that what is told stands beside the latents too.
    """

    def __init__(
        self,
        num_latents: int,
        image_shape: tuple[int, int, int],
        *,
        width: int,
        norm: Norm = "batch",
        condition: Condition | None = None,
    ) -> None:
        super().__init__()
        channels, height, width_px = image_shape
        levels = num_halvings(height, width_px)
        sizes = [channels_after(level, width) for level in range(levels, -1, -1)]
        self.latents = Told(num_latents, condition)
        self.base = (sizes[0], height >> levels, width_px >> levels)
        self.first = nn.Linear(self.latents.num_outputs, math.prod(self.base))
        nn.init.normal_(self.first.weight, std=self.latents.num_outputs**-0.5)
        nn.init.zeros_(self.first.bias)
        self.blocks = nn.ModuleList(
            _Doubling(inputs, outputs, norm=norm, condition=condition, gain=levels**-0.5)
            for inputs, outputs in pairwise(sizes)
        )
        self.norm = nn.BatchNorm2d(sizes[-1]) if norm == "batch" else nn.Identity()
        self.pixels = convolution(sizes[-1], channels, 3)

    def forward(self, latents: Latents, given: Given | None = None) -> Images:
        features = self.first(self.latents(latents, given)).unflatten(1, self.base)
        features = features.contiguous(memory_format=torch.channels_last)
        for block in self.blocks:
            features = block(features, given)
        outputs: Tensor = self.pixels(self.norm(features).relu())
        return outputs.tanh()


class ResidualCritic(nn.Module):
    """Images to scores: residual blocks that halve height and width, one that does not, and a sum.

    Every weight is spectrally normalised, so that the critic is as steep as its blocks are many and no
    steeper; it sees each image alone.

    Args:
        image_shape: (channels, height, width).
        width: Channels of the first block; see `channels_after`.
        condition: What it is told of each image; None for nothing.

    Source:
        Miyato et al. 2018 (arXiv:1802.05957), tables 4 to 6; Miyato & Koyama 2018 (arXiv:1802.05637).
    """

    def __init__(
        self, image_shape: tuple[int, int, int], *, width: int, condition: Condition | None = None
    ) -> None:
        super().__init__()
        channels, height, width_px = image_shape
        levels = num_halvings(height, width_px)
        sizes = [channels, *(channels_after(level, width) for level in range(1, levels + 1))]
        blocks = [
            _Halving(inputs, outputs, halve=True, first=level == 0)
            for level, (inputs, outputs) in enumerate(pairwise(sizes))
        ]
        self.blocks = nn.ModuleList([*blocks, _Halving(sizes[-1], sizes[-1], halve=False, first=False)])
        self.score = spectral(Score(sizes[-1], condition))

    def forward(self, images: Images, given: Given | None = None) -> PerImage:
        scores: Tensor = self.score(self.features(images)[-1].relu().sum((2, 3)), given)
        return scores

    def features(self, images: Images, given: Given | None = None) -> tuple[Tensor, ...]:
        """What every block puts out, shallow first."""
        found = [images.contiguous(memory_format=torch.channels_last)]
        for block in self.blocks:
            found.append(block(found[-1]))
        return tuple(found[1:])


class ToldNorm(nn.BatchNorm2d):
    """Batch normalisation whose scale and shift follow from what is told, where something is.

    Args:
        num_features: Channels.
        condition: What is told; None for nothing.
    """

    def __init__(self, num_features: int, condition: Condition | None = None) -> None:
        super().__init__(num_features, affine=condition is None)
        self.told = condition is not None
        if condition is not None:
            self.scales = condition.vectors(num_features, mean=1.0, std=0.02)
            self.shifts = condition.vectors(num_features, std=0.0)

    def forward(self, features: Features, given: Given | None = None) -> Features:
        features = super().forward(features)
        if not self.told:
            return features
        return features * self.scales(given)[:, :, None, None] + self.shifts(given)[:, :, None, None]


class _Doubling(nn.Module):
    def __init__(
        self, inputs: int, outputs: int, *, norm: Norm, condition: Condition | None, gain: float
    ) -> None:
        super().__init__()
        sizes = (inputs, outputs) if norm == "batch" else ()
        self.norms = nn.ModuleList(ToldNorm(size, condition) for size in sizes)
        self.first = convolution(inputs, outputs, 3)
        self.second = convolution(outputs, outputs, 3, gain=gain)
        self.shortcut = convolution(inputs, outputs, 1, gain=LINEAR)

    def forward(self, features: Features, given: Given | None) -> Features:
        residual = self.first(doubled(self._activated(0, features, given)))
        residual = self.second(self._activated(1, residual, given))
        # A 1 x 1 convolution of doubled features is the doubled convolution, in a quarter of the time.
        outputs: Tensor = doubled(self.shortcut(features)) + residual
        return outputs

    def _activated(self, place: int, features: Tensor, given: Given | None) -> Tensor:
        if self.norms:
            features = self.norms[place](features, given)
        return features.relu()


class _Halving(nn.Module):
    def __init__(self, inputs: int, outputs: int, *, halve: bool, first: bool) -> None:
        super().__init__()
        self.halve, self.first_of_all = halve, first
        self.first = spectral(convolution(inputs, outputs, 3))
        self.second = spectral(convolution(outputs, outputs, 3))
        self.shortcut = spectral(convolution(inputs, outputs, 1))

    def forward(self, features: Features) -> Features:
        shortcut = halved(features) if self.halve else features
        residual = features if self.first_of_all else features.relu()
        residual = self.second(self.first(residual).relu())
        outputs: Tensor = self.shortcut(shortcut) + (halved(residual) if self.halve else residual)
        return outputs
