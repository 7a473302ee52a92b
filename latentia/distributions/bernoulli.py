"""Binary images."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from latentia._types import Images
from latentia.distributions.distribution import Density
from latentia.distributions.precision import in_double


@dataclass(frozen=True, slots=True)
class Bernoulli(Density):
    """Independent pixels that are -1 or 1.

    Attributes:
        logits: log p(1) - log p(-1), of shape (batch, channels, height, width).

    Note:
        A probability of binary images only. Of grey images the same expression ("binary cross entropy")
        is not a likelihood: its values over all levels do not sum to 1.
    """

    logits: Tensor

    @property
    def levels(self) -> int:
        """Two: black and white."""
        return 2

    @property
    def mean(self) -> Tensor:
        """p(1) - p(-1), a grey image."""
        return torch.tanh(self.logits / 2)

    @property
    def noise_shape(self) -> tuple[int, ...]:
        return tuple(self.logits.shape[1:])

    def draw(self, noise: Tensor) -> Tensor:
        lit = (1 + torch.erf(noise / math.sqrt(2))) / 2 < torch.sigmoid(self.logits)
        return torch.where(lit, 1.0, -1.0).to(self.logits.dtype)

    def log_prob(self, value: Tensor) -> Float[Tensor, "*batch"]:
        # In fewer passes than a softplus, negated twice.
        log_mass = functional.logsigmoid(value * self.logits)
        return log_mass.flatten(start_dim=value.ndim - self.logits.ndim + 1).sum(-1)

    def level_log_probs(self, earlier: Images) -> Float[Tensor, "batch height width levels"]:
        logits = in_double(self.logits[:, earlier.shape[1]])
        return functional.logsigmoid(torch.stack([-logits, logits], dim=-1))
