"""Networks: tensors to tensors. They know no probability and no loss."""

from latentia.networks.causal import CausalNetwork
from latentia.networks.convolutional import (
    ConvolutionalDecoder,
    ConvolutionalEncoder,
    Critic,
    Generator,
    num_halvings,
)
from latentia.networks.grid import GridDecoder, GridEncoder
from latentia.networks.ladder import BottomUp, Pixels, Step, default_layers, steps_of
from latentia.networks.masked import MaskedLinear, MaskedNetwork
from latentia.networks.mlp import MLPDecoder, MLPEncoder

__all__ = [
    "BottomUp",
    "CausalNetwork",
    "ConvolutionalDecoder",
    "ConvolutionalEncoder",
    "Critic",
    "Generator",
    "GridDecoder",
    "GridEncoder",
    "MLPDecoder",
    "MLPEncoder",
    "MaskedLinear",
    "MaskedNetwork",
    "Pixels",
    "Step",
    "default_layers",
    "num_halvings",
    "steps_of",
]
