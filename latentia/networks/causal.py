"""A convolutional network whose output at a position sees only the positions before it, row by row."""

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn import functional

Indices = Int64[Tensor, "batch rows columns"]
Features = Float[Tensor, "batch width rows columns"]


class CausalNetwork(nn.Module):
    """A grid of codes to logits of the code at each position, given the codes before it.

    Two stacks of gated convolutions: the vertical one sees all rows above, the horizontal one what is to the
    left in the same row and, through the vertical one, everything above. There is no blind spot. At the
    start all codes are equally likely.

    Args:
        num_codes: How many codes there are.
        width: Channels of each stack.
        depth: Layers, at least 1; each sees one row and column further up and to the left.

    Source:
        van den Oord et al. 2016 (arXiv:1606.05328), eq. 2 and figure 2. Differs in that rows and columns are
        shifted once, at the bottom, instead of masking kernels.
    """

    def __init__(self, num_codes: int, *, width: int, depth: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(num_codes, width)
        self.layers = nn.ModuleList(_GatedLayer(width) for _ in range(depth))
        self.output = nn.Conv2d(width, num_codes, 1)
        nn.init.zeros_(self.output.weight)
        assert self.output.bias is not None
        nn.init.zeros_(self.output.bias)

    def forward(self, indices: Indices) -> Float[Tensor, "batch codes rows columns"]:
        embedded = self.embedding(indices).movedim(-1, 1)
        above = functional.pad(embedded, (0, 0, 1, 0))[:, :, :-1]  # a row down
        left = functional.pad(embedded, (1, 0))[:, :, :, :-1]  # a column to the right
        for layer in self.layers:
            above, left = layer(above, left)
        logits: Tensor = self.output(functional.silu(left))
        return logits


class _GatedLayer(nn.Module):
    """One layer of both stacks, which are shifted already: what they see at a position lies before it."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.vertical = nn.Conv2d(width, 2 * width, (2, 3))
        self.horizontal = nn.Conv2d(width, 2 * width, (1, 2))
        self.across = nn.Conv2d(2 * width, 2 * width, 1)
        self.onward = nn.Conv2d(width, width, 1)

    def forward(self, above: Features, left: Features) -> tuple[Features, Features]:
        vertical = self.vertical(functional.pad(above, (1, 1, 1, 0)))
        horizontal = self.horizontal(functional.pad(left, (1, 0))) + self.across(vertical)
        return _gate(vertical), left + self.onward(_gate(horizontal))


def _gate(features: Tensor) -> Tensor:
    signal, gate = features.chunk(2, dim=1)
    return torch.tanh(signal) * torch.sigmoid(gate)  # eq. 2
