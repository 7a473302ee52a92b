"""The two sides of a ladder: features of an image at several sizes, and the steps from the top down."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from latentia._types import Images
from latentia.networks.residual import Bottleneck, Features, convolution

Size = tuple[int, int]


class BottomUp(nn.Module):
    """Images to what each step of a ladder is told of them.

    Strided convolutions lead to the largest size of the ladder and on to the others, with residual blocks
    between. There are as many blocks as steps, and each step hears of the block at its own height.

    Args:
        image_shape: (channels, height, width).
        sizes: Height and width of the features at every step, from the top (the smallest) down.
        width: Channels of the features.
        hidden: Channels inside blocks, and of what a step is told.
    """

    def __init__(
        self, image_shape: tuple[int, int, int], sizes: Sequence[Size], *, width: int, hidden: int
    ) -> None:
        super().__init__()
        patch = image_shape[1] // sizes[-1][0]
        kernel = 2 * patch if patch > 1 else 3
        self.sizes = tuple(sizes)
        self.stem = convolution(image_shape[0], width, kernel, stride=patch, gain=0.5**0.5)
        gain = len(sizes) ** -0.5
        self.blocks = nn.ModuleList(
            Bottleneck(width, hidden, width, kernel=kernel_at(size), gain=gain) for size in sizes
        )
        self.tell = nn.ModuleList(convolution(width, hidden, 1) for _ in sizes)
        self.shrink = nn.ModuleList(
            convolution(width, width, ratio, stride=ratio)
            if (ratio := below[0] // size[0]) > 1
            else nn.Identity()
            for size, below in zip(sizes, [*sizes[1:], sizes[-1]], strict=True)
        )

    def forward(self, images: Images) -> list[Features]:
        """What the steps are told, from the top down."""
        # Channels last: convolutions with few channels are up to twice as fast on a processor.
        features = self.stem(images.contiguous(memory_format=torch.channels_last))
        told: list[Features] = []
        for shrink, block, tell in zip(
            reversed(self.shrink), reversed(self.blocks), reversed(self.tell), strict=True
        ):
            features = shrink(features)
            features = features + block(features)
            told.insert(0, tell(functional.silu(features)))
        return told


class Step(nn.Module):
    """One step down a ladder: a group of latents between two states.

    The prior's block sees the state, the posterior's block also what the step is told of the image. Either
    gives the numbers of a distribution; the prior's block also adds to the state what the draw need not
    decide.

    Args:
        width: Channels of the state.
        hidden: Channels inside blocks.
        num_channels: Channels of the latents.
        size: Height and width of state and latents.
        above: Those of the state that comes from above, which a transposed convolution enlarges.
        gain: Scale of what is added to the state, at the start.

    Source:
        Child 2021 (arXiv:2011.10650), figure 3: the block of the very deep VAE. Differs in how a state is
        enlarged: from 1 px to 7 px, nearest pixels would be the same number 49 times.
    """

    def __init__(
        self, width: int, hidden: int, num_channels: int, *, size: Size, above: Size, gain: float
    ) -> None:
        super().__init__()
        kernel = kernel_at(size)
        self.size = size
        self.latent_shape = (num_channels, *size)
        self.split = (width, 2 * num_channels)
        self.prior = Bottleneck(width, hidden, sum(self.split), kernel=kernel, gain=gain)
        self.prior.widen.weight.data[width:] *= 0.1  # p(z_l | z_<l) begins near N(0, I), whatever was drawn
        self.posterior = Bottleneck(width, hidden, 2 * num_channels, kernel=kernel, gain=gain)
        self.read = convolution(num_channels, width, 1, gain=gain)
        ratio = size[0] // above[0]
        self.grow = enlargement(width, ratio) if ratio > 1 else nn.Identity()

    def enlarge(self, state: Features) -> Features:
        """The state at this step's size."""
        enlarged: Tensor = self.grow(state)
        return enlarged

    def look_ahead(self, state: Features) -> tuple[Features, Tensor]:
        """What is known before the draw: the state with what is sure, and the numbers of p(z_l | z_<l)."""
        added, numbers = self.prior(state).split(self.split, dim=1)
        return state + added, numbers

    def look_up(self, state: Features, told: Features) -> Tensor:
        """The numbers of q(z_l | z_<l, x), from the state before `look_ahead`."""
        numbers: Tensor = self.posterior(state, told)
        return numbers

    def go_on(self, state: Features, latents: Features) -> Features:
        """The state after the draw."""
        next_state: Tensor = state + self.read(latents)
        return next_state


