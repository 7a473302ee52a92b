"""Images to a grid of latents and back, in the layout that latent generators read.

Layers bear the names that `diffusers` gives them in its `AutoencoderKL`, so that weights go either way
without a table of names (`latentia.interchange.diffusers`).
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from latentia._types import Images
from latentia.networks.residual import Features, doubled

Grid = Float[Tensor, "batch size rows columns"]
"""Latents where they are."""
Numbers = Float[Tensor, "batch numbers rows columns"]
"""What an encoder says of them."""
EPSILON = 1e-6
"""Added to variances in group normalisation."""


@dataclass(frozen=True, slots=True)
class Layout:
    """What encoder and decoder agree on.

    Attributes:
        channels: Of the images.
        widths: Channels at full size, at half of it, and so on; one halving between two of them.
        size: Latents at each position of the grid.
        depth: Residual blocks of the encoder at each size; the decoder has one more.
        num_groups: Groups of channels that are normalised together; a divisor of every width.
        attention: Whether all positions of the grid look at each other, once, in the middle.

    Raises:
        ValueError: If there are fewer than two widths, or the groups do not divide one.
    """

    channels: int
    widths: tuple[int, ...]
    size: int = 4
    depth: int = 1
    num_groups: int = 4
    attention: bool = False

    def __post_init__(self) -> None:
        if len(self.widths) < 2 or any(width % self.num_groups for width in self.widths):
            raise ValueError(
                f"The widths of an image autoencoder are {self.widths}, with {self.num_groups} groups: there "
                f"have to be two or more, each a multiple of the number of groups, such as (16, 32, 32) with "
                f"4."
            )

    @property
    def halvings(self) -> int:
        """How often height and width are halved."""
        return len(self.widths) - 1

    def grid_of(self, image_shape: tuple[int, int, int]) -> tuple[int, int]:
        """Rows and columns of the grid.

        Raises:
            ValueError: If the sides cannot be halved so often.
        """
        _, height, width = image_shape
        factor = 2**self.halvings
        if height % factor or width % factor:
            raise ValueError(
                f"Images of {height} x {width} px cannot be halved {self.halvings} times: sides have to be "
                f"multiples of {factor}. Choose fewer halvings, or another `--size`."
            )
        return height // factor, width // factor


class LatentGridEncoder(nn.Module):
    """Images to numbers at every position of a grid.

    Args:
        layout: Widths and depth.
        num_outputs: Numbers at a position: twice as many as latents where they are means and variances.

    Source:
        Esser et al. 2021 (arXiv:2012.09841), table 7; Rombach et al. 2022 (arXiv:2112.10752), appendix E.
        Differs in that attention is optional.
    """

    def __init__(self, layout: Layout, *, num_outputs: int) -> None:
        super().__init__()
        self.layout = layout
        groups, depth, widths = layout.num_groups, layout.depth, layout.widths
        self.conv_in = nn.Conv2d(layout.channels, widths[0], 3, padding=1)
        self.down_blocks = nn.ModuleList(
            DownBlock(inputs, outputs, groups, depth=depth, halves=outputs_at < layout.halvings)
            for outputs_at, (inputs, outputs) in enumerate(zip((widths[0], *widths), widths, strict=False))
        )
        self.mid_block = MiddleBlock(widths[-1], groups, attention=layout.attention)
        self.conv_norm_out = nn.GroupNorm(groups, widths[-1], eps=EPSILON)
        self.conv_out = nn.Conv2d(widths[-1], num_outputs, 3, padding=1)
        self.quant_conv = nn.Conv2d(num_outputs, num_outputs, 1)

    def forward(self, images: Images) -> Numbers:
        # Channels last: convolutions with few channels are faster on a processor.
        features = self.conv_in(images.contiguous(memory_format=torch.channels_last))
        for block in self.down_blocks:
            features = block(features)
        features = functional.silu(self.conv_norm_out(self.mid_block(features)))
        numbers: Tensor = self.quant_conv(self.conv_out(features))
        return numbers


class LatentGridDecoder(nn.Module):
    """A grid of latents to images, whose values are not bounded.

    Args:
        layout: Widths and depth, of the encoder.

    Source:
        As of the encoder.
    """

    def __init__(self, layout: Layout) -> None:
        super().__init__()
        groups, depth, widths = layout.num_groups, layout.depth + 1, layout.widths[::-1]
        self.post_quant_conv = nn.Conv2d(layout.size, layout.size, 1)
        self.conv_in = nn.Conv2d(layout.size, widths[0], 3, padding=1)
        self.mid_block = MiddleBlock(widths[0], groups, attention=layout.attention)
        self.up_blocks = nn.ModuleList(
            UpBlock(inputs, outputs, groups, depth=depth, doubles=outputs_at < layout.halvings)
            for outputs_at, (inputs, outputs) in enumerate(zip((widths[0], *widths), widths, strict=False))
        )
        self.conv_norm_out = nn.GroupNorm(groups, widths[-1], eps=EPSILON)
        self.conv_out = nn.Conv2d(widths[-1], layout.channels, 3, padding=1)

    def forward(self, latents: Grid) -> Images:
        latents = self.post_quant_conv(latents.contiguous(memory_format=torch.channels_last))
        features = self.mid_block(self.conv_in(latents))
        for block in self.up_blocks:
            features = block(features)
        images: Tensor = self.conv_out(functional.silu(self.conv_norm_out(features)))
        return images


class DownBlock(nn.Module):
    """Residual blocks at one size, and then half of it.

    Args:
        inputs: Channels that come in.
        outputs: Channels that go out.
        groups: Groups of channels that are normalised together.
        depth: Residual blocks.
        halves: Whether height and width are halved at the end.
    """

    def __init__(self, inputs: int, outputs: int, groups: int, *, depth: int, halves: bool) -> None:
        super().__init__()
        self.resnets = _blocks(inputs, outputs, groups, depth)
        self.downsamplers = nn.ModuleList([Halving(outputs)] if halves else [])

    def forward(self, features: Features) -> Features:
        for layer in (*self.resnets, *self.downsamplers):
            features = layer(features)
        return features


class UpBlock(nn.Module):
    """Residual blocks at one size, and then twice of it.

    Args:
        inputs: Channels that come in.
        outputs: Channels that go out.
        groups: Groups of channels that are normalised together.
        depth: Residual blocks.
        doubles: Whether height and width are doubled at the end.
    """

    def __init__(self, inputs: int, outputs: int, groups: int, *, depth: int, doubles: bool) -> None:
        super().__init__()
        self.resnets = _blocks(inputs, outputs, groups, depth)
        self.upsamplers = nn.ModuleList([Enlarging(outputs)] if doubles else [])

    def forward(self, features: Features) -> Features:
        for layer in (*self.resnets, *self.upsamplers):
            features = layer(features)
        return features


class MiddleBlock(nn.Module):
    """Two residual blocks on the grid, and attention between them if there is any.

    Args:
        width: Channels.
        groups: Groups of channels that are normalised together.
        attention: Whether positions look at each other.
    """

    def __init__(self, width: int, groups: int, *, attention: bool) -> None:
        super().__init__()
        self.resnets = _blocks(width, width, groups, 2)
        self.attentions = nn.ModuleList([Attention(width, groups)] if attention else [])

    def forward(self, features: Features) -> Features:
        first, second = self.resnets
        features = first(features)
        for layer in self.attentions:
            features = layer(features)
        features = second(features)
        return features


class NormedBlock(nn.Module):
    """A residual block: twice group normalisation, SiLU and a 3 x 3 convolution.

    Args:
        inputs: Channels that come in.
        outputs: Channels that go out.
        groups: Groups of channels that are normalised together.
    """

    def __init__(self, inputs: int, outputs: int, groups: int) -> None:
        super().__init__()
        self.norm1 = nn.GroupNorm(groups, inputs, eps=EPSILON)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.norm2 = nn.GroupNorm(groups, outputs, eps=EPSILON)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.conv_shortcut = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else None

    def forward(self, features: Features) -> Features:
        hidden = self.conv1(functional.silu(self.norm1(features)))
        hidden = self.conv2(functional.silu(self.norm2(hidden)))
        return hidden + (features if self.conv_shortcut is None else self.conv_shortcut(features))


class Attention(nn.Module):
    """Every position looks at all others, with one head, and adds what it finds to what it has.

    Args:
        width: Channels.
        groups: Groups of channels that are normalised together.

    Note:
        The bias of the keys shifts all of a position's weights alike, and so does nothing; it is there for
        the layout's sake.
    """

    def __init__(self, width: int, groups: int) -> None:
        super().__init__()
        self.group_norm = nn.GroupNorm(groups, width, eps=EPSILON)
        self.to_q, self.to_k, self.to_v = (nn.Linear(width, width) for _ in range(3))
        self.to_out = nn.ModuleList([nn.Linear(width, width)])

    def forward(self, features: Features) -> Features:
        positions = self.group_norm(features).flatten(2).transpose(1, 2)
        found = functional.scaled_dot_product_attention(
            self.to_q(positions), self.to_k(positions), self.to_v(positions)
        )
        added: Tensor = self.to_out[0](found).transpose(1, 2).reshape(features.shape)
        return features + added


class Halving(nn.Module):
    """A 3 x 3 convolution of stride 2, with a row and a column of zeros after the last.

    Args:
        width: Channels.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, stride=2)

    def forward(self, features: Features) -> Features:
        halved: Tensor = self.conv(functional.pad(features, (0, 1, 0, 1)))
        return halved


class Enlarging(nn.Module):
    """Every pixel four times, and a 3 x 3 convolution.

    Args:
        width: Channels.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, features: Features) -> Features:
        enlarged: Tensor = self.conv(doubled(features))
        return enlarged


def _blocks(inputs: int, outputs: int, groups: int, depth: int) -> nn.ModuleList:
    return nn.ModuleList(
        NormedBlock(inputs if index == 0 else outputs, outputs, groups) for index in range(depth)
    )
