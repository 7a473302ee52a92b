"""Convolutional networks whose depth follows from the size of the images.

Each level halves height and width with a 4 x 4 convolution of stride 2, as in DCGAN (Radford et al. 2016,
arXiv:1511.06434), for as long as both are even and stay at 4 pixels or more: 64 px become 4 x 4 in four
levels, 28 px become 7 x 7 in two.
"""

import math
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from latentia._types import Given, Images, Latents, PerImage
from latentia.networks.conditions import Condition, Score, Told

Norm = Literal["batch", "none"]


def num_halvings(height: int, width: int) -> int:
    """How often images can be halved before a side is odd or shorter than 4 pixels.

    Raises:
        ValueError: If not once: the network would be a single layer.

    Example:
        >>> num_halvings(64, 64), num_halvings(28, 28), num_halvings(32, 48)
        (4, 2, 3)
    """
    halvings = 0
    while height % 2 == 0 and width % 2 == 0 and min(height, width) >= 8:
        height, width, halvings = height // 2, width // 2, halvings + 1
    if halvings == 0:
        raise ValueError(
            f"Convolutional networks halve images at least once, and {height} x {width} px cannot be: "
            f"sides have to be even and at least 8 px. Choose another `--size` (8, 16, 32, 64, 128), or "
            f"`--network mlp` where the recipe has one."
        )
    return halvings


