"""What a distribution is here: something to draw from, and sometimes a density as well."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor

from latentia._types import Images

BatchMean = Callable[[Float[Tensor, "batch *event"]], Float[Tensor, "*event"]]


def mean_over_first(value: Float[Tensor, "batch *event"]) -> Float[Tensor, "*event"]:
    """The mean over a batch that is in one piece, without gradient."""
    return value.detach().mean(0)


class Distribution(ABC):
    """A batch of distributions that one can draw from.

    Noise is handed in, so that a draw is a function of its arguments: a step can be repeated, divided
    over processes, and differentiated through (the reparameterised gradient).
    """

    @property
    @abstractmethod
    def mean(self) -> Tensor:
        """The mean of each distribution."""

    @property
    @abstractmethod
    def noise_shape(self) -> tuple[int, ...]:
        """Shape of the noise that one draw takes, without the batch dimension."""

    @abstractmethod
    def draw(self, noise: Tensor) -> Tensor:
        """One draw a distribution, differentiable where the distribution is continuous.

        Args:
            noise: Standard normal, of shape (batch, *noise_shape), with further dimensions in front for
                several draws.
        """


class Density(Distribution):
    """A distribution that also says how likely a value is."""

    @abstractmethod
    def log_prob(self, value: Tensor) -> Float[Tensor, "*batch"]:
        """Log-density, or log-mass where outcomes are levels, summed over all dimensions of a value.

        Args:
            value: Shape (batch, *event), with further dimensions in front for several values.

        Returns:
            Nats.
        """

    def draw_and_log_prob(self, noise: Tensor) -> tuple[Tensor, Float[Tensor, "*batch"]]:
        """A draw and its log-density; a flow gets the second from the first at no cost."""
        value = self.draw(noise)
        return value, self.log_prob(value)

    def dequantised_log_prob(
        self, value: Tensor, uniform: Callable[[], Tensor], batch_mean: BatchMean = mean_over_first
    ) -> Float[Tensor, "*batch"]:
        """What training maximises: a lower bound, in expectation, on `log_prob` of stored levels.

        A density with a learned variance is unbounded on stored levels, and so is fitted to levels with
        uniform noise one level wide (Theis et al. 2016, arXiv:1511.01844, section 3.1). A distribution
        whose outcomes are levels needs no noise: for it this is `log_prob`.

        Args:
            value: Images at stored levels.
            uniform: Draws noise on (-1/2, 1/2), in units of one level, where it is needed.
            batch_mean: The mean over the global batch, without gradient, for likelihoods that are refitted
                to every batch; `turn.mean` in training.

        Returns:
            Nats an image.
        """
        return self.log_prob(value)


@runtime_checkable
class LevelTables(Protocol):
    """A density of stored levels that can list them all, pixel by pixel, as an entropy coder needs it.

    Attributes:
        levels: How many levels there are.
    """

    @property
    def levels(self) -> int: ...

    def level_log_probs(self, earlier: Images) -> Float[Tensor, "batch height width levels"]:
        """Log-probability of every level of one channel, given the channels before it.

        Their sum over channels, each at the level that an image has, is `log_prob` of the image.

        Args:
            earlier: The channels before it, of which there may be none: (batch, 0, height, width).

        Returns:
            Nats, in float64; their exponentials sum to 1 over levels.
        """
