"""Answers of a conditional variational autoencoder: what may have been lost, as latents."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from latentia._types import Images, Latents, PerImage
from latentia.distributions import Normal, soft_bound
from latentia.losses import draw_with_rate
from latentia.models.restorer import Case, Cases
from latentia.networks.restoring import GridStatistics, RestoringNetwork
from latentia.protocols import Batch, Objective, Turn

LEAST_VARIANCE = (2 / 255) ** 2 / 12
"""That of rounding to 8 bits."""
WARM_UP = 0.2
"""Part of the run over which the rate comes to its weight; half of it is free."""


class VariationalAnswers(nn.Module):
    """Latents on three grids say how an image differs from the expected one.

        E_q[-log N(x; m + d(z, y), s^2)] + beta KL(q(z|x, y) || N(0, I))

    It is the negative of a bound on log p(x|y), a density of images given what was measured of them, never of
    images alone. s is the best one for each batch.

    Args:
        decoder: d, which begins at 0.
        posterior: q, from the difference beside the clues to statistics of latents.
        beta: Weight of the rate; below 1 answers differ more.

    Source:
        Sohn et al. 2015 (NeurIPS 28), eq. 4, with a prior that is the same for all y; s: Rybkin et al. 2021
        (arXiv:2006.13202), eq. 7.
    """

    def __init__(self, decoder: RestoringNetwork, posterior: GridStatistics, *, beta: float = 1.0) -> None:
        super().__init__()
        self.decoder, self.posterior, self.beta = decoder, posterior, beta

    def num_latents(self, height: int, width: int) -> int:
        return self.decoder.down.num_all_latents(height, width)

    def draw(self, case: Case, latents: Latents) -> Images:
        return case.moved(self.decoder(case.clues, latents))

    def objectives(self, cases: Cases) -> tuple[Objective, ...]:
        def terms(batch: Batch, turn: Turn) -> Mapping[str, PerImage]:
            case = cases(batch, turn)
            posterior = self.encode(case, batch.images)
            prior = Normal(torch.zeros_like(posterior.mean[:1]), torch.zeros_like(posterior.mean[:1]))
            latents, rate = draw_with_rate(posterior, prior, turn.noise(*posterior.noise_shape))
            squares = (batch.images - self.draw(case, latents)).square().flatten(1)
            variance = turn.mean(squares.mean(1)).clamp_min(LEAST_VARIANCE)
            constant = 0.5 * squares.shape[1] * (2 * math.pi * variance).log()
            return {"distortion": squares.sum(1) / (2 * variance) + constant, "rate": rate}

        return (
            Objective(
                name="answers",
                player="answers",
                terms=terms,
                moves=(self.decoder, self.posterior),
                weights={"distortion": 1.0, "rate": self._weight},
            ),
        )

    def _weight(self, turn: Turn, terms: Mapping[str, PerImage]) -> Tensor:
        """Weight of the rate: 0 while it would silence latents that say nothing yet, then rising."""
        warmth = 2 * turn.images_seen / (WARM_UP * turn.horizon) - 1
        return torch.tensor(self.beta * min(1.0, max(0.0, warmth)))

    def encode(self, case: Case, images: Images) -> Normal:
        """The posterior of the latents of images that were measured so."""
        mean, log_std = self.posterior(torch.cat([images - case.expected, case.clues], 1))
        # Narrow at first: latents that are mostly noise are learned to be ignored before they say anything.
        return Normal(mean, soft_bound(log_std - 2.0, -8.0, 2.0))
