"""The modern residual pair: inverted bottlenecks without norms, and nothing else."""

import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from latentia._types import Given, Images, Latents, PerImage
from latentia.networks.conditions import Condition, Score, Told
from latentia.networks.convolutional import channels_after, num_halvings
from latentia.networks.residual import Features

LEAK = 0.2
GROUP = 16
"""Channels that a grouped convolution mixes, as in the published networks (1536 in 96 groups)."""


class BottleneckGenerator(nn.Module):
    """Latents to images in (-1, 1): a learned grid scaled by the latents, and residual blocks on it.

    Args:
        num_latents: Length of a latent vector.
        image_shape: (channels, height, width).
        width: Channels at half size; see `channels_after`.
        blocks: Residual blocks at each resolution.
        expansion: Channels inside a block for each outside.
        dense: Whether the 3 x 3 convolution inside mixes all channels, and not in groups of 16. With an
            expansion of 1 or 0.5 that is faster on a processor.
        condition: What it is told of each image; None for nothing.

    Source:
        Huang et al. 2025 (arXiv:2501.05441), section 3. Differs in the hyperbolic tangent at the end, in a
        bias of pixels, and in the number of channels.
    """

    def __init__(
        self,
        num_latents: int,
        image_shape: tuple[int, int, int],
        *,
        width: int,
        blocks: int = 2,
        expansion: float = 2.0,
        dense: bool = False,
        condition: Condition | None = None,
    ) -> None:
        super().__init__()
        channels, height, width_px = image_shape
        levels = num_halvings(height, width_px)
        sizes = [channels_after(level, width) for level in range(levels, -1, -1)]
        self.latents = Told(num_latents, condition)
        self.scales = nn.Linear(self.latents.num_outputs, sizes[0], bias=False)
        nn.init.normal_(self.scales.weight, std=self.latents.num_outputs**-0.5)
        self.basis = nn.Parameter(torch.randn(sizes[0], height >> levels, width_px >> levels))
        self.stages = _stages(sizes, blocks, expansion=expansion, dense=dense)
        self.transitions = nn.ModuleList(_mix(a, b) for a, b in pairwise(sizes))
        self.smooth = Smooth()
        self.pixels = nn.Conv2d(sizes[-1], channels, 1)
        scaled(self.pixels)

    def forward(self, latents: Latents, given: Given | None = None) -> Images:
        features = self.scales(self.latents(latents, given))[:, :, None, None] * self.basis
        features = self.stages[0](features.contiguous(memory_format=torch.channels_last))
        for transition, stage in zip(self.transitions, self.stages[1:], strict=True):
            features = stage(self.smooth.doubled(transition(features)))
        outputs: Tensor = self.pixels(features)
        return outputs.tanh()


class BottleneckCritic(nn.Module):
    """Images to scores: the generator's mirror image, which sees each image alone.

    Args:
        image_shape: (channels, height, width).
        width: Channels at half size; see `channels_after`.
        blocks: Residual blocks at each resolution.
        expansion: As of the generator.
        dense: As of the generator.
        condition: What it is told of each image; None for nothing.

    Source:
        Huang et al. 2025 (arXiv:2501.05441), section 3. Differs in that a critic that is told something
        also scores the image without it.
    """

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        *,
        width: int,
        blocks: int = 2,
        expansion: float = 2.0,
        dense: bool = False,
        condition: Condition | None = None,
    ) -> None:
        super().__init__()
        channels, height, width_px = image_shape
        levels = num_halvings(height, width_px)
        sizes = [channels_after(level, width) for level in range(levels + 1)]
        self.smooth = Smooth()
        self.pixels = nn.Conv2d(channels, sizes[0], 1)
        scaled(self.pixels)
        self.stages = _stages(sizes, blocks, expansion=expansion, dense=dense)
        self.transitions = nn.ModuleList(_mix(a, b) for a, b in pairwise(sizes))
        base = (height >> levels, width_px >> levels)
        self.basis = nn.Parameter(torch.randn(sizes[-1], *base) * math.prod(base) ** -0.5)
        self.score = Score(sizes[-1], condition)
        nn.init.normal_(self.score.weight, std=sizes[-1] ** -0.5)
        nn.init.zeros_(self.score.bias)

    def forward(self, images: Images, given: Given | None = None) -> PerImage:
        features = (self.features(images)[-1] * self.basis).sum((2, 3))
        scores: Tensor = self.score(features, given)
        return scores

    def features(self, images: Images, given: Given | None = None) -> tuple[Tensor, ...]:
        """What the blocks of every resolution put out, shallow first."""
        pixels = self.pixels(images.contiguous(memory_format=torch.channels_last))
        found = [self.stages[0](pixels)]
        for transition, stage in zip(self.transitions, self.stages[1:], strict=True):
            found.append(stage(transition(self.smooth.halved(found[-1]))))
        return tuple(found)


