"""Networks: tensors to tensors. They know no probability and no loss."""

from latentia.networks.bottlenecks import BottleneckCritic, BottleneckGenerator
from latentia.networks.causal import CausalNetwork
from latentia.networks.conditions import Attributes, Chain, Classes, Condition, Told
from latentia.networks.convolutional import (
    ConvolutionalDecoder,
    ConvolutionalEncoder,
    Critic,
    Generator,
    num_halvings,
)
from latentia.networks.grid import GridDecoder, GridEncoder
from latentia.networks.joint import JointCritic
from latentia.networks.ladder import BottomUp, Pixels, Step, default_layers, steps_of
from latentia.networks.latent_grid import LatentGridDecoder, LatentGridEncoder, Layout
from latentia.networks.masked import MaskedLinear, MaskedNetwork
from latentia.networks.mlp import MLPCritic, MLPDecoder, MLPEncoder, MLPGenerator
from latentia.networks.patch_critic import PatchCritic
from latentia.networks.progressive import MinibatchDeviation, ProgressiveCritic, ProgressiveGenerator
from latentia.networks.remembers import Remembers
from latentia.networks.residual_pair import ResidualCritic, ResidualGenerator
from latentia.networks.velocity import VelocityNetwork
from latentia.networks.weights import SpectralNorm, equalised, spectral

__all__ = [
    "Attributes",
    "BottleneckCritic",
    "BottleneckGenerator",
    "BottomUp",
    "CausalNetwork",
    "Chain",
    "Classes",
    "Condition",
    "ConvolutionalDecoder",
    "ConvolutionalEncoder",
    "Critic",
    "Generator",
    "GridDecoder",
    "GridEncoder",
    "JointCritic",
    "LatentGridDecoder",
    "LatentGridEncoder",
    "Layout",
    "MLPCritic",
    "MLPDecoder",
    "MLPEncoder",
    "MLPGenerator",
    "MaskedLinear",
    "MaskedNetwork",
    "MinibatchDeviation",
    "PatchCritic",
    "Pixels",
    "ProgressiveCritic",
    "ProgressiveGenerator",
    "Remembers",
    "ResidualCritic",
    "ResidualGenerator",
    "SpectralNorm",
    "Step",
    "Told",
    "VelocityNetwork",
    "default_layers",
    "equalised",
    "num_halvings",
    "spectral",
    "steps_of",
]
