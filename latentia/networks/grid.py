"""Networks that keep where things are: images to a grid of vectors and back."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from latentia._types import Images
from latentia.networks.convolutional import Doubling
from latentia.networks.residual import Bottleneck, convolution

Grid = Float[Tensor, "batch size rows columns"]


class GridEncoder(nn.Module):
    """Images to a vector at every position of a grid.

    Args:
        image_shape: (channels, height, width); the sides are multiples of 2 to the power `halvings`.
        size: Length of a vector.
        width: Channels in between.
        halvings: How often height and width are halved.
        depth: Residual blocks on the grid.

    Raises:
        ValueError: If the sides cannot be halved so often.
    """

    def __init__(
        self, image_shape: tuple[int, int, int], *, size: int, width: int, halvings: int, depth: int
    ) -> None:
        super().__init__()
        channels, height, width_px = image_shape
        if height % 2**halvings or width_px % 2**halvings:
            raise ValueError(
                f"Images of {height} x {width_px} px cannot be halved {halvings} times: sides have to be "
                f"multiples of {2**halvings}. Choose fewer halvings, or another `--size`."
            )
        self.grid = (height >> halvings, width_px >> halvings)
        layers: list[nn.Module] = []
        for _ in range(halvings):
            layers += [convolution(channels, width, 4, stride=2), nn.SiLU()]
            channels = width
        self.layers = nn.Sequential(*layers, convolution(channels, width, 3))
        self.blocks = _blocks(width, depth)
        self.output = convolution(width, size, 1)

    def forward(self, images: Images) -> Grid:
        # Channels last: convolutions with few channels are a third faster on a processor.
        features: Tensor = self.layers(images.contiguous(memory_format=torch.channels_last))
        for block in self.blocks:
            features = features + block(features)
        vectors: Tensor = self.output(nn.functional.silu(features))
        return vectors


class GridDecoder(nn.Module):
    """A grid of vectors to a number of channels as high and wide as an image: the encoder's mirror image.

    Args:
        size: Length of a vector.
        num_outputs: Channels of the output.
        width: Channels in between.
        halvings: How often height and width are doubled.
        depth: Residual blocks on the grid.
    """

    def __init__(self, size: int, *, num_outputs: int, width: int, halvings: int, depth: int) -> None:
        super().__init__()
        self.input = convolution(size, width, 3)
        self.blocks = _blocks(width, depth)
        layers: list[nn.Module] = [nn.SiLU()]
        for _ in range(halvings - 1):
            layers += [Doubling(width, width), nn.SiLU()]
        self.layers = nn.Sequential(*layers)
        self.output = Doubling(width, num_outputs) if halvings else convolution(width, num_outputs, 3)
        for layer in self.layers:
            if isinstance(layer, Doubling):
                nn.init.normal_(layer.weight, std=(2 / (4 * width)) ** 0.5)  # 2 x 2 taps an input channel
        nn.init.normal_(self.output.weight, std=0.1 * (2 / (4 * width)) ** 0.5)  # near the head's statistics

    def forward(self, vectors: Grid) -> Images:
        features: Tensor = self.input(vectors.contiguous(memory_format=torch.channels_last))
        for block in self.blocks:
            features = features + block(features)
        outputs: Tensor = self.output(self.layers(features))
        return outputs


def _blocks(width: int, depth: int) -> nn.ModuleList:
    gain = max(1, depth) ** -0.5
    return nn.ModuleList(Bottleneck(width, width // 2 or 1, width, gain=gain) for _ in range(depth))