class InvertedBottleneck(nn.Module):
    """Widen, look around in groups, narrow: a residual block that starts as the identity.

    Each convolution but the last has a bias and a leaky rectifier after it. The last starts at zero, and
    the others are scaled by the number of blocks of the network to the power -1/4: so what a step of
    descent changes does not grow with depth.

    Args:
        channels: Channels that come in and go out.
        num_blocks: Blocks in the network.
        expansion: Channels inside for each outside.
        dense: Whether all channels inside are one group.

    Source:
        Huang et al. 2025 (arXiv:2501.05441), section 3; the start: Zhang et al. 2019 (arXiv:1901.09321),
        section 3, L^(-1/(2m - 2)) with m = 3 convolutions.
    """

    def __init__(self, channels: int, *, num_blocks: int, expansion: float, dense: bool) -> None:
        super().__init__()
        hidden = max(round(expansion * channels), 1)
        groups = 1 if dense else hidden // math.gcd(hidden, GROUP)
        gain = (2 / (1 + LEAK**2)) ** 0.5 * num_blocks**-0.25
        self.widen = nn.Conv2d(channels, hidden, 1)
        self.look = nn.Conv2d(hidden, hidden, 3, padding=1, groups=groups)
        self.narrow = nn.Conv2d(hidden, channels, 1, bias=False)
        for layer, layer_gain in ((self.widen, gain), (self.look, gain), (self.narrow, 0.0)):
            scaled(layer, layer_gain)

    def forward(self, features: Features) -> Features:
        hidden = functional.leaky_relu(self.widen(features), LEAK)
        hidden = functional.leaky_relu(self.look(hidden), LEAK)
        outputs: Tensor = features + self.narrow(hidden)
        return outputs


class Smooth(nn.Module):
    """The filter [1, 2, 1] along both sides, which doubles or halves them; zeros stand around features.

    As a convolution of every channel by itself it is fast on a processor: means of neighbours by pooling,
    the same filter, took 1.4 to 3.7 times as long.
    """

    def __init__(self) -> None:
        super().__init__()
        side = torch.tensor([1.0, 2.0, 1.0]) / 4
        self.register_buffer("kernel", side[:, None] * side, persistent=False)
        self.kernel: Tensor

    def halved(self, features: Features) -> Features:
        """Half as high and wide: every other pixel, after smoothing."""
        return functional.conv2d(
            features, self._kernel(features), stride=2, padding=1, groups=features.shape[1]
        )

    def doubled(self, features: Features) -> Features:
        """Twice as high and wide: the pixels, and between them the means of their neighbours."""
        return functional.conv_transpose2d(
            features,
            4 * self._kernel(features),
            stride=2,
            padding=1,
            output_padding=1,
            groups=features.shape[1],
        )

    def _kernel(self, features: Tensor) -> Tensor:
        return self.kernel.to(features.dtype).expand(features.shape[1], 1, 3, 3)


def scaled(layer: nn.Conv2d, gain: float = 1.0) -> None:
    """Draws weights that keep the size of activations, times a gain; biases start at zero."""
    nn.init.normal_(layer.weight, std=gain * layer.weight[0].numel() ** -0.5)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)


def _stages(sizes: list[int], blocks: int, *, expansion: float, dense: bool) -> nn.ModuleList:
    def block(channels: int) -> nn.Module:
        num_blocks = blocks * len(sizes)
        return InvertedBottleneck(channels, num_blocks=num_blocks, expansion=expansion, dense=dense)

    return nn.ModuleList(nn.Sequential(*(block(size) for _ in range(blocks))) for size in sizes)


def _mix(inputs: int, outputs: int) -> nn.Module:
    if inputs == outputs:
        return nn.Identity()
    layer = nn.Conv2d(inputs, outputs, 1, bias=False)
    scaled(layer)
    return layer
