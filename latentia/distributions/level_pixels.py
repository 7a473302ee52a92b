"""Heads of images whose outcomes are levels by nature: mixtures of logistics, and categorical."""

import math

import torch
from torch import Tensor, nn

from latentia._types import Images
from latentia.distributions.categorical import Categorical
from latentia.distributions.distribution import Density
from latentia.distributions.levels import level_width, value_of_level
from latentia.distributions.logistic import LogisticMixture
from latentia.distributions.normal import DiscretisedNormal
from latentia.distributions.precision import at_least_single

SMOOTHING = 0.01  # share of the uniform distribution in what a categorical head starts from


class LogisticMixturePixels(nn.Module):
    """Network outputs to a mixture of discretised logistics a pixel.

    Args:
        image_shape: (channels, height, width); 1 channel, or 3 whose values follow one another.
        levels: Number of stored levels of the data.
        num_mixtures: Components; one is the discretised logistic.
        mean: Mean image of the training data, (channels, height, width); zeros without it.
        std: Standard deviation of every pixel over the training data; ones without it.

    Raises:
        ValueError: If the data is continuous, or images are neither grey nor of three colours.

    Note:
        Scales lie between a 32nd of a level, where a level's mass is 1 to 7 digits, and the range of images;
        a sigmoid brings them there, so that no gradient is cut off.

    Source:
        Salimans et al. 2017 (arXiv:1701.05517), section 2.1.
    """

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        *,
        levels: int | None,
        num_mixtures: int = 5,
        mean: Tensor | None = None,
        std: Tensor | None = None,
    ) -> None:
        super().__init__()
        channels = image_shape[0]
        self.levels = _stored(levels, "logistic")
        if channels not in (1, 3):
            raise ValueError(
                f"The logistic likelihood takes grey images and images of three colours, and these have "
                f"{channels} channels. Use `likelihood='gaussian'`, or prepare the data with "
                f"`--channels grey` or `--channels rgb`."
            )
        if num_mixtures < 1:
            raise ValueError(f"num_mixtures is {num_mixtures}; it has to be 1 or more.")
        self.num_mixtures = num_mixtures
        self.split = [num_mixtures * part for part in (1, channels, channels, channels * (channels - 1) // 2)]
        self.num_outputs = sum(self.split)
        mean, std = _statistics(image_shape, mean, std)
        step = level_width(self.levels)
        self.scale_range = (step / 32, 2.0)
        # Components start side by side, their mixture with the mean and the variance of the data.
        places = (2 * torch.arange(num_mixtures) + 1) / num_mixtures - 1
        between = (1 - 1 / num_mixtures**2) / 3  # the variance of these places
        spread = (std.square() + step**2 / 12).sqrt().unsqueeze(1)
        locations = mean.unsqueeze(1) + spread * places.reshape(1, -1, 1, 1)
        scales = (spread * math.sqrt(1 - between) * math.sqrt(3) / math.pi).expand_as(locations)
        low, high = self.scale_range
        self.locations = nn.Parameter(locations)
        self.scales = nn.Parameter(torch.logit((scales - low) / (high - low)))

    def forward(self, outputs: Images) -> Density:
        outputs = at_least_single(outputs).contiguous()
        logits, locations, scales, slopes = outputs.split(self.split, dim=1)
        by_channel = (-1, self.num_mixtures)
        low, high = self.scale_range
        return LogisticMixture(
            logits,
            locations.unflatten(1, by_channel) + self.locations,
            low + (high - low) * torch.sigmoid(scales.unflatten(1, by_channel) + self.scales),
            torch.tanh(slopes.unflatten(1, by_channel)),
            self.levels,
        )


class CategoricalPixels(nn.Module):
    """Network outputs to a probability for every level of every pixel.

    Args:
        image_shape: (channels, height, width).
        levels: Number of stored levels of the data; the network has as many outputs a channel.
        mean: Mean image of the training data, (channels, height, width); zeros without it.
        std: Standard deviation of every pixel over the training data; ones without it.

    Raises:
        ValueError: If the data is continuous.
    """

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        *,
        levels: int | None,
        mean: Tensor | None = None,
        std: Tensor | None = None,
    ) -> None:
        super().__init__()
        self.levels = _stored(levels, "categorical")
        self.num_outputs = self.levels * image_shape[0]
        mean, std = _statistics(image_shape, mean, std)
        variance = std.square() + level_width(self.levels) ** 2 / 12
        # One dimension a pixel and a level each, so that masses are not summed.
        normal = DiscretisedNormal(mean.reshape(-1, 1), 0.5 * variance.log().reshape(-1, 1), self.levels)
        values = value_of_level(torch.arange(self.levels), self.levels).reshape(-1, 1, 1)
        mass = normal.log_prob(values.expand(-1, mean.numel(), 1)).exp().unflatten(1, image_shape)
        self.logits = nn.Parameter(torch.log((1 - SMOOTHING) * mass + SMOOTHING / self.levels))

    def forward(self, outputs: Images) -> Density:
        return Categorical(at_least_single(outputs).unflatten(1, (self.levels, -1)) + self.logits)


def _stored(levels: int | None, likelihood: str) -> int:
    if levels is None:
        raise ValueError(
            f"The {likelihood} likelihood is a probability of stored levels, and this data is continuous: "
            f"it has none. Use `likelihood='gaussian'`, or store the images with 8 bits."
        )
    return levels


def _statistics(
    image_shape: tuple[int, int, int], mean: Tensor | None, std: Tensor | None
) -> tuple[Tensor, Tensor]:
    """What is known of the pixels, or what is assumed without it."""
    mean = torch.zeros(image_shape) if mean is None else mean
    std = torch.ones(image_shape) if std is None else std
    return mean, std
