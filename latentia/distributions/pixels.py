"""Modules that turn a network's output into a distribution over images.

A network ends in plain numbers; its head says what they are the parameters of. Heads of images start
at the statistics of the data: with them the first step already knows the mean image.
"""

import math
from typing import Literal, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from latentia._types import Images
from latentia.distributions.bernoulli import Bernoulli
from latentia.distributions.distribution import Density
from latentia.distributions.levels import level_width
from latentia.distributions.normal import DiscretisedNormal, Normal
from latentia.distributions.precision import at_least_single
from latentia.distributions.refitted import RefittedNormal
from latentia.distributions.soft_bound import soft_bound
from latentia.networks import Remembers

Variance = Literal["pixel", "shared", "optimal", "fixed"]

MOMENTUM = 0.1  # weight of the last batch in the running average of optimal deviations


@runtime_checkable
class PixelHead(Protocol):
    """A head of images: from a network's output to p(x|z).

    Attributes:
        num_outputs: Channels of that output, which is as high and as wide as the image.
    """

    num_outputs: int

    def __call__(self, outputs: Images) -> Density: ...


class NormalPixels(nn.Module, Remembers):
    """Network outputs to a Gaussian a pixel.

    Args:
        image_shape: (channels, height, width).
        levels: Number of stored levels of the data; None for continuous data, whose density this is.
        variance: Where the variance comes from. `pixel`: from the network, for every pixel of every image.
            `shared`: learned, one for all pixels of all images. `optimal`: one as well, but in training the
            best one for each batch; outside of training a running average of those. `fixed`: given.
        fixed_std: Standard deviation on the scale [-1, 1], where the variance is fixed. At 1, half the
            range of images, a blur costs nothing.
        mean: Mean image of the training data, (channels, height, width); zeros without it.
        std: Standard deviation of every pixel over the training data; ones without it.

    Raises:
        ValueError: If the optimal variance is asked of continuous data, where it may be 0.
    """

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        *,
        levels: int | None,
        variance: Variance = "pixel",
        fixed_std: float = 0.1,
        mean: Tensor | None = None,
        std: Tensor | None = None,
    ) -> None:
        super().__init__()
        if variance == "optimal" and levels is None:
            raise ValueError(
                "The optimal variance is that of data with noise one level wide, and continuous data has no "
                "levels: the best variance of a perfect reconstruction would be 0. Use `variance='shared'`."
            )
        self.levels = levels
        self.variance = variance
        self.num_outputs = image_shape[0] * (2 if variance == "pixel" else 1)
        width = 0.0 if levels is None else level_width(levels)
        # Narrower than an eighth of a level nothing is gained; wider than the range nothing is said.
        self.log_std_range = (math.log(max(width / 8, 1e-4)), math.log(2.0))
        self.mean = nn.Parameter(torch.zeros(image_shape) if mean is None else mean.clone())
        std = torch.ones(image_shape) if std is None else std
        # Stored levels are fitted with noise one level wide, whose variance is width^2 / 12.
        squares = std.square() + max(width, 1e-3) ** 2 / 12
        self.log_std: Tensor
        if variance == "pixel":
            self.log_std = nn.Parameter(0.5 * squares.log())
        elif variance == "shared":
            self.log_std = nn.Parameter(0.5 * squares.mean().log().reshape(1, 1, 1))
        else:
            start = 0.5 * squares.mean().log() if variance == "optimal" else torch.tensor(fixed_std).log()
            self.register_buffer("log_std", start.reshape(1, 1, 1))
        self._latest: Tensor | None = None

    def forward(self, outputs: Images) -> Density:
        outputs = at_least_single(outputs)
        if self.variance == "pixel":
            location, log_std = outputs.chunk(2, dim=1)
            location, log_std = location + self.mean, log_std + self.log_std
        else:
            location, log_std = outputs + self.mean, self.log_std.unsqueeze(0)
        if isinstance(self.log_std, nn.Parameter):
            log_std = soft_bound(log_std, *self.log_std_range)
        if self.levels is None:
            return Normal(location, log_std)
        density = DiscretisedNormal(location, log_std, self.levels)
        if self.variance == "optimal" and self.training:
            return RefittedNormal(density, self._refit)
        return density

    def shared_std(self) -> Tensor:
        """The one standard deviation of all pixels, where it is learned; of shape ()."""
        assert self.variance == "shared"
        return soft_bound(self.log_std, *self.log_std_range).exp().squeeze()

    def fold(self) -> None:
        """Moves the deviation that is used outside of training towards the best one of the last batch."""
        if self._latest is not None:
            self.log_std += MOMENTUM * (self._latest - self.log_std)
            self._latest = None

    def _refit(self, variance: Float[Tensor, ""]) -> Float[Tensor, ""]:
        self._latest = (0.5 * variance.log()).clamp(*self.log_std_range)
        return self._latest


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
                f"`likelihood='gaussian'` or `'mixture'`, or make the data binary with `--binarise "
                f"threshold` or `--binarise static`."
            )
        self.num_outputs = image_shape[0]
        mean = torch.zeros(image_shape) if mean is None else mean.clamp(-0.99, 0.99)
        self.logits = nn.Parameter(2 * torch.atanh(mean))

    def forward(self, outputs: Images) -> Density:
        return Bernoulli(at_least_single(outputs) + self.logits)
