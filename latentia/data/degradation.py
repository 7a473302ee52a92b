"""What was done to images before they were measured, and how an answer is brought to agree with that.

Images are measured as pixels of their own size, beside one channel that says where anything is known. Small
images stand enlarged there, every pixel a block, so that all kinds of damage look alike to a network.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from latentia._types import Images, Known, Measured, PerImage

Noise = Callable[..., Tensor]
"""From a shape to standard normal noise of that shape for every image; a turn's `noise` is one."""

LUMA = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in grey (ITU-R BT.601), those that Pillow converts with."""
BISECTIONS = 24
"""Halvings of the range of images, until a shift is known to 2e-7."""


class Degradation(ABC):
    """A map from images to what was measured of them.

    Attributes:
        noise_std: Standard deviation of the noise in what is measured, in values from -1 to 1.
        told_by: Independent numbers that a known value of the image stands for.
    """

    noise_std: float = 0.0
    told_by: float = 1.0

    @abstractmethod
    def again(self, images: Images) -> Images:
        """What would be seen of images, all of them and without noise; differentiable."""

    def measure(self, images: Images, noise: Noise) -> Measured:
        """What is seen of images, on stored levels, and where.

        Args:
            images: Values in [-1, 1].
            noise: From a shape to standard normal noise for every image; random damage is made of it.
        """
        return measured(stored(self.again(images)))

    def first_guess(self, measured: Measured) -> Images:
        """An image without any learning, which a network starts from."""
        return seen(measured)[0]

    def lean(self, answers: Images, measured: Measured) -> Images:
        """Answers moved, linearly, to where they would be measured as that; they may leave [-1, 1]."""
        return answers

    def agree(self, answers: Images, measured: Measured) -> Images:
        """The answers in [-1, 1] nearest to given ones, or nearly so, that are measured as that."""
        return self.lean(answers, measured).clamp(-1, 1)

    def misfit(self, answers: Images, measured: Measured) -> PerImage:
        """How far from the measurement answers are measured: root mean square, in levels of 8 bits."""
        pixels, known = seen(measured)
        squares = known * (self.again(answers) - pixels).square()
        values = known.expand_as(squares).flatten(1).sum(1).clamp_min(1)
        return 127.5 * (squares.flatten(1).sum(1) / values).sqrt()

    def num_values(self, measured: Measured) -> float:
        """Independent numbers that were measured of an image, on average, at least 1."""
        pixels, known = seen(measured)
        return max(1.0, self.told_by * pixels.shape[1] * float(known.sum()) / len(pixels))


@dataclass(frozen=True, slots=True)
class Downscaled(Degradation):
    """Means of blocks: the image, so many times smaller.

    Attributes:
        factor: Side of a block, in pixels.

    Example:
        >>> images = torch.tensor([[-1.0, 0.0], [0.0, 1.0]]).reshape(1, 1, 2, 2)
        >>> Downscaled(2).again(images).unique().tolist()
        [0.0]
    """

    factor: int

    @property
    def told_by(self) -> float:  # type: ignore[override]
        """One number a block."""
        return 1 / self.factor**2

    def again(self, images: Images) -> Images:
        return _blocks(_means(images, self.factor), self.factor)

    def first_guess(self, measured: Measured) -> Images:
        small = _means(seen(measured)[0], self.factor)
        large = functional.interpolate(small, scale_factor=self.factor, mode="bicubic", align_corners=False)
        return large.clamp(-1, 1)

    def lean(self, answers: Images, measured: Measured) -> Images:
        return answers + seen(measured)[0] - self.again(answers)

    def agree(self, answers: Images, measured: Measured) -> Images:
        return _shifted(answers, seen(measured)[0], self.again)


@dataclass(frozen=True, slots=True)
class Greyed(Degradation):
    """Colour taken away: luma, which stands in all three channels."""

    @property
    def told_by(self) -> float:  # type: ignore[override]
        """One number for the three channels."""
        return 1 / 3

    def again(self, images: Images) -> Images:
        weights = images.new_tensor(LUMA).reshape(1, 3, 1, 1)
        return (images * weights).sum(1, keepdim=True).expand_as(images)

    def lean(self, answers: Images, measured: Measured) -> Images:
        return answers + seen(measured)[0] - self.again(answers)

    def agree(self, answers: Images, measured: Measured) -> Images:
        return _shifted(answers, seen(measured)[0], self.again)


@dataclass(frozen=True, slots=True)
class Noisy(Degradation):
    """Gaussian noise on every value, of a level that differs from image to image and is not told.

    Attributes:
        most: Largest standard deviation, in values from -1 to 1; each image has its own, evenly spread.
        least: The smallest.
    """

    most: float
    least: float = 0.0

    @property
    def noise_std(self) -> float:  # type: ignore[override]
        """That of a typical image."""
        return (self.most + self.least) / 2

    def again(self, images: Images) -> Images:
        return images

    def measure(self, images: Images, noise: Noise) -> Measured:
        levels = self.least + (self.most - self.least) * uniform(noise, 1, 1, 1)
        return measured(stored(images + levels * noise(*images.shape[1:])))


@dataclass(frozen=True, slots=True)
class Blurred(Degradation):
    """A Gaussian blur.

    Attributes:
        std: Standard deviation of the kernel, in pixels.
        steps: How often an answer is moved towards agreement.

    Note:
        A blur can be undone only where it left more than rounding, so that agreement is approached in a few
        steps (Landweber's) instead of reached: fine detail of an answer stays what the answer made it.
    """

    std: float
    steps: int = 10

    def again(self, images: Images) -> Images:
        reach = math.ceil(3 * self.std)
        offsets = torch.arange(-reach, reach + 1, dtype=images.dtype, device=images.device)
        taps = (-0.5 * (offsets / self.std).square()).exp()
        taps = taps / taps.sum()
        channels = images.shape[1]
        padded = functional.pad(images, (reach,) * 4, mode="replicate")
        rows = functional.conv2d(padded, taps.expand(channels, 1, 1, -1), groups=channels)
        return functional.conv2d(rows, taps.reshape(-1, 1).expand(channels, 1, -1, 1), groups=channels)

    def agree(self, answers: Images, measured: Measured) -> Images:
        pixels = seen(measured)[0]
        for _ in range(self.steps):
            answers = (answers + self.again(pixels - self.again(answers))).clamp(-1, 1)
        return answers.clamp(-1, 1)


@dataclass(frozen=True, slots=True)
class Own(Degradation):
    """A degradation of one's own: any function of images that torch can differentiate.

    Attributes:
        function: From images to what is seen of them, of the same shape; what is smaller is enlarged.
        noise_std: Standard deviation of noise that is added.
        name: What to call it.

    Raises:
        ValueError: When the function returns something of another shape.
    """

    function: Callable[[Images], Tensor]
    noise_std: float = 0.0
    name: str = "own"

    def again(self, images: Images) -> Images:
        found = self.function(images)
        if not isinstance(found, Tensor) or found.shape != images.shape:
            shape = tuple(found.shape) if isinstance(found, Tensor) else type(found).__name__
            raise ValueError(
                f"The degradation {self.name} made {shape} of images of shape {tuple(images.shape)}; it has "
                f"to return as many of the same shape. Enlarge what is smaller, for example with "
                f"torch.nn.functional.interpolate(small, size, mode='nearest')."
            )
        return found

    def measure(self, images: Images, noise: Noise) -> Measured:
        return measured(stored(self.again(images) + self.noise_std * noise(*images.shape[1:])))


def measured(pixels: Images, known: Known | None = None) -> Measured:
    """Pixels and where they are known, as one; what is not known is 0."""
    known = torch.ones_like(pixels[:, :1]) if known is None else known
    return torch.cat([pixels * known, known], 1)


def seen(measured: Measured) -> tuple[Images, Known]:
    """The pixels of what was measured, and where they are known: 1, and 0 elsewhere."""
    return measured[:, :-1], measured[:, -1:]


def stored(images: Images) -> Images:
    """Images on the nearest of 256 levels, as files hold them."""
    return (images.clamp(-1, 1) * 127.5).add(127.5).round().div(127.5).sub(1)


def uniform(noise: Noise, *shape: int) -> Tensor:
    """Noise that is uniform on (0, 1)."""
    return torch.special.ndtr(noise(*shape))


def _means(images: Images, factor: int) -> Float[Tensor, "batch channels rows columns"]:
    sides = images.shape[2:]
    if any(side % factor for side in sides):
        raise ValueError(
            f"Images of {sides[1]} x {sides[0]} px cannot be divided into blocks of {factor} x {factor}. "
            f"Choose a `--size` that is a multiple of {factor}, or another `--factor`."
        )
    return functional.avg_pool2d(images, factor)


def _blocks(small: Float[Tensor, "batch channels rows columns"], factor: int) -> Images:
    return functional.interpolate(small, scale_factor=factor, mode="nearest")


@torch.no_grad()
def _shifted(answers: Images, wanted: Images, read: Callable[[Images], Images]) -> Images:
    """The nearest answers, block by block or pixel by pixel, that are read as wanted.

        clamp(x + s, -1, 1),   s such that the mean of the block, or the luma of the pixel, is what it was

    What is read rises with s, which is found by bisection.
    """
    answers = answers.clamp(-1, 1)
    low, high = torch.full_like(answers, -2), torch.full_like(answers, 2)
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        short = read((answers + middle).clamp(-1, 1)) < wanted
        low, high = torch.where(short, middle, low), torch.where(short, high, middle)
    return (answers + (low + high) / 2).clamp(-1, 1)
