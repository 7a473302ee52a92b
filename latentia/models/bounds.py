"""What an explicit model descends: bounds on the likelihood, as objectives.

A bound is a setting of a model, never of its evaluation: `log_weights` and `log_prob` know nothing of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from latentia._types import Latents, PerImage
from latentia.distributions import Normal
from latentia.losses import (
    draw_with_rate,
    held_rate,
    importance_weighted_bound,
    log_importance_weights,
    normal_rates,
)
from latentia.models.latent import Explicit, decoder_told
from latentia.protocols import Batch, Objective, Turn

PLAYER = "autoencoder"


@runtime_checkable
class Bound(Protocol):
    """How the parts of a model are trained together."""

    def objective(self, model: Explicit, moves: tuple[nn.Module, ...]) -> Objective:
        """The bound on the likelihood of a model as an objective that moves its parts."""


def distortion_at(model: Explicit, latents: Latents, batch: Batch, turn: Turn) -> PerImage:
    """-log p(x|z) as training sees it, in nats: densities of images with uniform noise one level wide."""
    likelihood = model.decode(latents, given=batch.given)
    return -likelihood.dequantised_log_prob(batch.images, lambda: turn.uniform(*model.image_shape), turn.mean)


@dataclass(frozen=True, slots=True)
class Evidence:
    """The evidence lower bound: distortion plus beta times rate.

        E_q[-log p(x|z)] + beta KL(q(z|x) || p(z))

    Attributes:
        beta: Weight of the rate in training; 1 is the bound.
        warm_up: Images over which the weight of the rate rises from 0 to beta.
        free_bits: Nats that every latent may cost without being pressed lower: where the mean rate of a
            latent over the batch lies below, it is held there. Posteriors or priors whose rate has no
            closed form are one group, with as many nats as all their latents together.

    Source:
        Kingma & Welling 2014 (arXiv:1312.6114), eq. 3; beta: Higgins et al. 2017 (openreview Sy2fzU9gl);
        warm-up: Sonderby et al. 2016 (arXiv:1602.02282); free bits: Kingma et al. 2016
        (arXiv:1606.04934), eq. 15.
    """

    beta: float = 1.0
    warm_up: int = 0
    free_bits: float = 0.0

    def objective(self, model: Explicit, moves: tuple[nn.Module, ...]) -> Objective:
        def terms(batch: Batch, turn: Turn) -> Mapping[str, PerImage]:
            posterior = model.encode(batch.images, given=batch.given)
            prior = model.prior(given=batch.given)
            latents, rate = draw_with_rate(posterior, prior, turn.noise(*posterior.noise_shape))
            distortion = distortion_at(model, latents, batch, turn)
            if not self.free_bits:
                return {"distortion": distortion, "rate": rate}
            if isinstance(posterior, Normal) and isinstance(prior, Normal):
                rates = normal_rates(posterior, prior)
                floors = torch.full_like(rates[0], self.free_bits)
            else:
                rates, floors = rate.unsqueeze(1), rate.new_tensor([self.free_bits * latents[0].numel()])
            return {
                "distortion": distortion,
                "rate": rate,
                "held_rate": held_rate(rates, turn.mean(rates), floors),
            }

        descended = "held_rate" if self.free_bits else "rate"
        return Objective(
            name="evidence",
            player=PLAYER,
            terms=terms,
            moves=moves,
            weights={"distortion": 1.0, descended: self.weight},
            watched=frozenset({"rate"} - {descended}),
        )

    def weight(self, turn: Turn, terms: Mapping[str, PerImage]) -> Tensor:
        """The weight of the rate at a turn."""
        warmth = min(1.0, turn.images_seen / self.warm_up) if self.warm_up else 1.0
        return torch.tensor(self.beta * warmth)


@dataclass(frozen=True, slots=True)
class ImportanceWeighted:
    """The importance-weighted bound, with a gradient for the encoder that does not fade as K grows.

        -log 1/K sum_k p(x, z_k) / q(z_k|x)

    Attributes:
        num_draws: K, draws of z an image.
        doubly: Whether the encoder's gradient is the doubly reparameterised one, which needs a Gaussian
            posterior, instead of the bound's own.

    Source:
        Burda et al. 2016 (arXiv:1509.00519), eq. 8; Tucker et al. 2019 (arXiv:1810.04152), eq. 6.
    """

    num_draws: int
    doubly: bool = True

    def objective(self, model: Explicit, moves: tuple[nn.Module, ...]) -> Objective:
        def terms(batch: Batch, turn: Turn) -> Mapping[str, PerImage]:
            posterior = model.encode(batch.images, given=batch.given)
            noise = turn.noise(self.num_draws, *posterior.noise_shape).transpose(0, 1)
            log_weights = log_importance_weights(
                batch.images,
                posterior,
                model.prior(given=batch.given),
                decoder_told(model, batch.given),
                noise,
                pixel_noise=lambda: turn.uniform(*model.image_shape),
                batch_mean=turn.mean,
                doubly=self.doubly,
            )
            return {"bound": -importance_weighted_bound(log_weights)}  # Burda et al., eq. 8

        return Objective(name="importance", player=PLAYER, terms=terms, moves=moves, weights={"bound": 1.0})
