"""Networks of fully connected layers, for small images."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from latentia._types import Given, Images, Latents, PerImage
from latentia.networks.conditions import Condition, Score, Told


class MLPEncoder(nn.Module):
    """Images to a vector of features.

    Args:
        image_shape: (channels, height, width).
        width: Units in each hidden layer.
        depth: Hidden layers, at least 1.
    """

    def __init__(self, image_shape: tuple[int, int, int], *, width: int, depth: int = 2) -> None:
        super().__init__()
        self.layers = _hidden_layers(math.prod(image_shape), width, depth)
        self.num_features = width

    def forward(self, images: Images) -> Float[Tensor, "batch features"]:
        features: Tensor = self.layers(images.flatten(1))
        return features


class MLPDecoder(nn.Module):
    """Latents to a number of channels as high and wide as an image.

    Args:
        num_latents: Length of a latent vector.
        image_shape: (channels, height, width).
        num_outputs: Channels of the output.
        width: Units in each hidden layer.
        depth: Hidden layers, at least 1.
    """

    def __init__(
        self,
        num_latents: int,
        image_shape: tuple[int, int, int],
        *,
        num_outputs: int,
        width: int,
        depth: int = 2,
    ) -> None:
        super().__init__()
        _, height, width_px = image_shape
        self.output_shape = (num_outputs, height, width_px)
        self.layers = _hidden_layers(num_latents, width, depth)
        self.output = nn.Linear(width, math.prod(self.output_shape))
        nn.init.normal_(self.output.weight, std=0.1 * width**-0.5)
        nn.init.zeros_(self.output.bias)

    def forward(self, latents: Latents) -> Images:
        outputs: Tensor = self.output(self.layers(latents))
        return outputs.unflatten(1, self.output_shape)


class MLPGenerator(nn.Module):
    """Latents to small images, or to points as images of 1 x 1 pixel, in (-1, 1).

    Args:
        num_latents: Length of a latent vector.
        image_shape: (channels, height, width).
        width: Units in each hidden layer.
        depth: Hidden layers, at least 1.
        condition: What it is told of each image; None for nothing.
    """

    def __init__(
        self,
        num_latents: int,
        image_shape: tuple[int, int, int],
        *,
        width: int,
        depth: int = 3,
        condition: Condition | None = None,
    ) -> None:
        super().__init__()
        self.image_shape = image_shape
        self.latents = Told(num_latents, condition)
        self.layers = _hidden_layers(self.latents.num_outputs, width, depth)
        self.output = nn.Linear(width, math.prod(image_shape))
        nn.init.kaiming_normal_(self.output.weight, nonlinearity="relu")
        nn.init.zeros_(self.output.bias)

    def forward(self, latents: Latents, given: Given | None = None) -> Images:
        outputs: Tensor = self.output(self.layers(self.latents(latents, given)))
        return outputs.tanh().unflatten(1, self.image_shape)


class MLPCritic(nn.Module):
    """Small images, or points, to scores.

    Args:
        image_shape: (channels, height, width).
        width: Units in each hidden layer.
        depth: Hidden layers, at least 1.
        condition: What it is told of each image; None for nothing.
        scale: What images are multiplied by: the larger, the sooner small differences are told apart.
    """

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        *,
        width: int,
        depth: int = 3,
        condition: Condition | None = None,
        scale: float = 1.0,
    ) -> None:
        super().__init__()
        self.scale = scale
        self.layers = _hidden_layers(math.prod(image_shape), width, depth)
        self.score = Score(width, condition)

    def forward(self, images: Images, given: Given | None = None) -> PerImage:
        scores: Tensor = self.score(self.layers(self.scale * images.flatten(1)), given)
        return scores

    def features(self, images: Images, given: Given | None = None) -> tuple[Tensor, ...]:
        """The activations of every hidden layer, shallow first."""
        found = [self.scale * images.flatten(1)]
        for layer in self.layers:
            found.append(layer(found[-1]))
        return tuple(found[2::2])


def _hidden_layers(num_inputs: int, width: int, depth: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for _ in range(depth):
        linear = nn.Linear(num_inputs, width)
        nn.init.kaiming_normal_(linear.weight, nonlinearity="relu")
        torch.nn.init.zeros_(linear.bias)
        layers += [linear, nn.SiLU()]
        num_inputs = width
    return nn.Sequential(*layers)