def enlargement(width: int, ratio: int) -> nn.ConvTranspose2d:
    """Every position becomes a square of its own; the size of activations is kept."""
    layer = nn.ConvTranspose2d(width, width, ratio, stride=ratio)
    nn.init.normal_(layer.weight, std=width**-0.5)
    assert layer.bias is not None
    nn.init.zeros_(layer.bias)
    return layer


class Pixels(nn.Module):
    """The state at a ladder's foot to numbers a pixel, the strided stem's counterpart.

    Args:
        width: Channels of the state.
        num_outputs: Numbers a pixel.
        patch: Pixels that a position of the state stands for, along each side.
    """

    def __init__(self, width: int, num_outputs: int, patch: int) -> None:
        super().__init__()
        self.patch = patch
        self.convolution = convolution(width, num_outputs * patch**2, 3, gain=0.1)

    def forward(self, state: Features) -> Images:
        outputs: Tensor = self.convolution(functional.silu(state))
        return functional.pixel_shuffle(outputs, self.patch)


def kernel_at(size: Size) -> int:
    """How far a convolution looks: not at all where there is nothing around."""
    return 3 if min(size) > 2 else 1


def default_layers(image_shape: tuple[int, int, int]) -> str:
    """Two steps at 1 px, which see the whole image, and three at each size from 4 px to a quarter of it.

    Images below 16 px, and those that cannot be quartered, begin at half of their size or at all of it. A
    grid as fine as the image costs sixteen times as much a step as a quarter of it.

    Example:
        >>> default_layers((1, 28, 28)), default_layers((3, 64, 64)), default_layers((3, 32, 48))
        ('1x2,7x3', '1x2,4x3,8x3,16x3', '4x3,8x3')
    """
    _, height, width = image_shape
    factors = [4] * (height >= 16) + [2, 1]
    talls = [height // next(f for f in factors if height % f == 0 and width % f == 0)]
    while talls[0] >= 8 and talls[0] % 2 == 0 and width * talls[0] // height % 2 == 0:
        talls.insert(0, talls[0] // 2)
    top = "1x2," if height == width else ""
    return top + ",".join(f"{tall}x3" for tall in talls)


def steps_of(layers: str, image_shape: tuple[int, int, int]) -> list[Size]:
    """The size of every step of a ladder that is written as height x number of steps, from the top down.

    Args:
        layers: Such as "1x2,7x4,14x2": two steps at 1 px, four at 7 px and two at 14 px high. Each height
            divides the next, and the last one that of the images.
        image_shape: (channels, height, width).

    Raises:
        ValueError: If the text is not of this form, or does not fit the images.

    Example:
        >>> steps_of("4x1,8x2", (3, 32, 48))
        [(4, 6), (8, 12), (8, 12)]
    """
    _, height, width = image_shape
    hint = f"Write height x number of steps from the top down, as in '{default_layers(image_shape)}'."
    try:
        parts = [tuple(int(number) for number in part.split("x")) for part in layers.split(",")]
        sizes = [(tall, max(1, round(width * tall / height))) for tall, count in parts for _ in range(count)]
    except ValueError as error:
        raise ValueError(f"The layers '{layers}' cannot be read. {hint}") from error
    talls = [tall for tall, _ in parts]
    if not sizes or min(min(part) for part in parts) < 1 or talls != sorted(set(talls)):
        raise ValueError(f"The layers '{layers}' are not of rising heights with 1 step or more each. {hint}")
    for (tall, wide), (tall_below, wide_below) in pairwise([*sizes, (height, width)]):
        ratio = tall_below // tall
        if (tall * ratio, wide * ratio) != (tall_below, wide_below):
            raise ValueError(
                f"The layers '{layers}' do not fit images of {height} x {width}: {tall} x {wide} cannot be "
                f"enlarged to {tall_below} x {wide_below} by a whole number. {hint}"
            )
    return sizes
