"""Any distribution over stored levels."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from latentia._types import Images
from latentia.distributions.distribution import Density
from latentia.distributions.levels import all_levels, nearest_level, value_of_level
from latentia.distributions.precision import in_double


@dataclass(frozen=True, slots=True)
class Categorical(Density):
    """A probability for every stored level of every pixel, without order or neighbourhood.

    Attributes:
        logits: (batch, levels, channels, height, width).

    Source:
        van den Oord et al. 2016 (arXiv:1601.06759), section 3.
    """

    logits: Tensor

    @property
    def levels(self) -> int:
        """How many levels there are."""
        return self.logits.shape[1]

    @property
    def mean(self) -> Tensor:
        values = all_levels(self.levels, self.logits)
        return torch.einsum("nlchw,l->nchw", self.logits.softmax(1), values)

    @property
    def noise_shape(self) -> tuple[int, ...]:
        return tuple(self.logits.shape[2:])

    def draw(self, noise: Tensor) -> Tensor:
        cumulated = self.logits.softmax(1).cumsum(1)[:, :-1]
        level = (torch.special.ndtr(noise).unsqueeze(-4) > cumulated).sum(-4)
        return value_of_level(level.to(self.logits.dtype), self.levels)

    def log_prob(self, value: Tensor) -> Float[Tensor, "*batch"]:
        level = nearest_level(value, self.levels).long().unsqueeze(-4)
        logits = self.logits.expand(*value.shape[:-3], *self.logits.shape[1:])
        chosen = torch.take_along_dim(logits, level, -4).squeeze(-4)
        return (chosen - self.logits.logsumexp(1)).flatten(-3).sum(-1)

    def level_log_probs(self, earlier: Images) -> Float[Tensor, "batch height width levels"]:
        return in_double(self.logits[:, :, earlier.shape[1]]).log_softmax(1).movedim(1, -1)
