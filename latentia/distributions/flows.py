"""Autoregressive flows: densities of any shape, by invertible maps whose Jacobian is triangular.

The same map serves twice. From noise to latents it is quick to draw from (inverse autoregressive flow, for
posteriors); from latents to noise it is quick to evaluate (masked autoregressive flow, for priors). The way
that is not quick solves for one latent after another.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from latentia._types import Images, Latents
from latentia.distributions.distribution import Density
from latentia.distributions.latents import LatentNormal
from latentia.distributions.normal import Normal
from latentia.distributions.soft_bound import soft_bound
from latentia.networks import MaskedNetwork

OPEN = 2.0
"""Where gates start: sigmoid(2) = 0.88, so that a step at first keeps most of what it is given."""

LEAST = 0.01
"""What a step keeps at least of a latent: a gate that closed for good could not be inverted."""


class AutoregressiveFlow(nn.Module):
    """A chain of gated steps, between which the order of latents is reversed.

        z <- s z + (1 - s) m,    (m, s) of z_i functions of z_<i and of the context, s from 0.01 to 1

    Args:
        num_latents: Length of a latent vector.
        depth: Steps, at least 1.
        width: Hidden units in the network of each step.
        num_context: Length of the context, 0 for none.

    Source:
        Kingma et al. 2016 (arXiv:1606.04934), algorithm 1 and eq. 14; there s goes down to 0.
    """

    def __init__(self, num_latents: int, *, depth: int, width: int, num_context: int = 0) -> None:
        super().__init__()
        self.num_latents = num_latents
        self.steps = nn.ModuleList(
            MaskedNetwork(num_latents, num_outputs=2, width=width, num_context=num_context)
            for _ in range(depth)
        )

    @property
    def first_log_slope(self) -> float:
        """What the chain at first scales every latent by, as a logarithm."""
        return len(self.steps) * math.log(LEAST + (1 - LEAST) / (1 + math.exp(-OPEN)))

    def forward(
        self, value: Float[Tensor, "*batch latents"], context: Float[Tensor, "images context"] | None = None
    ) -> tuple[Float[Tensor, "*batch latents"], Float[Tensor, "*batch"]]:
        """The image of a value, and the log-determinant of the Jacobian there, at once."""
        log_slope = value.new_zeros(value.shape[:-1])
        for step in self.steps:
            shift, gate = step(value, context)
            kept = _kept(gate)
            value = (kept * value + (1 - kept) * shift).flip(-1)  # eq. 14
            log_slope = log_slope + kept.log().sum(-1)  # algorithm 1
        return value, log_slope

    def inverse(
        self, image: Float[Tensor, "*batch latents"], context: Float[Tensor, "images context"] | None = None
    ) -> tuple[Float[Tensor, "*batch latents"], Float[Tensor, "*batch"]]:
        """The value that has this image, and the log-determinant there: a pass for each latent and step."""
        log_slope = image.new_zeros(image.shape[:-1])
        order = torch.arange(self.num_latents, device=image.device)
        for step in reversed(self.steps):
            image, value = image.flip(-1), torch.zeros_like(image)
            for index in range(self.num_latents):
                shift, gate = step(value, context)
                kept = _kept(gate)
                value = torch.where(order == index, (image - (1 - kept) * shift) / kept, value)
            # No gate depends on the last latent: those of the last pass are those of the whole value.
            log_slope = log_slope + kept.log().sum(-1)
            image = value
        return image, log_slope


@dataclass(frozen=True, slots=True)
class InverseAutoregressive(Density):
    """Gaussian noise sent through a flow: a draw and its density are quick, that of any other value is not.

    Attributes:
        base: Where the chain begins.
        flow: From the base to latents.
        context: What the flow is told of each distribution of the batch.
    """

    base: Normal
    flow: AutoregressiveFlow
    context: Float[Tensor, "batch context"]

    @property
    def mean(self) -> Latents:
        """The image of the base's mean: a central value, which is not the mean over draws."""
        value: Tensor = self.flow(self.base.mean, self.context)[0]
        return value

    @property
    def noise_shape(self) -> tuple[int, ...]:
        return self.base.noise_shape

    def draw(self, noise: Tensor) -> Tensor:
        return self.draw_and_log_prob(noise)[0]

    def draw_and_log_prob(self, noise: Tensor) -> tuple[Tensor, Float[Tensor, "*batch"]]:
        begin = self.base.draw(noise)
        value, log_slope = self.flow(begin, self.context)
        return value, self.base.log_prob(begin) - log_slope

    def log_prob(self, value: Tensor) -> Float[Tensor, "*batch"]:
        begin, log_slope = self.flow.inverse(value, self.context)
        return self.base.log_prob(begin) - log_slope


