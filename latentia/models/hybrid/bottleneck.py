"""What stands between encoder and decoder of an image autoencoder: a little noise, or a codebook."""

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from torch import nn

from latentia._types import PerImage
from latentia.distributions import Certain, Codebook, Density, Normal
from latentia.losses import normal_rates
from latentia.networks.latent_grid import Grid, Numbers
from latentia.protocols import Turn


@runtime_checkable
class Bottleneck(Protocol):
    """How a grid of numbers becomes latents, and what that costs.

    Attributes:
        weights: The weight of every term that `fit` descends.
        watched: Its terms that are only logged.
    """

    weights: Mapping[str, float]
    watched: frozenset[str]

    def encode(self, numbers: Numbers) -> Density:
        """The posterior of flat latents, from what the encoder says."""

    def restore(self, latents: Grid) -> Grid:
        """What the decoder is shown of any latents."""

    def fit(self, numbers: Numbers, turn: Turn) -> tuple[Grid, Mapping[str, PerImage]]:
        """Latents of a batch, through which gradients pass, and the terms of its objective."""


class GaussianBottleneck(nn.Module):
    """A Gaussian posterior, held to the standard normal by a little.

    Args:
        beta: Weight of the rate, in nats an image. Far below 1 it only keeps latents from running away.

    Source:
        Rombach et al. 2022 (arXiv:2112.10752), section 3.1, `KL-reg.`; the range of the variance is that of
        its programme.
    """

    def __init__(self, beta: float) -> None:
        super().__init__()
        self.weights: Mapping[str, float] = {"rate": beta}
        self.watched: frozenset[str] = frozenset()

    def encode(self, numbers: Numbers) -> Normal:
        mean, log_variance = numbers.chunk(2, dim=1)
        return Normal(mean.flatten(1), log_variance.clamp(-30, 20).flatten(1) / 2)

    def restore(self, latents: Grid) -> Grid:
        return latents

    def fit(self, numbers: Numbers, turn: Turn) -> tuple[Grid, Mapping[str, PerImage]]:
        posterior = self.encode(numbers)
        zero = posterior.mean.new_zeros(1, posterior.mean.shape[1])
        latents = posterior.draw(turn.noise(*posterior.noise_shape))
        rate = normal_rates(posterior, Normal(zero, zero)).sum(1)
        return latents.unflatten(1, (-1, *numbers.shape[2:])), {"rate": rate}


class CodeBottleneck(nn.Module):
    """Vectors are replaced by the nearest codes of a codebook; the gradient passes as if they were not.

    Args:
        codebook: The codes.
        commitment: Weight of the squared distance of vectors to their codes.

    Source:
        Esser et al. 2021 (arXiv:2012.09841), eq. 2 to 4, with the codebook of van den Oord et al. 2017
        (arXiv:1711.00937), appendix A.1.
    """

    def __init__(self, codebook: Codebook, commitment: float) -> None:
        super().__init__()
        self.codebook = codebook
        self.weights: Mapping[str, float] = {"commitment": commitment}
        self.watched = frozenset({"code_entropy"})

    def encode(self, numbers: Numbers) -> Certain:
        return Certain(self.codebook.look_up(self.codebook.nearest(numbers)).flatten(1))

    def restore(self, latents: Grid) -> Grid:
        codes = self.codebook.look_up(self.codebook.nearest(latents.detach()))
        return latents + (codes - latents).detach()

    def fit(self, numbers: Numbers, turn: Turn) -> tuple[Grid, Mapping[str, PerImage]]:
        indices = self.codebook.nearest(numbers.detach())
        codes = self.codebook.look_up(indices)
        use = self.codebook.note(numbers, indices, turn.mean)
        return numbers + (codes - numbers).detach(), {
            "commitment": (numbers - codes).square().flatten(1).sum(1),
            # The entropy of the use of codes, as one number an image; its exponential is the perplexity.
            "code_entropy": -use[indices].log().flatten(1).mean(1),
        }
