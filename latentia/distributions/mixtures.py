"""Mixtures of Gaussians over latents, and the priors that are mixtures."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from latentia._types import Images, Latents
from latentia.distributions.distribution import Density
from latentia.distributions.normal import LOG_SQRT_TWO_PI, Normal
from latentia.distributions.soft_bound import soft_bound


@dataclass(frozen=True, slots=True)
class Mixture(Density):
    """One mixture of Gaussians, over vectors.

    The last number of the noise chooses a component, the others are its noise.

    Attributes:
        components: The Gaussians, as a batch.
        log_weights: Logarithms of their weights, which sum to 1.

    Example:
        >>> two = Normal(torch.tensor([[-1.0], [1.0]]), torch.tensor([[-2.0], [-2.0]]))
        >>> mixture = Mixture(two, torch.tensor([0.5, 0.5]).log())
        >>> mixture.draw(torch.tensor([[0.0, -0.3], [0.0, 0.3]]))
        tensor([[-1.],
                [ 1.]])
    """

    components: Normal
    log_weights: Float[Tensor, " components"]

    @property
    def mean(self) -> Latents:
        return self.log_weights.exp().unsqueeze(0) @ self.components.mean

    @property
    def noise_shape(self) -> tuple[int, ...]:
        return (self.components.mean.shape[1] + 1,)

    def draw(self, noise: Tensor) -> Tensor:
        uniform = torch.special.ndtr(noise[..., -1].contiguous())
        above = self.log_weights.exp().cumsum(0)[:-1]  # the last component takes what rounding leaves
        chosen = torch.searchsorted(above, uniform)
        mean, log_std = self.components.mean, self.components.log_std.expand_as(self.components.mean)
        return mean[chosen] + log_std[chosen].exp() * noise[..., :-1]

    def log_prob(self, value: Tensor) -> Float[Tensor, "*batch"]:
        by_component = self.components.log_prob(value.unsqueeze(-2))
        return torch.logsumexp(self.log_weights + by_component, dim=-1)


@dataclass(frozen=True, slots=True)
class NormalMixtures(Density):
    """Mixtures of diagonal Gaussians over vectors, one for each of a batch.

    The last number of the noise chooses a component, the others are its noise.

    Attributes:
        means: Of every component.
        log_stds: Logarithms of their standard deviations.
        log_weights: Logarithms of their weights, which sum to 1.

    Example:
        >>> means = torch.tensor([[[-1.0], [1.0]]])
        >>> mixtures = NormalMixtures(means, torch.full_like(means, -2.0), torch.tensor([[0.5, 0.5]]).log())
        >>> mixtures.tempered(0.0).draw(torch.tensor([[9.0, 0.3]]))
        tensor([[-1.]])
    """

    means: Float[Tensor, "batch components latents"]
    log_stds: Float[Tensor, "batch components latents"]
    log_weights: Float[Tensor, "batch components"]

    @property
    def mean(self) -> Latents:
        return (self.log_weights.exp().unsqueeze(-1) * self.means).sum(1)

    @property
    def noise_shape(self) -> tuple[int, ...]:
        return (self.means.shape[2] + 1,)

    def draw(self, noise: Float[Tensor, "batch numbers"]) -> Latents:
        uniform = torch.special.ndtr(noise[:, -1:].contiguous())
        above = self.log_weights.exp().cumsum(1)[:, :-1]  # the last component takes what rounding leaves
        chosen = torch.searchsorted(above.contiguous(), uniform).squeeze(1)
        rows = torch.arange(len(chosen), device=chosen.device)
        return self.means[rows, chosen] + self.log_stds[rows, chosen].exp() * noise[:, :-1]

    def log_prob(self, value: Latents) -> Float[Tensor, "batch"]:
        standardised = (value.unsqueeze(1) - self.means) * torch.exp(-self.log_stds)
        by_number = -0.5 * standardised.square() - self.log_stds - LOG_SQRT_TWO_PI
        return torch.logsumexp(self.log_weights + by_number.sum(2), dim=1)

    def tempered(self, temperature: float) -> "NormalMixtures":
        """The mixtures at a temperature: weights to the power of its inverse, variances times it.

        At 1 they are as they were; at 0 the mean of the likeliest component is certain.

        Args:
            temperature: 0 or more.

        Source:
            Ha & Schmidhuber 2018 (arXiv:1803.10122), appendix A.2.
        """
        if temperature == 0:
            likeliest = self.log_weights.argmax(1, keepdim=True)
            certain = torch.full_like(self.log_weights, -math.inf).scatter(1, likeliest, 0.0)
            return NormalMixtures(self.means, torch.full_like(self.log_stds, -math.inf), certain)
        weights = (self.log_weights / temperature).log_softmax(1)
        return NormalMixtures(self.means, self.log_stds + 0.5 * math.log(temperature), weights)


class MixturePrior(nn.Module):
    """A learned mixture of Gaussians as the prior, which as a whole begins with mean 0 and variance 1.

    Args:
        num_latents: Length of a latent vector.
        num_components: Gaussians, at least 1.
    """

    def __init__(self, num_latents: int, *, num_components: int) -> None:
        super().__init__()
        self.mean = nn.Parameter(0.5**0.5 * torch.randn(num_components, num_latents))
        self.log_std = nn.Parameter(torch.full((num_components, num_latents), 0.5 * math.log(0.5)))
        self.logits = nn.Parameter(torch.zeros(num_components))

    def forward(self, encode: Callable[[Images], Density] | None = None) -> Mixture:
        components = Normal(self.mean, soft_bound(self.log_std, -8.0, 2.0))
        return Mixture(components, self.logits.log_softmax(0))


class VampPrior(nn.Module):
    """The mixture, with equal weights, of the posteriors of learned pseudo-inputs.

        p(z) = 1/K sum_k q(z | u_k)

    The pseudo-inputs u_k are images in [-1, 1], which are encoded anew with every change of the encoder.

    Args:
        num_pseudo: K, pseudo-inputs.
        mean: Of training images, a value a pixel, around which pseudo-inputs begin.
        std: Deviation of each pixel over training images, with which they vary at first.

    Source:
        Tomczak & Welling 2018 (arXiv:1705.07120), eq. 9; there pseudo-inputs are cut to their range, here a
        hyperbolic tangent keeps them in it, which has a gradient everywhere.
    """

    def __init__(
        self,
        num_pseudo: int,
        *,
        mean: Float[Tensor, "channels height width"],
        std: Float[Tensor, "channels height width"],
    ) -> None:
        super().__init__()
        images = (mean + std * torch.randn(num_pseudo, *mean.shape)).clamp(-0.95, 0.95)
        self.pseudo = nn.Parameter(images.atanh())
        self.register_buffer(
            "log_weights", torch.full((num_pseudo,), -math.log(num_pseudo)), persistent=False
        )

    def forward(self, encode: Callable[[Images], Density]) -> Mixture:
        posteriors = encode(self.pseudo.tanh())
        if not isinstance(posteriors, Normal):
            raise ValueError(
                f"A VampPrior is a mixture of Gaussian posteriors, and this encoder's are "
                f"{type(posteriors).__name__}. Use a diagonal posterior, or a mixture or flow as the prior."
            )
        return Mixture(posteriors, self.get_buffer("log_weights"))  # eq. 9
