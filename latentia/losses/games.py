"""Games: what critic and generator each want of the critic's scores.

A score is an unbounded number, one an image; where a game speaks of the probability that an image is
real, that is D = sigmoid(score), and the logarithms are taken of scores, never of rounded probabilities.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from torch import Tensor
from torch.nn.functional import relu, softplus

Loss = Callable[[Tensor, Tensor], Tensor]
"""From the scores of real and of generated images to one number an image."""


@dataclass(frozen=True, slots=True)
class Game:
    """What the players pay, as functions of the scores of real and of generated images.

    Attributes:
        name: The field's name of the game.
        critic: What the critic pays, by the name of the term.
        generator: What the generator pays.
        undecided: Score of an image that may as well be real as generated; None where only differences of
            scores mean something.
        relativistic: Whether the generator's loss looks at the scores of real images too.
        couples: Whether an image's loss looks at the scores of all others.
    """

    name: str
    critic: Mapping[str, Loss]
    generator: Loss
    undecided: float | None = 0.0
    relativistic: bool = False
    couples: bool = False


# In all that follows r is the score of a real image and g that of a generated one. With D = sigmoid(s),
# -log D is softplus(-s) and -log(1 - D) is softplus(s).

MINIMAX = Game(
    "minimax",
    critic={"real": lambda r, g: softplus(-r), "generated": lambda r, g: softplus(g)},
    generator=lambda r, g: -softplus(g),
)
"""min over G, max over D of E[log D(x)] + E[log(1 - D(G(z)))]. The generator's gradient vanishes where
the critic is sure. Goodfellow et al. 2014 (arXiv:1406.2661), eq. 1."""

NON_SATURATING = Game("non-saturating", critic=MINIMAX.critic, generator=lambda r, g: softplus(-g))
"""The same critic, and a generator that maximises log D(G(z)), whose gradient is largest where the critic
is sure. Goodfellow et al. 2014 (arXiv:1406.2661), section 3."""

LEAST_SQUARES = Game(
    "least squares",
    critic={"real": lambda r, g: (r - 1).square() / 2, "generated": lambda r, g: g.square() / 2},
    generator=lambda r, g: (g - 1).square() / 2,
    undecided=0.5,
)
"""Scores are regressed on 1 and 0, so that far-off images on the right side still pull. The best critic is
p / (p + q). Mao et al. 2017 (arXiv:1611.04076), eq. 9."""

WASSERSTEIN = Game(
    "Wasserstein",
    critic={"real": lambda r, g: -r, "generated": lambda r, g: g},
    generator=lambda r, g: -g,
    undecided=None,
)
"""The difference of mean scores; for critics whose slope is at most 1 its largest value is the distance of
earth mover's. The slope is held by a gradient penalty, by clipped weights or by spectral normalisation:
without one of these the game has no optimum. Arjovsky et al. 2017 (arXiv:1701.07875), eq. 2 and 3."""

HINGE = Game(
    "hinge",
    critic={"real": lambda r, g: relu(1 - r), "generated": lambda r, g: relu(1 + g)},
    generator=lambda r, g: -g,
)
"""The critic cares for images within the margin alone; the best one is sign(p - q). Lim & Ye 2017
(arXiv:1705.02894); Miyato et al. 2018 (arXiv:1802.05957), eq. 16 and 17."""

RELATIVISTIC = Game(
    "relativistic",
    critic={"pair": lambda r, g: softplus(g - r)},
    generator=lambda r, g: softplus(r - g),
    undecided=None,
    relativistic=True,
)
"""Which of two images is the real one? A generator that drops modes then pays for it, and no critic that
calls everything generated is at rest. Jolicoeur-Martineau 2018 (arXiv:1807.00734); Huang et al. 2025
 (arXiv:2501.05441), eq. 2."""

RELATIVISTIC_AVERAGE = Game(
    "relativistic average",
    critic={
        "real": lambda r, g: softplus(g.mean() - r),
        "generated": lambda r, g: softplus(g - r.mean()),
    },
    generator=lambda r, g: softplus(r.mean() - g) + softplus(r - g.mean()),
    undecided=None,
    relativistic=True,
    couples=True,
)
"""Is an image more real than the other kind on average? Jolicoeur-Martineau 2018
(arXiv:1807.00734), the relativistic average standard game."""

GAMES = MappingProxyType(
    {
        "minimax": MINIMAX,
        "non_saturating": NON_SATURATING,
        "least_squares": LEAST_SQUARES,
        "wasserstein": WASSERSTEIN,
        "hinge": HINGE,
        "relativistic": RELATIVISTIC,
        "relativistic_average": RELATIVISTIC_AVERAGE,
    }
)
