"""Rectified flow: noise that is carried to data along a velocity, learned as the mean of straight lines."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from latentia._types import Images, Latents, PerImage
from latentia.distributions.distribution import BatchMean, Distribution
from latentia.networks import Remembers

Solver = Literal["euler", "heun"]
Values = Float[Tensor, "batch *event"]
Velocity = Callable[[Values, PerImage], Values]
"""From points and their times, 0 for noise to 1 for data, to where they are going."""

MOMENTUM = 0.02  # weight of the last batch: about the last fifty count


def integrate(
    velocity: Velocity, start: Values, *, num_steps: int, solver: Solver = "heun"
) -> Float[Tensor, "batch *event"]:
    """Follows a velocity from time 0 to time 1.

        x <- x + h v(x, t)                                     Euler
        x <- x + h (v(x, t) + v(x + h v(x, t), t + h)) / 2     Heun,   h = 1 / steps

    Args:
        velocity: v.
        start: x at time 0.
        num_steps: Steps of equal length, 1 or more; twice as many make Heun's error a quarter, Euler's half.
        solver: Euler's asks for one velocity a step, Heun's for two.

    Returns:
        x at time 1.

    Example:
        >>> start = torch.ones(1, 1)
        >>> integrate(lambda x, t: x, start, num_steps=100)  # e
        tensor([[2.7182]])
    """
    step, point = 1 / num_steps, start
    for index in range(num_steps):
        times = point.new_full((len(point),), index * step)
        slope = velocity(point, times)
        if solver == "heun":
            slope = (slope + velocity(point + step * slope, times + step)) / 2
        point = point + step * slope
    return point


@dataclass(frozen=True, slots=True)
class RectifiedFlow(Distribution):
    """What noise becomes along a velocity, brought to the scale of the data. It has no density here.

    Attributes:
        velocity: Of points with mean 0 and deviation 1, of the shape `event`.
        event: Shape of a point; draws are flat.
        centre: Mean of the data's values.
        scale: Their standard deviation.
        num_steps: Steps of a draw.
        solver: How it steps.
    """

    velocity: Velocity
    event: tuple[int, ...]
    centre: Float[Tensor, ""]
    scale: Float[Tensor, ""]
    num_steps: int
    solver: Solver

    @property
    def mean(self) -> Latents:
        """What no noise becomes, which is not the mean of draws."""
        return self.draw(torch.zeros(1, *self.noise_shape).to(self.centre))

    @property
    def noise_shape(self) -> tuple[int, ...]:
        return (torch.Size(self.event).numel(),)

    def draw(self, noise: Tensor) -> Tensor:
        start = noise.reshape(-1, *self.event)
        end = integrate(self.velocity, start, num_steps=self.num_steps, solver=self.solver)
        return self.centre + self.scale * end.reshape(noise.shape)


class RectifiedFlowPrior(nn.Module, Remembers):
    """A distribution that is fitted to vectors by flow matching, and follows their scale.

    Training tells the network the straight line between noise and a vector; the mean over all lines through a
    point is a velocity that carries the one distribution to the other.

    Args:
        network: From points of the shape `event` and times to velocities.
        event: Shape of a vector, which is flat elsewhere.
        num_steps: Steps of a draw.
        solver: How it steps.

    Source:
        Lipman et al. 2023 (arXiv:2210.02747), eq. 22 and 23 with a least deviation of 0; Liu et al. 2022
        (arXiv:2209.03003), eq. 1. The scale: Rombach et al. 2022 (arXiv:2112.10752), appendix G; differs in
        that it is a running one, and that the mean is taken off.
    """

    centre: Tensor
    variance: Tensor

    def __init__(
        self, network: nn.Module, event: tuple[int, ...], *, num_steps: int = 8, solver: Solver = "heun"
    ) -> None:
        super().__init__()
        self.network = network
        self.event = event
        self.num_steps = num_steps
        self.solver: Solver = solver
        self.register_buffer("centre", torch.tensor(0.0))
        self.register_buffer("variance", torch.tensor(1.0))
        self._latest: tuple[Tensor, Tensor] | None = None

    @property
    def scale(self) -> Float[Tensor, ""]:
        """The standard deviation of the values of the vectors, above 0."""
        return (self.variance + 1e-12).sqrt()

    def forward(self, encode: Callable[[Images], Distribution] | None = None) -> RectifiedFlow:
        return RectifiedFlow(self.network, self.event, self.centre, self.scale, self.num_steps, self.solver)

    def error(self, vectors: Latents, noise: Latents, times: PerImage) -> PerImage:
        """What the network makes small: the squared distance of its velocity to that of a straight line.

            |v(x_t, t) - (x_1 - x_0)|^2,   x_t = (1 - t) x_0 + t x_1

        Args:
            vectors: What is to be drawn; x_1 is at the scale of 1.
            noise: x_0, standard normal.
            times: t, from 0 to 1.

        Source:
            Liu et al. 2022 (arXiv:2209.03003), eq. 1.
        """
        ends = (vectors - self.centre) / self.scale
        point = noise.lerp(ends, times.unsqueeze(1)).unflatten(1, self.event)
        velocity = self.network(point, times).flatten(1)
        return (velocity - (ends - noise)).square().sum(1)

    def note(self, vectors: Latents, batch_mean: BatchMean) -> None:
        """Notes the moments of a batch, to be folded in once a turn."""
        apart = vectors.detach() - self.centre
        self._latest = (batch_mean(apart.mean(1)), batch_mean(apart.square().mean(1)))

    def fold(self) -> None:
        """Moves mean and variance towards those of the last batch (as `RunningNormal` does)."""
        if self._latest is not None:
            apart, squares = self._latest
            self.centre += MOMENTUM * apart
            self.variance.lerp_(squares, MOMENTUM).sub_(MOMENTUM**2 * apart.square())
            self._latest = None
