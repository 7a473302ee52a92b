"""Modules that turn the output of a network into a distribution.

A network ends in plain numbers; its head says what they are the parameters of. Heads of images start
at the statistics of the data: with them the first step already knows the mean image.
"""

import math
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from latentia._types import Images
from latentia.distributions.bernoulli import Bernoulli
from latentia.distributions.distribution import Density
from latentia.distributions.normal import DiscretisedNormal, Normal


@runtime_checkable
class PixelHead(Protocol):
    """A head of images: how many numbers it takes for one pixel of one channel, and what they become."""

    outputs_per_pixel: int

    def __call__(self, features: Images) -> Density: ...


class StandardNormal(nn.Module):
    """The prior N(0, I) over latents."""

    def __init__(self, num_latents: int) -> None:
        super().__init__()
        self.register_buffer("zero", torch.zeros(1, num_latents), persistent=False)

    def forward(self) -> Normal:
        zero = self.get_buffer("zero")
        return Normal(zero, zero)


class LatentNormal(nn.Module):
    """Features to a Gaussian over latents with diagonal covariance."""

    def __init__(self, num_features: int, num_latents: int) -> None:
        super().__init__()
        self.linear = nn.Linear(num_features, 2 * num_latents)
        nn.init.normal_(self.linear.weight, std=0.1 * num_features**-0.5)  # q(z|x) starts near the prior
        nn.init.zeros_(self.linear.bias)

    def forward(self, features: Float[Tensor, "batch features"]) -> Normal:
        mean, log_std = self.linear(features).chunk(2, dim=1)
        # From exp(-8), a latent that knows its value to 12 bits, to exp(2), wider than any prior.
        return Normal(mean, soft_bound(log_std, -8.0, 2.0))


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
        self.outputs_per_pixel = 1 if shared else 2
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

    def forward(self, features: Images) -> Density:
        if self.shared:
            location, log_std = features + self.mean, self.log_std.unsqueeze(0)
        else:
            location, log_std = features.chunk(2, dim=1)
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

    outputs_per_pixel = 1

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
        mean = torch.zeros(image_shape) if mean is None else mean.clamp(-0.99, 0.99)
        self.logits = nn.Parameter(2 * torch.atanh(mean))

    def forward(self, features: Images) -> Density:
        return Bernoulli(features + self.logits)


def soft_bound(value: Tensor, low: float, high: float) -> Tensor:
    """Brings numbers smoothly between two bounds; far from both they hardly change.

    A hard clamp has no gradient outside, and what strays there never returns.
    """
    value = high - functional.softplus(high - value)
    top = math.log1p(math.exp(high - low))  # what softplus makes of the upper bound
    return low + functional.softplus(value - low) * ((high - low) / top)
