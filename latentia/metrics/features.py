"""Feature spaces that need no download: images become vectors whose distances mean something.

Both spaces are determined by their seed or by the training images alone, so that anyone can compute them
again; each carries a name and a hash to print beside every number that was measured in it. Distances
of one space say nothing about distances of another.
"""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from latentia._types import Images

Vectors = Float[Tensor, "batch features"]


class FeatureSpace(ABC):
    """A deterministic map from images to vectors.

    Attributes:
        name: What to print beside a number, with the settings that define the space.
        hash: First 12 hexadecimal digits of the SHA-256 of its weights.
        costly: Whether features of real images are worth keeping on disk.
    """

    name: str
    hash: str
    costly: ClassVar[bool] = False

    @torch.no_grad()
    def __call__(self, images: Images, *, batch_size: int = 256) -> Vectors:
        """The images' feature vectors, computed in batches.

        Args:
            images: Values in [-1, 1].
            batch_size: Images held in memory at a time, at least 1.
        """
        return torch.cat([self._embed(batch) for batch in images.split(batch_size)])

    @abstractmethod
    def _embed(self, images: Images) -> Vectors:
        """The feature vectors of one batch."""


class RandomFeatures(FeatureSpace):
    """A convolutional network with random, never trained weights, read out at every scale.

    At each scale (full size, half, quarter ... down to a side of 2) a 3 x 3 convolution with orthogonal
    weights and a leaky rectifier is followed by a readout: mean and standard deviation over each quadrant
    of the image. Quadrants keep where things are; scales keep both texture and shape. The filters of the
    first layer sum to 0 in each channel, so that they see edges instead of brightness, which would
    otherwise outweigh all else.

    Args:
        channels: Channels of the images.
        seed: Seed of the weights, which are drawn on the CPU and rounded to multiples of 2^-16, so that
            neither the device nor the linear algebra library changes them.
        width: Convolution channels at each scale.

    Note:
        Random features rank gross failures (noise, blur, missing modes) as trained ones do, and know no
        semantics. They are not Inception features, and numbers are not comparable with published FIDs.

    Source:
        Naeem et al. 2020, arXiv:2002.09797, section 5.2, argue for random embeddings where the images
        are far from ImageNet; theirs is an untrained VGG16, ours a smaller network for 8 to 256 pixels.

    Example:
        >>> space = RandomFeatures(channels=1)
        >>> space(torch.zeros(2, 1, 8, 8)).shape
        torch.Size([2, 768])
    """

    def __init__(self, channels: int, *, seed: int = 0, width: int = 32) -> None:
        generator = torch.Generator().manual_seed(seed)
        inputs = [channels] + [width] * (MAX_SCALES - 1)
        kernels = [_orthogonal(width, count, generator) for count in inputs]
        kernels[0] = kernels[0] - kernels[0].mean((2, 3), keepdim=True)
        self._weights = [_on_grid(kernel) for kernel in kernels]
        self.hash = hash_of(self._weights)
        self.name = f"random convolutional network (width {width}, seed {seed})"

    def _embed(self, images: Images) -> Vectors:
        scale, readouts = images, []
        for weight in self._weights:
            padded = functional.pad(scale, (1, 1, 1, 1), mode="replicate")
            scale = functional.leaky_relu(functional.conv2d(padded, weight.to(images.device)), 0.2)
            mean = functional.adaptive_avg_pool2d(scale, 2)
            variance = functional.adaptive_avg_pool2d(scale.square(), 2) - mean.square()
            readouts += [mean.flatten(1), variance.clamp_min(0).sqrt().flatten(1)]
            if min(scale.shape[-2:]) < 4:
                break
            scale = functional.avg_pool2d(scale, 2)
        return torch.cat(readouts, dim=1)


MAX_SCALES = 7  # 256 pixels halved six times are 4, the last scale that is read


class PixelFeatures(FeatureSpace):
    """The leading principal components of the training images' pixels.

    Args:
        images: Training images, more than one.
        num_components: Dimensions to keep; fewer where there are fewer images or pixels.

    Note:
        The axes are an orthonormal basis, so distances are pixel distances with the smallest
        directions left out. A fit on many or large images takes the singular value decomposition of
        the whole set: hand in a few thousand.

    Example:
        >>> images = torch.rand(40, 1, 8, 8, generator=torch.Generator().manual_seed(0)) * 2 - 1
        >>> PixelFeatures(images, num_components=16)(images).shape
        torch.Size([40, 16])
    """

    def __init__(self, images: Images, *, num_components: int = 64) -> None:
        if len(images) < 2:
            raise ValueError(f"principal components need at least 2 training images, got {len(images)}.")
        flat = images.flatten(1).double()
        self._mean = flat.mean(0)
        _, _, axes = torch.linalg.svd(flat - self._mean, full_matrices=False)
        self._axes = axes[:num_components].T.contiguous()
        self.hash = hash_of([self._mean.float(), self._axes.float()])
        self.name = f"{self._axes.shape[1]} principal components of {len(images)} training images' pixels"

    def _embed(self, images: Images) -> Vectors:
        mean, axes = self._mean.to(images.device), self._axes.to(images.device)
        return ((images.flatten(1).double() - mean) @ axes).to(images.dtype)


def _orthogonal(outputs: int, inputs: int, generator: torch.Generator) -> Tensor:
    """A 3 x 3 kernel with orthogonal rows or columns, with the gain that a leaky rectifier takes away."""
    rows, columns = outputs, inputs * 9
    tall = torch.randn(max(rows, columns), min(rows, columns), generator=generator, dtype=torch.float64)
    q, r = torch.linalg.qr(tall)
    q = q * r.diagonal().sign()  # makes the decomposition unique
    matrix = q if rows > columns else q.T
    gain = (2 / (1 + 0.2**2)) ** 0.5
    return (matrix * gain).reshape(outputs, inputs, 3, 3)


def _on_grid(kernel: Tensor) -> Tensor:
    """Rounded to multiples of 2^-16, where the last bits of two linear algebra libraries agree."""
    return (kernel * 2.0**16).round().float() / 2.0**16


def hash_of(tensors: Sequence[Tensor]) -> str:
    """First 12 hexadecimal digits of the SHA-256 of the tensors' bytes."""
    digest = hashlib.sha256()
    for tensor in tensors:
        digest.update(tensor.cpu().numpy().tobytes())
    return digest.hexdigest()[:12]
