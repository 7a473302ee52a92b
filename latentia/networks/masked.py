"""Autoregressive networks: fully connected layers with masks, so that no output sees what comes after it."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional


class MaskedLinear(nn.Linear):
    """A linear layer some of whose weights are held at zero.

    Args:
        mask: True where a weight is.
        gain: Of the initial weights, which are drawn by the number of inputs that an output sees.
    """

    def __init__(self, mask: Bool[Tensor, "outputs inputs"], *, gain: float) -> None:
        super().__init__(mask.shape[1], mask.shape[0])
        self.register_buffer("mask", mask.float(), persistent=False)
        num_seen = mask.sum(1, keepdim=True).clamp_min(1)
        self.weight.data = gain * num_seen**-0.5 * torch.randn(mask.shape)
        nn.init.zeros_(self.bias)

    def forward(self, values: Float[Tensor, "*batch inputs"]) -> Float[Tensor, "*batch outputs"]:
        return functional.linear(values, self.weight * self.get_buffer("mask"), self.bias)


class MaskedNetwork(nn.Module):
    """Some numbers for every input, which depend on the inputs before it and on a context.

    Args:
        num_inputs: Inputs, in the order in which they may see each other.
        num_outputs: Numbers for every input.
        width: Hidden units. They are spread evenly over how many inputs they see, from none to all but
            the last; with fewer units than inputs, some inputs share what they see.
        num_context: Length of the context, which every unit sees; 0 for none.

    Source:
        Germain et al. 2015 (arXiv:1502.03509), eq. 12 and 13; here degrees begin at 0, so that the first
        input's numbers depend on the context through hidden units too.

    Example:
        >>> network = MaskedNetwork(3, num_outputs=1, width=6)
        >>> [(a, b)] = network(torch.tensor([[1.0, 2.0, 3.0], [1.0, 2.0, 9.0]]))
        >>> bool((a == b).all())  # the last input is seen by none
        True
    """

    def __init__(self, num_inputs: int, *, num_outputs: int, width: int, num_context: int = 0) -> None:
        super().__init__()
        self.num_outputs = num_outputs
        inputs = torch.arange(num_inputs)
        seen = torch.arange(width) * num_inputs // width  # how many of the first inputs a unit sees
        self.inputs = MaskedLinear(seen[:, None] > inputs, gain=1.0)  # eq. 12
        self.context = nn.Linear(num_context, width, bias=False) if num_context else None
        self.outputs = MaskedLinear((inputs[:, None] >= seen).repeat(num_outputs, 1), gain=0.1)  # eq. 13

    def forward(
        self, values: Float[Tensor, "*batch inputs"], context: Float[Tensor, "images context"] | None = None
    ) -> tuple[Float[Tensor, "*batch inputs"], ...]:
        hidden = self.inputs(values)
        if self.context is not None:
            hidden = hidden + self.context(context)
        outputs: Tensor = self.outputs(functional.silu(hidden))
        return outputs.chunk(self.num_outputs, dim=-1)
