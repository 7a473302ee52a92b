"""One way down a ladder: how groups are chosen, and what was met."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from latentia._types import Latents, PerImage
from latentia.distributions import Normal
from latentia.losses import normal_rates

Told = list[Tensor]
Choice = Callable[[Tensor, Normal, Normal | None], Tensor]


def draw_from_posterior(numbers: Tensor, prior: Normal, posterior: Normal | None) -> Tensor:
    """Numbers are noise: a group is drawn from q(z_l | z_<l, x)."""
    assert posterior is not None
    return posterior.draw(numbers)


def draw_from_prior(numbers: Tensor, prior: Normal, posterior: Normal | None) -> Tensor:
    """Numbers are noise: a group is drawn from p(z_l | z_<l)."""
    return prior.draw(numbers)


def take_as_given(numbers: Tensor, prior: Normal, posterior: Normal | None) -> Tensor:
    """Numbers are the latents themselves."""
    return numbers


@dataclass(frozen=True, slots=True)
class Descent:
    """What one way down the ladder has met.

    Attributes:
        state: Features at the foot.
        latents: All groups, the top one first.
        priors: p(z_l | z_<l) of every group.
        posteriors: q(z_l | z_<l, x) of every group; none where no image was told.
    """

    state: Tensor
    latents: list[Tensor]
    priors: list[Normal]
    posteriors: list[Normal]

    def flat(self) -> Latents:
        """The latents as one flat tensor."""
        return torch.cat([group.flatten(1) for group in self.latents], dim=1)

    def rates(self) -> Float[Tensor, "batch groups"]:
        """KL(q(z_l | z_<l, x) || p(z_l | z_<l)) of every group given the groups above, in nats."""
        pairs = zip(self.posteriors, self.priors, strict=True)
        return torch.stack([normal_rates(posterior, prior).sum(1) for posterior, prior in pairs], dim=1)

    def log_prior(self) -> PerImage:
        """Log p(z), in nats."""
        return _log_density(self.priors, self.latents)

    def log_posterior(self) -> PerImage:
        """Log q(z|x), in nats."""
        return _log_density(self.posteriors, self.latents)


def _log_density(groups: list[Normal], latents: list[Tensor]) -> PerImage:
    return torch.stack([p.log_prob(z) for p, z in zip(groups, latents, strict=True)]).sum(0)
