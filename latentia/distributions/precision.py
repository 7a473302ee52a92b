"""Numbers in double precision, wherever they come from."""

import torch
from torch import Tensor


def in_double(tensor: Tensor) -> Tensor:
    """The tensor in float64: on its own device, or on the CPU where that is MPS, which has no float64."""
    return tensor.to("cpu" if tensor.device.type == "mps" else tensor.device, torch.float64)


def at_least_single(tensor: Tensor) -> Tensor:
    """The tensor in float32, or in float64 if it is: likelihoods are never computed in half precision."""
    return tensor if tensor.dtype == torch.float64 else tensor.float()
