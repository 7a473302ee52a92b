"""Objectives that see a batch as a whole: they need the aggregate posterior q(z)."""

from collections.abc import Mapping
from dataclasses import dataclass

from torch import nn

from latentia._types import PerImage
from latentia.distributions import Normal
from latentia.losses import decomposed_rate, discrepancy, draw_with_rate
from latentia.models.bounds import PLAYER, distortion_at
from latentia.models.latent import Explicit
from latentia.protocols import Batch, Objective, Turn


@dataclass(frozen=True, slots=True)
class TotalCorrelation:
    """The evidence lower bound with a weight on the total correlation, the part of the rate that entangles.

        distortion + mutual information + beta total correlation + dimension-wise rate

    Attributes:
        num_images: Images in the training set.
        beta: Weight of the total correlation; 1 is the bound.

    Source:
        Chen et al. 2018 (arXiv:1802.04942), eq. 4, with alpha = gamma = 1.
    """

    num_images: int
    beta: float

    def objective(self, model: Explicit, moves: tuple[nn.Module, ...]) -> Objective:
        def terms(batch: Batch, turn: Turn) -> Mapping[str, PerImage]:
            posterior = model.encode(batch.images, given=batch.given)
            assert isinstance(posterior, Normal)
            latents = posterior.draw(turn.noise(*posterior.noise_shape))
            distortion = distortion_at(model, latents, batch, turn)
            parts = decomposed_rate(
                posterior, model.prior(given=batch.given), latents, num_images=self.num_images
            )
            return {"distortion": distortion, **parts}

        weights = {"mutual_information": 1.0, "total_correlation": self.beta, "dimension_wise_rate": 1.0}
        return Objective(
            name="evidence",
            player=PLAYER,
            terms=terms,
            moves=moves,
            weights={"distortion": 1.0, **weights},
            couples=True,
        )


@dataclass(frozen=True, slots=True)
class Information:
    """InfoVAE: the pressure on each posterior gives way to pressure on their aggregate.

        distortion + (1 - alpha) rate + (alpha + strength - 1) MMD^2(q(z), p(z))

    Attributes:
        alpha: Part of the rate that is lifted; at 1 the model is the MMD-VAE.
        strength: Lambda of the source, in nats.

    Source:
        Zhao et al. 2017 (arXiv:1706.02262), eq. 6.
    """

    alpha: float
    strength: float

    def objective(self, model: Explicit, moves: tuple[nn.Module, ...]) -> Objective:
        def terms(batch: Batch, turn: Turn) -> Mapping[str, PerImage]:
            posterior = model.encode(batch.images, given=batch.given)
            prior = model.prior(given=batch.given)
            latents, rate = draw_with_rate(posterior, prior, turn.noise(*posterior.noise_shape))
            distortion = distortion_at(model, latents, batch, turn)
            draws = prior.draw(turn.noise(*prior.noise_shape))
            return {"distortion": distortion, "rate": rate, "discrepancy": discrepancy(latents, draws)}

        return Objective(
            name="evidence",
            player=PLAYER,
            terms=terms,
            moves=moves,
            weights={
                "distortion": 1.0,
                "rate": 1 - self.alpha,
                "discrepancy": self.alpha + self.strength - 1,
            },
            couples=True,
        )
