"""Networks that make images of damaged ones, of any size: most of the work is done on a coarse grid."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from latentia._types import Latents
from latentia.networks.residual import convolution, doubled, halved

Grid = Float[Tensor, "batch _ _ _"]
Inputs = Float[Tensor, "batch inputs height width"]
Outputs = Float[Tensor, "batch outputs height width"]

LEVELS = 3
"""Grids: that of the patches, half as fine, and a quarter as fine."""


class Descent(nn.Module):
    """Images to features on three grids, each half as fine as the one before.

    A patch of pixels is a place of the first grid, so that convolutions run on a sixteenth of the places with
    patches of 4 x 4. Sides that do not divide are filled up with the pixels at the edge.

    Args:
        num_inputs: Channels of the images.
        width: Channels of the first grid; 3/2 and twice as many of the next.
        patch: Side of a patch, in pixels.
        depth: Residual blocks a grid.
        num_latents: Channels of latents that come in; 0 for none.
        latent_grids: How many grids they come in at, the coarsest ones.
    """

    def __init__(
        self,
        num_inputs: int,
        *,
        width: int,
        patch: int,
        depth: int,
        num_latents: int = 0,
        latent_grids: int = LEVELS,
    ) -> None:
        super().__init__()
        self.patch = patch
        self.widths = widths(width)
        self.channels_of_latents = (0,) * (LEVELS - latent_grids) + (num_latents,) * latent_grids
        self.embed = convolution(num_inputs * patch**2, width, 3)
        self.joins = nn.ModuleList(
            convolution(before + own, after, 3 if before != after else 1)
            for own, before, after in zip(
                self.channels_of_latents, (width, *self.widths), self.widths, strict=False
            )
        )
        self.blocks = nn.ModuleList(_stack(channels, depth) for channels in self.widths)

    def forward(self, images: Inputs, latents: Latents | None = None) -> list[Grid]:
        padded = filled_up(images, self.patch * 2 ** (LEVELS - 1))
        found = self.embed(functional.pixel_unshuffle(padded, self.patch))
        told = [None] * LEVELS if latents is None else self.on_grids(latents, padded.shape[2:])
        levels = []
        for level, (join, blocks, own) in enumerate(zip(self.joins, self.blocks, told, strict=True)):
            found = halved(found) if level else found
            found = blocks(join(found if own is None else torch.cat([found, own], 1)))
            levels.append(found)
        return levels

    def num_all_latents(self, height: int, width: int) -> int:
        """Latents of an image of that size, over all grids."""
        return sum(math.prod(shape) for shape in self._shapes(height, width))

    def on_grids(self, latents: Latents, sides: tuple[int, ...]) -> list[Tensor]:
        """Flat latents as channels of the grids, finest first."""
        shapes = self._shapes(*sides)
        parts = latents.split([math.prod(shape) for shape in shapes], dim=1)
        return [part.unflatten(1, shape) for part, shape in zip(parts, shapes, strict=True)]

    def _shapes(self, height: int, width: int) -> list[tuple[int, int, int]]:
        multiple = self.patch * 2 ** (LEVELS - 1)
        rows, columns = (-(-side // multiple) * multiple // self.patch for side in (height, width))
        return [(own, rows >> level, columns >> level) for level, own in enumerate(self.channels_of_latents)]


class RestoringNetwork(nn.Module):
    """A U-Net from damaged images, and latents where there are some, to what is missing of them.

    It begins at 0. It has no norms, so that each image is restored by itself, and its size may be any.

    Args:
        num_inputs: Channels that come in.
        num_outputs: Channels that go out.
        width: Channels of the first grid.
        patch: Side of a patch, in pixels.
        depth: Residual blocks a grid, on the way down; as many on the way up.
        num_latents: Channels of latents that come in; 0 for none.
        latent_grids: How many grids they come in at, the coarsest ones.

    Source:
        Ronneberger et al. 2015 (arXiv:1505.04597); pixels as channels: Shi et al. 2016 (arXiv:1609.05158),
        section 3. Differs in that blocks are residual, and that there is no full-size grid: two convolutions
        of eight channels there took as long as all others, for no less error at the same images seen.
    """

    def __init__(
        self,
        num_inputs: int,
        num_outputs: int,
        *,
        width: int,
        patch: int,
        depth: int,
        num_latents: int = 0,
        latent_grids: int = LEVELS,
    ) -> None:
        super().__init__()
        self.patch = patch
        self.down = Descent(
            num_inputs,
            width=width,
            patch=patch,
            depth=depth,
            num_latents=num_latents,
            latent_grids=latent_grids,
        )
        pairs = list(zip(self.down.widths[1:], self.down.widths[:-1], strict=True))
        self.widen = nn.ModuleList(convolution(coarse, fine, 1) for coarse, fine in pairs)
        self.blocks = nn.ModuleList(_stack(fine, depth) for _, fine in pairs)
        self.last = convolution(width, num_outputs * patch**2, 3, gain=0.0)

    def forward(self, images: Inputs, latents: Latents | None = None) -> Outputs:
        levels = self.down(images, latents)
        found = levels.pop()
        for widen, blocks in zip(reversed(self.widen), reversed(self.blocks), strict=True):
            found = blocks(levels.pop() + doubled(widen(found)))
        outputs = functional.pixel_shuffle(self.last(functional.silu(found)), self.patch)
        return outputs[..., : images.shape[2], : images.shape[3]]


class GridStatistics(nn.Module):
    """Images to two numbers for every latent of a `RestoringNetwork`: a mean, and a log-deviation.

    Args:
        num_inputs: Channels of the images.
        width: Channels of the first grid.
        patch: Side of a patch, in pixels.
        depth: Residual blocks a grid.
        num_latents: Channels of latents at a grid.
        latent_grids: How many grids have latents, the coarsest ones.
    """

    def __init__(
        self, num_inputs: int, *, width: int, patch: int, depth: int, num_latents: int, latent_grids: int
    ) -> None:
        super().__init__()
        self.first = LEVELS - latent_grids
        self.down = Descent(num_inputs, width=width, patch=patch, depth=depth)
        self.heads = nn.ModuleList(
            convolution(channels, 2 * num_latents, 1) for channels in self.down.widths[self.first :]
        )

    def forward(self, images: Inputs) -> tuple[Latents, Latents]:
        pairs = [
            head(functional.silu(found)).chunk(2, dim=1)
            for head, found in zip(self.heads, self.down(images)[self.first :], strict=True)
        ]
        mean, log_std = (
            torch.cat([part.flatten(1) for part in parts], 1) for parts in zip(*pairs, strict=True)
        )
        return mean, log_std


class Block(nn.Module):
    """Two convolutions beside the identity, each after a SiLU.

    Args:
        channels: In and out.
        gain: Scale of the second convolution at the start.
    """

    def __init__(self, channels: int, gain: float) -> None:
        super().__init__()
        self.first = convolution(channels, channels, 3)
        self.second = convolution(channels, channels, 3, gain=gain)

    def forward(self, features: Grid) -> Grid:
        return features + self.second(functional.silu(self.first(functional.silu(features))))


def filled_up(images: Inputs, multiple: int) -> Grid:
    """Images with their last row and column repeated, until both sides are multiples of a number."""
    down, right = (-side % multiple for side in images.shape[2:])
    return functional.pad(images, (0, right, 0, down), mode="replicate") if down or right else images


def widths(width: int) -> tuple[int, ...]:
    """Channels of the three grids."""
    return width, width * 3 // 2, 2 * width


def _stack(channels: int, depth: int) -> nn.Sequential:
    return nn.Sequential(*(Block(channels, gain=0.5 * depth**-0.5) for _ in range(depth)))
