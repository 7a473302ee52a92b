"""Games: what critic and generator each want of the critic's scores.

A score is an unbounded number, one an image; where a game speaks of the probability that an image is
real, that is D = sigmoid(score), and the logarithms are taken of scores, never of rounded probabilities.
"""

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType

from torch import Tensor
from torch.nn import functional

from latentia._types import PerImage

Loss = Callable[[Tensor], Tensor]


@dataclass(frozen=True, slots=True)
class Game:
    """Three losses, each a function of scores and one number an image.

    Attributes:
        name: The field's name of the game.
        critic_on_real: What the critic pays for its score of a real image.
        critic_on_generated: What the critic pays for its score of a generated image.
        generator: What the generator pays for the critic's score of its image.
    """

    name: str
    critic_on_real: Loss
    critic_on_generated: Loss
    generator: Loss


def minus_log_real(scores: PerImage) -> PerImage:
    """-log D, nats."""
    return functional.softplus(-scores)


def minus_log_generated(scores: PerImage) -> PerImage:
    """-log(1 - D), nats."""
    return functional.softplus(scores)


def log_generated(scores: PerImage) -> PerImage:
    """log(1 - D), nats."""
    return -functional.softplus(scores)


MINIMAX = Game("minimax", minus_log_real, minus_log_generated, log_generated)
"""min over G, max over D of E[log D(x)] + E[log(1 - D(G(z)))]. The generator's gradient vanishes where
the critic is sure. Goodfellow et al. 2014 (arXiv:1406.2661), eq. 1."""

NON_SATURATING = Game("non-saturating", minus_log_real, minus_log_generated, minus_log_real)
"""The same critic, and a generator that maximises log D(G(z)), whose gradient is largest where the critic
is sure. Goodfellow et al. 2014 (arXiv:1406.2661), section 3."""

GAMES = MappingProxyType({"minimax": MINIMAX, "non_saturating": NON_SATURATING})
