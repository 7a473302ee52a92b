"""Mixtures of logistics over stored levels, with colours that follow one another."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from latentia._types import Images
from latentia.distributions.distribution import Density
from latentia.distributions.levels import all_levels, cell_around, nearest_level, value_of_level
from latentia.distributions.precision import in_double


@dataclass(frozen=True, slots=True)
class LogisticMixture(Density):
    """A mixture of logistics a pixel whose outcomes are the stored levels of images.

        p(x) = sum_k w_k prod_c [F((x_c + width/2 - m_kc) / s_kc) - F((x_c - width/2 - m_kc) / s_kc)]

    F is the logistic function; the cells of the two end levels reach to infinity, so that the
    probabilities of all levels sum to 1. A pixel's channels share the component k, and within it the mean
    of green is linear in the value of red, and that of blue in the values of red and green. With one
    component and one channel it is the discretised logistic.

    Attributes:
        logits: Of the components, (batch, mixtures, height, width).
        locations: m before earlier channels are added, (batch, channels, mixtures, height, width).
        scales: s, positive, of the same shape.
        slopes: What each earlier channel adds to a mean: green on red, blue on red, blue on green;
            (batch, channels * (channels - 1) / 2, mixtures, height, width).
        levels: How many levels the data has, at least 2 (8-bit images: 256).

    Note:
        Computed in the precision of its numbers; in float32 values of real images are exact to 1e-5 nats
        a dimension. A mass is the product of three factors,

            F(b) - F(a) = F(b) F(-a) (1 - exp(a - b)),

        each of which has a finite logarithm and a bounded gradient in both tails and at any scale.

    Source:
        Salimans et al. 2017 (arXiv:1701.05517), eqs. 1 to 3; one component: Kingma et al. 2016
        (arXiv:1606.04934), section 5.2. Differs in that a mass is never replaced by a density times a
        width.
    """

    logits: Tensor
    locations: Tensor
    scales: Tensor
    slopes: Tensor
    levels: int

    @property
    def mean(self) -> Tensor:
        """The mean of the components, each brought into the range of images, channel after channel.

        Earlier channels count with their means.
        """
        weights = self.logits.softmax(1)
        slopes, means = self.slopes.unbind(1), list[Tensor]()
        for locations in self.locations.unbind(1):
            means.append((weights * _centres(locations, slopes, means).clamp(-1, 1)).sum(1))
        return torch.stack(means, dim=1)

    @property
    def noise_shape(self) -> tuple[int, ...]:
        """A number a pixel for the choice of the component, and one for each channel."""
        return (1 + self.locations.shape[1], *self.logits.shape[2:])

    def draw(self, noise: Tensor) -> Tensor:
        choice, *channels = noise.unbind(-3)
        cumulated = self.logits.softmax(1).cumsum(1)[:, :-1]
        component = (torch.special.ndtr(choice).unsqueeze(-3) > cumulated).sum(-3, keepdim=True)
        slopes, drawn = self.slopes.unbind(1), list[Tensor]()
        parameters = zip(self.locations.unbind(1), self.scales.unbind(1), channels, strict=True)
        for locations, scales, normal in parameters:
            centre = _pick(_centres(locations, slopes, drawn), component)
            # From standard normal to standard logistic, through both distribution functions.
            logistic = torch.special.log_ndtr(normal) - torch.special.log_ndtr(-normal)
            level = nearest_level(centre + _pick(scales, component) * logistic, self.levels)
            drawn.append(value_of_level(level, self.levels))
        return torch.stack(drawn, dim=-3)

    def log_prob(self, value: Tensor) -> Float[Tensor, "*batch"]:
        return self._joint(value.unbind(-3)).logsumexp(-3).flatten(-2).sum(-1)

    def level_log_probs(self, earlier: Images) -> Float[Tensor, "batch height width levels"]:
        double = LogisticMixture(
            in_double(self.logits),
            in_double(self.locations),
            in_double(self.scales),
            in_double(self.slopes),
            self.levels,
        )
        return double._next_channel(in_double(earlier).unbind(1))

    def _next_channel(self, earlier: Sequence[Tensor]) -> Tensor:
        """Log-probabilities of all levels of the channel after these, (batch, height, width, levels)."""
        weights = self._joint(earlier).log_softmax(1)  # of the components, given the channels before
        centres = _centres(self.locations[:, len(earlier)], self.slopes.unbind(1), earlier)
        lower, upper = cell_around(all_levels(self.levels, centres), self.levels)
        scales = self.scales[:, len(earlier), ..., None]
        log_mass = _log_mass(lower, upper, centres.unsqueeze(-1), scales)
        return (weights.unsqueeze(-1) + log_mass).logsumexp(1)

    def _joint(self, channels: Sequence[Tensor]) -> Tensor:
        """Log-probability of a component and the first channels, (..., batch, mixtures, height, width)."""
        slopes, joint = self.slopes.unbind(1), self.logits.log_softmax(1)
        for channel, value in enumerate(channels):
            lower, upper = cell_around(value.unsqueeze(-3), self.levels)
            centres = _centres(self.locations[:, channel], slopes, channels[:channel])
            joint = joint + _log_mass(lower, upper, centres, self.scales[:, channel])
        return joint


def _centres(locations: Tensor, slopes: Sequence[Tensor], earlier: Sequence[Tensor]) -> Tensor:
    """Means of a channel's components, given the values of all channels before it (eq. 3).

    Args:
        locations: What they are where earlier channels are 0, (batch, mixtures, height, width).
        slopes: Of all pairs of channels.
        earlier: Values of the channels before, (..., batch, height, width).
    """
    first = len(earlier) * (len(earlier) - 1) // 2
    for slope, values in zip(slopes[first:], earlier, strict=False):
        locations = locations + slope * values.unsqueeze(-3)
    return locations


def _log_mass(lower: Tensor, upper: Tensor, centres: Tensor, scales: Tensor) -> Tensor:
    """log(F(b) - F(a)) of the logistic function F, as the logarithms of three factors."""
    inverse = scales.reciprocal()
    below_upper = functional.logsigmoid((upper - centres) * inverse)  # log F(b)
    above_lower = functional.logsigmoid((centres - lower) * inverse)  # log F(-a)
    return below_upper + above_lower + torch.log(-torch.expm1((lower - upper) * inverse))


def _pick(values: Tensor, component: Tensor) -> Tensor:
    """The values of one component a pixel: (..., batch, mixtures, height, width) without the mixtures."""
    return torch.take_along_dim(
        values.expand(*component.shape[:-3], *values.shape[-3:]), component, -3
    ).squeeze(-3)
