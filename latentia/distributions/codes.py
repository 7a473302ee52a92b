"""Vectors of a codebook: the codebook itself, one certain code grid, and a distribution over all of them."""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn import functional

from latentia._types import Latents
from latentia.distributions.distribution import BatchMean, Density
from latentia.distributions.precision import at_least_single
from latentia.networks import Remembers

DECAY = 0.99
"""Weight of what a codebook was before a turn."""
DEAD = 0.03
"""A code that is used less than so many times the average is moved."""
BESIDE = 0.01
"""Where to: so much of its way away from the code that it is to relieve."""

Indices = Int64[Tensor, "*batch rows columns"]
Vectors = Float[Tensor, "*batch size rows columns"]


class Codebook(nn.Module, Remembers):
    """Vectors, each the running mean of what was nearest to it.

    A code that is hardly used moves next to one that is used more than the average, the least used to the
    most used, and takes over half of its vectors. So the codes spread in some tens of turns from wherever
    they started, none stays unused for long, and all processes of a run make the same moves.

    Args:
        num_codes: How many vectors.
        size: Their length.

    Source:
        van den Oord et al. 2017 (arXiv:1711.00937), eq. 1 and appendix A.1; splitting: Linde, Buzo & Gray
        1980 (IEEE Trans. Commun. 28), where it builds the codebook.
    """

    counts: Tensor
    sums: Tensor

    def __init__(self, num_codes: int, size: int) -> None:
        super().__init__()
        faint = 1e-4  # the first batch decides
        self.register_buffer("counts", torch.full((num_codes,), faint))
        self.register_buffer("sums", faint * torch.randn(num_codes, size))
        self._latest: tuple[Tensor, Tensor] | None = None

    def vectors(self) -> Float[Tensor, "codes size"]:
        """The codes."""
        return self.sums / self.counts.unsqueeze(1)

    def nearest(self, vectors: Vectors) -> Indices:
        """Which code each vector is nearest to."""
        codes = self.vectors()
        distances = codes.square().sum(1) - 2 * vectors.movedim(-3, -1) @ codes.T  # less |vector|^2
        return distances.argmin(-1)  # eq. 1

    def look_up(self, indices: Indices) -> Vectors:
        """The vectors of some codes."""
        return self.vectors()[indices].movedim(-1, -3)

    def note(self, vectors: Vectors, indices: Indices, batch_mean: BatchMean) -> Float[Tensor, "codes"]:
        """Notes what a batch brought to every code, to be folded in once a turn.

        Returns:
            How often each code was used, as shares of all positions.
        """
        chosen = functional.one_hot(indices.flatten(1), len(self.counts)).to(vectors)
        arrived = chosen.transpose(1, 2) @ vectors.detach().flatten(2).transpose(1, 2)
        shares = batch_mean(chosen.mean(1))
        self._latest = (shares, batch_mean(arrived) / chosen.shape[1])
        return shares

    def fold(self) -> None:
        """Moves every code towards the mean of what was nearest to it, and the unused ones elsewhere."""
        if self._latest is None:
            return
        shares, arrived = self._latest
        self._latest = None
        self.counts.lerp_(len(shares) * shares, 1 - DECAY)  # appendix A.1, eq. 6
        self.sums.lerp_(len(shares) * arrived, 1 - DECAY)  # eq. 7
        use = self.counts / self.counts.mean()
        least = use.argsort(stable=True)
        most = least.flip(0)
        pairs = (use[least] < DEAD) & (use[most] > 1)
        unused, busy = least[pairs], most[pairs]
        codes = self.vectors()
        # With little weight of its own a moved code follows at once what comes to it.
        self.counts[unused] = 2 * DEAD * self.counts.mean()
        self.sums[unused] = codes[busy].lerp(codes[unused], BESIDE) * self.counts[unused].unsqueeze(1)


@dataclass(frozen=True, slots=True)
class Certain(Density):
    """All probability on one of countably many vectors, such as those that codes make.

    Attributes:
        mean: That vector, (batch, latents).
    """

    mean: Tensor = field()  # takes the place of the property, which would be read as a default

    @property
    def noise_shape(self) -> tuple[int, ...]:
        """What is certain takes no noise; one number is asked for so that every distribution takes some."""
        return (1,)

    def draw(self, noise: Tensor) -> Tensor:
        return self.mean.expand(*noise.shape[:-1], -1)

    def log_prob(self, value: Tensor) -> Float[Tensor, "*batch"]:
        """0 at the vector, minus infinity elsewhere."""
        same = (value == self.mean).all(-1)
        return torch.zeros_like(value[..., 0]).masked_fill(~same, -torch.inf)


@dataclass(frozen=True, slots=True)
class AutoregressiveCodes(Density):
    """A distribution over grids of codes, each drawn given those before it, row by row.

    Its values are flat vectors: those of the codes, one after another, (size, rows, columns).

    Attributes:
        codebook: The codes.
        network: From indices to logits of the code at each position, which depend on those before it.
        grid: Rows and columns.
    """

    codebook: Codebook
    network: Callable[[Indices], Tensor]
    grid: tuple[int, int]

    @property
    def mean(self) -> Latents:
        """The grid whose every code is the likeliest given those before it, which is not a mean of draws."""
        return self.draw(torch.zeros(1, *self.noise_shape).to(self.codebook.counts))

    @property
    def noise_shape(self) -> tuple[int, ...]:
        return (self.grid[0] * self.grid[1],)

    @torch.no_grad()
    def draw(self, noise: Tensor) -> Tensor:
        """Codes by their rank in probability: noise of 0 gives the likeliest, noise farther out rarer ones.

        So noise that is scaled down gives more typical draws.
        """
        # Of a standard normal number, the probability of one nearer to 0: uniform on (0, 1).
        ranks = torch.erf(noise.abs() / 2**0.5).reshape(-1, *self.grid)
        indices = torch.zeros_like(ranks, dtype=torch.int64)
        for row in range(self.grid[0]):
            for column in range(self.grid[1]):
                logits = self.network(indices[:, : row + 1])[:, :, row, column]
                probability, code = (
                    at_least_single(logits).softmax(1).sort(stable=True, dim=1, descending=True)
                )
                rank = (ranks[:, row, column, None] > probability.cumsum(1)[:, :-1]).sum(1, keepdim=True)
                indices[:, row, column] = code.gather(1, rank).squeeze(1)
        return self.codebook.look_up(indices).reshape(*noise.shape[:-1], -1)

    def log_prob(self, value: Tensor) -> Float[Tensor, "*batch"]:
        """The log-probability of the codes that the vectors are nearest to."""
        indices = self.codebook.nearest(value.reshape(-1, self.codebook.sums.shape[1], *self.grid))
        return self.log_prob_of(indices).reshape(value.shape[:-1])

    def log_prob_of(self, indices: Int64[Tensor, "batch rows columns"]) -> Float[Tensor, "batch"]:
        """The log-probability of codes, in nats a grid."""
        logits = at_least_single(self.network(indices))
        return -functional.cross_entropy(logits, indices, reduction="none").flatten(1).sum(1)
