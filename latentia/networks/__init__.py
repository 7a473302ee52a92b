"""Networks: tensors to tensors. They know no probability and no loss."""

from latentia.networks.convolutional import (
    ConvolutionalDecoder,
    ConvolutionalEncoder,
    Critic,
    Generator,
    num_halvings,
)
from latentia.networks.mlp import MLPDecoder, MLPEncoder

__all__ = [
    "ConvolutionalDecoder",
    "ConvolutionalEncoder",
    "Critic",
    "Generator",
    "MLPDecoder",
    "MLPEncoder",
    "num_halvings",
]