@dataclass(frozen=True, slots=True)
class MaskedAutoregressive(Density):
    """What a flow sends to Gaussian noise: the density of a value is quick, a draw is not.

    Attributes:
        base: Where the chain ends.
        flow: From latents to the base.

    Source:
        Papamakarios et al. 2017 (arXiv:1705.07057), section 3.1.
    """

    base: Normal
    flow: AutoregressiveFlow

    @property
    def mean(self) -> Latents:
        """What is sent to the base's mean: a central value, which is not the mean over draws."""
        return self.flow.inverse(self.base.mean)[0]

    @property
    def noise_shape(self) -> tuple[int, ...]:
        return self.base.noise_shape

    def draw(self, noise: Tensor) -> Tensor:
        return self.flow.inverse(self.base.draw(noise))[0]

    def log_prob(self, value: Tensor) -> Float[Tensor, "*batch"]:
        end, log_slope = self.flow(value)
        return self.base.log_prob(end) + log_slope


class LatentFlow(nn.Module):
    """Features to an inverse autoregressive flow over latents, whose every step is told of the image.

    Args:
        num_features: Length of the features.
        num_latents: Length of a latent vector.
        depth: Steps of the flow, at least 1.
        width: Hidden units in the network of each step.
        num_context: Length of what the steps are told of the image.

    Source:
        Kingma et al. 2016 (arXiv:1606.04934), section 3.
    """

    def __init__(
        self, num_features: int, num_latents: int, *, depth: int, width: int, num_context: int = 128
    ) -> None:
        super().__init__()
        self.base = LatentNormal(num_features, num_latents)
        self.context = nn.Linear(num_features, num_context)
        self.flow = AutoregressiveFlow(num_latents, depth=depth, width=width, num_context=num_context)
        # q(z|x) starts as wide as the prior; its mean, which the chain shrinks, starts away from 0.
        nn.init.normal_(self.base.linear.weight, std=num_features**-0.5)
        self.base.linear.bias.data[num_latents:] -= self.flow.first_log_slope

    def forward(self, features: Float[Tensor, "batch features"]) -> InverseAutoregressive:
        return InverseAutoregressive(self.base(features), self.flow, self.context(features))


class FlowPrior(nn.Module):
    """A flow from latents to Gaussian noise as the prior, which begins near N(0, I).

    Args:
        num_latents: Length of a latent vector.
        depth: Steps of the flow, at least 1.
        width: Hidden units in the network of each step.
    """

    def __init__(self, num_latents: int, *, depth: int, width: int) -> None:
        super().__init__()
        self.flow = AutoregressiveFlow(num_latents, depth=depth, width=width)
        self.mean = nn.Parameter(torch.zeros(1, num_latents))
        self.log_std = nn.Parameter(torch.full((1, num_latents), self.flow.first_log_slope))

    def forward(self, encode: Callable[[Images], Density] | None = None) -> MaskedAutoregressive:
        return MaskedAutoregressive(Normal(self.mean, soft_bound(self.log_std, -8.0, 2.0)), self.flow)


def _kept(gate: Tensor) -> Tensor:
    """What a step keeps of each latent, from `LEAST` to 1."""
    return LEAST + (1 - LEAST) * torch.sigmoid(gate + OPEN)
