"""The pair of networks that grows: from a few pixels to the whole image, every resolution faded in.

Depth says how far it has grown: 0 is the smallest resolution alone, 1 the second, and 1.3 the third, of
which 0.3 comes from its own block and 0.7 is the second, enlarged.
"""

import math
from itertools import pairwise
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from latentia._types import Given, Images, Latents, PerImage
from latentia.networks.conditions import Condition, Score, Told
from latentia.networks.convolutional import channels_after, num_halvings
from latentia.networks.residual import Features, doubled, halved
from latentia.networks.weights import equalised

LEAK = 0.2


class ProgressiveGenerator(nn.Module):
    """Latents to images in (-1, 1), at the resolution of a depth.

    Args:
        num_latents: Length of a latent vector.
        image_shape: (channels, height, width).
        width: Channels at half size; see `channels_after`.
        condition: What it is told of each image; None for nothing.

    Attributes:
        last_depth: The depth of full size, which is that of a call without depth.

    Source:
        Karras et al. 2017 (arXiv:1710.10196), sections 2, 4 and table 2. Differs in the hyperbolic tangent
        at the end, in the number of channels, and in what is told, which stands beside the latents.
    """

    def __init__(
        self,
        num_latents: int,
        image_shape: tuple[int, int, int],
        *,
        width: int,
        condition: Condition | None = None,
    ) -> None:
        super().__init__()
        channels, height, width_px = image_shape
        self.last_depth = num_halvings(height, width_px)
        sizes = [channels_after(level, width) for level in range(self.last_depth, -1, -1)]
        self.latents = Told(num_latents, condition)
        self.base = (sizes[0], height >> self.last_depth, width_px >> self.last_depth)
        first = nn.Linear(self.latents.num_outputs, math.prod(self.base))
        self.first = equalised(first, gain=2**0.5 / 4)
        self.blocks = nn.ModuleList([nn.Sequential(*_step(sizes[0], sizes[0]), PixelNorm())])
        for inputs, outputs in pairwise(sizes):
            steps = [*_step(inputs, outputs), PixelNorm(), *_step(outputs, outputs), PixelNorm()]
            self.blocks.append(nn.Sequential(nn.UpsamplingNearest2d(scale_factor=2), *steps))
        self.to_pixels = nn.ModuleList(equalised(nn.Conv2d(size, channels, 1), gain=1) for size in sizes)

    def forward(self, latents: Latents, given: Given | None = None, *, depth: float | None = None) -> Images:
        below, fade = _split(depth, self.last_depth)
        features = pixel_normalised(self.latents(latents, given))
        features = functional.leaky_relu(self.first(features).unflatten(1, self.base), LEAK)
        features = pixel_normalised(features).contiguous(memory_format=torch.channels_last)
        for block in self.blocks[: below + 1]:
            features = block(features)
        pixels: Tensor = self.to_pixels[below](features)
        if fade:
            new = self.to_pixels[below + 1](self.blocks[below + 1](features))
            pixels = doubled(pixels).lerp(new, fade)  # figure 2 (b)
        return pixels.tanh()


