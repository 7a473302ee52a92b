"""Where a point on its way from noise to a grid of latents is going."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from latentia.networks.latent_grid import Grid
from latentia.networks.residual import Bottleneck, convolution

Times = Float[Tensor, "batch"]
FREQUENCIES = 16


class VelocityNetwork(nn.Module):
    """A grid and a time to a velocity at every position.

    Neighbouring positions are taken together, 2 x 2, where the sides are even: four times fewer places to
    convolve. Residual blocks are told the time, and each place has an input of its own.

    Args:
        grid_shape: (size, rows, columns).
        width: Channels inside.
        depth: Residual blocks.
    """

    def __init__(self, grid_shape: tuple[int, int, int], *, width: int, depth: int) -> None:
        super().__init__()
        size, *sides = grid_shape
        self.fold = 1 if any(side % 2 for side in sides) else 2
        numbers, hidden = size * self.fold**2, max(width // 2, 1)
        self.input = convolution(numbers, width, 3)
        self.places = nn.Parameter(0.02 * torch.randn(width, *(side // self.fold for side in sides)))
        self.time = nn.Sequential(nn.Linear(2 * FREQUENCIES, width), nn.SiLU())
        self.told = nn.ModuleList(nn.Linear(width, hidden) for _ in range(depth))
        gain = max(1, depth) ** -0.5
        self.blocks = nn.ModuleList(Bottleneck(width, hidden, width, gain=gain) for _ in range(depth))
        self.output = convolution(width, numbers, 3, gain=0.01)  # at first it hardly moves anything

    def forward(self, grid: Grid, times: Times) -> Grid:
        folded = functional.pixel_unshuffle(grid, self.fold).contiguous(memory_format=torch.channels_last)
        features = self.input(folded) + self.places
        time = self.time(waves(times))
        for block, told in zip(self.blocks, self.told, strict=True):
            features = features + block(features, told(time)[..., None, None])
        velocity: Tensor = self.output(functional.silu(features))
        return functional.pixel_shuffle(velocity, self.fold)


def waves(times: Times) -> Float[Tensor, "batch waves"]:
    """Times in [0, 1] as sines and cosines, from half a period on to 128."""
    frequencies = math.pi * torch.logspace(0, 8, FREQUENCIES, base=2).to(times)
    angles = times.unsqueeze(1) * frequencies
    return torch.cat([angles.sin(), angles.cos()], 1)
