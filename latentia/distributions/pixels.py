"""Modules that turn a network's output into a distribution over images.

A network ends in plain numbers; its head says what they are the parameters of. Heads of images start
at the statistics of the data: with them the first step already knows the mean image.
"""

import math
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from latentia._types import Images
from latentia.distributions.bernoulli import Bernoulli
from latentia.distributions.distribution import Density
from latentia.distributions.normal import DiscretisedNormal, Normal
from latentia.distributions.soft_bound import soft_bound


@runtime_checkable
class PixelHead(Protocol):
    """A head of images: from a network's output to p(x|z).

    Attributes:
        num_outputs: Channels of that output, which is as high and as wide as the image.
    """

    num_outputs: int

    def __call__(self, outputs: Images) -> Density: ...


class NormalPixels(nn.Module):
    """Network outputs to a Gaussian a pixel, its variance by pixel or one for all, learned either way.

    Args:
        image_shape: (channels, height, width).
        levels: Number of stored levels of the data; None for continuous data, whose density this is.
        shared: One learned variance for all pixels of all images, instead of one from the network for
            every pixel of every image.
        mean: Mean image of the training data, (channels, height, width); zeros without it.
        std: Standard deviation of every pixel over the training data; ones without it.
    """

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        *,
        levels: int | None,
        shared: bool = False,
        mean: Tensor | None = None,
        std: Tensor | None = None,
    ) -> None:
        super().__init__()
        self.levels = levels
        self.shared = shared
        self.num_outputs = image_shape[0] * (1 if shared else 2)
        width = 0.0 if levels is None else 2 / (levels - 1)
        mean = torch.zeros(image_shape) if mean is None else mean.clone()
        std = torch.ones(image_shape) if std is None else std
        # Stored levels are fitted with noise one level wide, whose variance is width^2 / 12.
        variance = std.square() + max(width, 1e-3) ** 2 / 12
        log_std = 0.5 * (variance.mean() if shared else variance).log()
        self.mean = nn.Parameter(mean)
        self.log_std = nn.Parameter(log_std.reshape(1, 1, 1) if shared else log_std)
        # Narrower than an eighth of a level nothing is gained; wider than the range nothing is said.
        self.log_std_range = (math.log(max(width / 8, 1e-4)), math.log(2.0))

    def forward(self, outputs: Images) -> Density:
        if self.shared:
            location, log_std = outputs + self.mean, self.log_std.unsqueeze(0)
        else:
            location, log_std = outputs.chunk(2, dim=1)
            location, log_std = location + self.mean, log_std + self.log_std
        log_std = soft_bound(log_std, *self.log_std_range)
        if self.levels is None:
            return Normal(location, log_std)
        return DiscretisedNormal(location, log_std, self.levels)

    def shared_std(self) -> Tensor:
        """The one standard deviation of all pixels, where it is shared; of shape ()."""
        assert self.shared
        return soft_bound(self.log_std, *self.log_std_range).exp().squeeze()


class BernoulliPixels(nn.Module):
    """Network outputs to the probability that a binary pixel is lit.

    Args:
        image_shape: (channels, height, width).
        levels: Number of stored levels of the data, which has to be 2.
        mean: Mean image of the training data on [-1, 1]; zeros without it.

    Raises:
        ValueError: If the data is not binary.
    """

    def __init__(
        self, image_shape: tuple[int, int, int], *, levels: int | None, mean: Tensor | None = None
    ) -> None:
        super().__init__()
        if levels != 2:
            raise ValueError(
                f"The Bernoulli likelihood is a probability of binary images, and this data has "
                f"{levels or 'continuous'} levels: on grey images its values do not sum to 1. Use "
                f"`likelihood='gaussian'`, or make the data binary with `--binarise threshold` or "
                f"`--binarise static`."
            )
        self.num_outputs = image_shape[0]
        mean = torch.zeros(image_shape) if mean is None else mean.clamp(-0.99, 0.99)
        self.logits = nn.Parameter(2 * torch.atanh(mean))

    def forward(self, outputs: Images) -> Density:
        return Bernoulli(outputs + self.logits)