class ProgressiveCritic(nn.Module):
    """Images of the resolution of a depth to scores. It sees how much the images of a batch differ.

    Args:
        image_shape: (channels, height, width) at full size.
        width: Channels at half size; see `channels_after`.
        condition: What it is told of each image; None for nothing.

    Attributes:
        last_depth: The depth of full size, which is that of a call without depth.

    Source:
        Karras et al. 2017 (arXiv:1710.10196), sections 2 to 4 and table 2.
    """

    def __init__(
        self, image_shape: tuple[int, int, int], *, width: int, condition: Condition | None = None
    ) -> None:
        super().__init__()
        channels, height, width_px = image_shape
        self.last_depth = num_halvings(height, width_px)
        sizes = [channels_after(level, width) for level in range(self.last_depth, -1, -1)]
        self.base = (height >> self.last_depth, width_px >> self.last_depth)
        self.from_pixels = nn.ModuleList(nn.Sequential(*_step(channels, size, 1)) for size in sizes)
        flat = equalised(nn.Linear(sizes[0] * math.prod(self.base), sizes[0]))
        top = [MinibatchDeviation(), *_step(sizes[0] + 1, sizes[0]), nn.Flatten(), flat, nn.LeakyReLU(LEAK)]
        self.blocks = nn.ModuleList([nn.Sequential(*top)])
        for outputs, inputs in pairwise(sizes):
            steps = [*_step(inputs, inputs), *_step(inputs, outputs)]
            self.blocks.append(nn.Sequential(*steps, nn.AvgPool2d(2)))
        self.score = equalised(Score(sizes[0], condition), gain=1)

    def forward(self, images: Images, given: Given | None = None, *, depth: float | None = None) -> PerImage:
        scores: Tensor = self.score(self.features(images, depth=depth)[-1], given)
        return scores

    def features(
        self, images: Images, given: Given | None = None, *, depth: float | None = None
    ) -> tuple[Tensor, ...]:
        """What every block that depth needs puts out, shallow first.

        Raises:
            ValueError: If the images are not of the resolution of that depth.
        """
        below, fade = _split(depth, self.last_depth)
        whole = below + (fade > 0)
        self._check(images, whole)
        images = images.contiguous(memory_format=torch.channels_last)
        found = [self.from_pixels[whole](images)]
        if fade:
            old = self.from_pixels[below](halved(images))
            found.append(old.lerp(self.blocks[whole](found[-1]), fade))  # figure 2 (b)
        for block in reversed(self.blocks[: below + 1]):
            found.append(block(found[-1]))
        return tuple(found[1:])

    def _check(self, images: Images, whole: int) -> None:
        expected = (self.base[0] << whole, self.base[1] << whole)
        if tuple(images.shape[2:]) != expected:
            raise ValueError(
                f"At this depth the critic sees images of {expected[0]} x {expected[1]} px, and got "
                f"{images.shape[2]} x {images.shape[3]} px. Halve them as often as depth is below "
                f"{self.last_depth}, rounded up."
            )


class MinibatchDeviation(nn.Module):
    """Adds a channel that says how much the images of the batch differ.

    It is the deviation over the batch of every feature at every place, averaged over all of them: one
    number a batch. So it couples images, and dividing a batch changes it.

    Source:
        Karras et al. 2017 (arXiv:1710.10196), section 3.
    """

    couples: ClassVar[bool] = True

    def forward(self, features: Features) -> Features:
        deviation = (features.var(0, correction=0) + 1e-8).sqrt().mean()
        batch, _, rows, columns = features.shape
        return torch.cat([features, deviation.expand(batch, 1, rows, columns)], 1)


class PixelNorm(nn.Module):
    """`pixel_normalised`, as a layer."""

    def forward(self, features: Features) -> Features:
        return pixel_normalised(features)


def pixel_normalised(features: Tensor) -> Tensor:
    """Vectors whose mean square is 1, at every place of every image.

    Source:
        Karras et al. 2017 (arXiv:1710.10196), section 4.2.
    """
    return features * (features.square().mean(1, keepdim=True) + 1e-8).rsqrt()


def _step(inputs: int, outputs: int, kernel: int = 3) -> list[nn.Module]:
    convolution = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2)
    return [equalised(convolution), nn.LeakyReLU(LEAK)]


def _split(depth: float | None, last_depth: int) -> tuple[int, float]:
    """The last resolution that is there in full, and how far the next is faded in."""
    if depth is None:
        return last_depth, 0.0
    if not 0 <= depth <= last_depth:
        raise ValueError(
            f"The depth is {depth}; it has to be from 0, the smallest resolution, to {last_depth}, the whole "
            f"image."
        )
    return int(depth), depth - int(depth)