def channels_after(halvings: int, width: int) -> int:
    """How many channels features have: `width` after one halving, and twice as many a level further.

    No more than eight times as many; at full size, half.

    Example:
        >>> [channels_after(halvings, 16) for halvings in range(6)]
        [8, 16, 32, 64, 128, 128]
    """
    return max(width * 2 ** min(halvings, 4) // 2, 1)


class ConvolutionalEncoder(nn.Module):
    """Images to a vector of features.

    Args:
        image_shape: (channels, height, width).
        width: Channels after the first level; each further level has twice as many, up to eight times.
        norm: Batch normalisation in all levels but the first, or none.
        leak: Slope of the activation for negative numbers.
    """

    def __init__(
        self, image_shape: tuple[int, int, int], *, width: int, norm: Norm = "none", leak: float = 0.2
    ) -> None:
        super().__init__()
        channels, height, width_px = image_shape
        levels = num_halvings(height, width_px)
        layers: list[nn.Module] = []
        for level in range(levels):
            outputs = channels_after(level + 1, width)
            convolution = nn.Conv2d(channels, outputs, 4, stride=2, padding=1)
            nn.init.kaiming_normal_(convolution.weight, a=leak)
            nn.init.zeros_(_bias(convolution))
            layers.append(convolution)
            if norm == "batch" and level > 0:
                layers.append(nn.BatchNorm2d(outputs))
            layers.append(nn.LeakyReLU(leak))
            channels = outputs
        self.levels = nn.Sequential(*layers)
        self.num_features = channels * (height >> levels) * (width_px >> levels)

    def forward(self, images: Images) -> Float[Tensor, "batch features"]:
        features: Tensor = self.levels(images)
        return features.flatten(1)


class ConvolutionalDecoder(nn.Module):
    """Latents to a number of channels as high and wide as an image: the encoder's mirror image.

    Args:
        num_latents: Length of a latent vector.
        image_shape: (channels, height, width).
        num_outputs: Channels of the output.
        width: Channels before the last level, as of the encoder.
        norm: Batch normalisation in all levels but the last, or none.
        output_gain: Scale of the last layer's first outputs; small ones start at the head's statistics.
    """

    def __init__(
        self,
        num_latents: int,
        image_shape: tuple[int, int, int],
        *,
        num_outputs: int,
        width: int,
        norm: Norm = "none",
        output_gain: float = 1.0,
    ) -> None:
        super().__init__()
        _, height, width_px = image_shape
        levels = num_halvings(height, width_px)
        inputs = channels_after(levels, width)
        self.base = (inputs, height >> levels, width_px >> levels)
        self.first = nn.Linear(num_latents, math.prod(self.base))
        nn.init.kaiming_normal_(self.first.weight, nonlinearity="relu")
        nn.init.zeros_(self.first.bias)
        layers: list[nn.Module] = [*_normed(inputs, norm), nn.ReLU()]
        for level in reversed(range(levels)):
            outputs = channels_after(level, width) if level else num_outputs
            layers.append(_doubling(inputs, outputs, gain=1.0 if level else output_gain))
            if level:
                layers += [*_normed(outputs, norm), nn.ReLU()]
            inputs = outputs
        self.levels = nn.Sequential(*layers)

    def forward(self, latents: Latents) -> Images:
        base = self.first(latents).unflatten(1, self.base)
        if base.device.type == "cpu":  # many at once are decoded in two thirds of the time
            base = base.contiguous(memory_format=torch.channels_last)
        outputs: Tensor = self.levels(base)
        return outputs


class Doubling(nn.ConvTranspose2d):
    """A transposed convolution that doubles height and width: 4 x 4, of stride 2.

    With one output or two (grey images), on a processor, its patches are computed as one product of
    matrices and laid over each other: the same numbers in a quarter to half of the time.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, 4, stride=2, padding=1)

    def forward(
        self, images: Images, output_size: list[int] | None = None
    ) -> Float[Tensor, "batch outputs 2*height 2*width"]:
        if self.out_channels > 2 or images.device.type != "cpu":
            return super().forward(images, output_size)
        patches = self.weight.flatten(1).T @ images.flatten(2)  # (batch, outputs x 4 x 4, positions)
        size = (2 * images.shape[2], 2 * images.shape[3])
        return functional.fold(patches, size, 4, padding=1, stride=2) + _bias(self)[:, None, None]


class Generator(nn.Module):
    """DCGAN's generator: latents to images in (-1, 1), through a hyperbolic tangent.

    Args:
        num_latents: Length of a latent vector.
        image_shape: (channels, height, width).
        width: Channels before the last level, as of the decoder.
        norm: Batch normalisation in all levels but the last, or none.
        condition: What it is told of each image; None for nothing.

    Source:
        Radford et al. 2016 (arXiv:1511.06434), section 3. The first layer is linear, as there; the number
        of levels follows from the size of the images. Without norm, weights start as the decoder's.
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
        self.latents = Told(num_latents, condition)
        self.decoder = ConvolutionalDecoder(
            self.latents.num_outputs, image_shape, num_outputs=image_shape[0], width=width, norm=norm
        )
        if norm == "batch":
            initialise_as_dcgan(self)

    def forward(self, latents: Latents, given: Given | None = None) -> Images:
        outputs: Tensor = self.decoder(self.latents(latents, given))
        return outputs.tanh()


class Critic(nn.Module):
    """DCGAN's discriminator, without its sigmoid: images to scores.

    Args:
        image_shape: (channels, height, width).
        width: Channels after the first level, as of the encoder.
        norm: Batch normalisation in all levels but the first, or none.
        condition: What it is told of each image; None for nothing.

    Source:
        Radford et al. 2016 (arXiv:1511.06434), section 3. Without norm, weights start as the encoder's.
    """

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        *,
        width: int,
        norm: Norm = "batch",
        condition: Condition | None = None,
    ) -> None:
        super().__init__()
        self.encoder = ConvolutionalEncoder(image_shape, width=width, norm=norm)
        self.score = Score(self.encoder.num_features, condition)
        if norm == "batch":
            initialise_as_dcgan(self)

    def forward(self, images: Images, given: Given | None = None) -> PerImage:
        scores: Tensor = self.score(self.encoder(images), given)
        return scores

    def features(self, images: Images, given: Given | None = None) -> tuple[Tensor, ...]:
        """The activations of every level, shallow first."""
        found = [images]
        for layer in self.encoder.levels:
            found.append(layer(found[-1]))
        levels = zip(found[1:], self.encoder.levels, strict=True)
        return tuple(level for level, layer in levels if isinstance(layer, nn.LeakyReLU))


def initialise_as_dcgan(network: nn.Module) -> None:
    """Draws all weights from N(0, 0.02^2), and scales of batch norms from N(1, 0.02^2).

    Below batch normalisation the scale of weights sets how far a step of Adam turns them: drawn wider,
    with a variance that keeps that of the activations, generators of 64 px were left behind by the critic.

    Source:
        Radford et al. 2016 (arXiv:1511.06434), section 4.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.normal_(module.weight, std=0.02)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight, mean=1.0, std=0.02)


def _normed(channels: int, norm: Norm) -> list[nn.Module]:
    return [nn.BatchNorm2d(channels)] if norm == "batch" else []


def _doubling(inputs: int, outputs: int, *, gain: float) -> Doubling:
    layer = Doubling(inputs, outputs)
    # Every output pixel of a 4 x 4 transposed convolution of stride 2 sums 2 x 2 taps an input channel.
    nn.init.normal_(layer.weight, std=gain * (2 / (4 * inputs)) ** 0.5)
    nn.init.zeros_(_bias(layer))
    return layer


def _bias(layer: nn.Conv2d | nn.ConvTranspose2d) -> Tensor:
    assert layer.bias is not None
    return layer.bias
