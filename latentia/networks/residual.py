"""Residual blocks without batch normalisation."""

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

Features = Float[Tensor, "batch _ _ _"]


class Bottleneck(nn.Module):
    """Narrow, look around, widen: what a residual block adds to its input.

    Three convolutions (1 x 1, 3 x 3, 1 x 1), each after a SiLU. A block without norms keeps a deep stack
    stable by starting small: the last convolution is scaled by `gain`, the depth of the stack to the
    power -1/2.

    Args:
        inputs: Channels that come in.
        hidden: Channels between the convolutions.
        outputs: Channels that go out.
        kernel: Side of the middle convolution, odd; 1 where features are too small to look around.
        gain: Scale of the last convolution at the start.

    Source:
        Child 2021 (arXiv:2011.10650), section 3.1 and figure 3. Differs in that there is one middle
        convolution instead of two, and in the activation, which costs less on a processor than GELU.
    """

    def __init__(self, inputs: int, hidden: int, outputs: int, *, kernel: int = 3, gain: float = 1.0) -> None:
        super().__init__()
        self.narrow = convolution(inputs, hidden, 1)
        self.look = convolution(hidden, hidden, kernel)
        self.widen = convolution(hidden, outputs, 1, gain=gain)
        self.activation = nn.SiLU()

    def forward(self, features: Features, context: Features | None = None) -> Features:
        """What the block adds.

        Args:
            features: Its input.
            context: Added to the narrow features: what else the block is told, already convolved.
        """
        hidden = self.narrow(self.activation(features))
        if context is not None:
            hidden = hidden + context
        outputs: Tensor = self.widen(self.activation(self.look(self.activation(hidden))))
        return outputs


def convolution(inputs: int, outputs: int, kernel: int, *, stride: int = 1, gain: float = 1.0) -> nn.Conv2d:
    """A convolution that halves, thirds ... the sides by its stride, and keeps the size of activations."""
    layer = nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=(kernel - stride + 1) // 2)
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    layer.weight.data *= gain
    assert layer.bias is not None
    nn.init.zeros_(layer.bias)
    return layer


def doubled(features: Features) -> Features:
    """Twice as high and wide, every pixel four times."""
    return functional.interpolate(features, scale_factor=2, mode="nearest")


def halved(features: Features) -> Features:
    """Half as high and wide, the mean of four pixels each."""
    return functional.avg_pool2d(features, 2)
