"""A critic of patches: a score for every place of an image."""

from jaxtyping import Float
from torch import Tensor, nn

from latentia._types import Images
from latentia.networks.weights import spectral

Scores = Float[Tensor, "batch rows columns"]
MOST_LEVELS = 3


class PatchCritic(nn.Module):
    """Images to scores of overlapping patches, 38 px wide with three halvings (images of 16 px and more).

    It judges texture and edges, and leaves the whole image to the reconstruction. Its weights are spectrally
    normalised, so that each image is scored by itself.

    Args:
        image_shape: (channels, height, width).
        width: Channels after the first halving; each further one has twice as many.

    Raises:
        ValueError: If a side is shorter than 4 pixels.

    Source:
        Isola et al. 2017 (arXiv:1611.07004), section 3.2.2 and appendix 6.1.2; the norm: Miyato et al. 2018
        (arXiv:1802.05957). Differs in the norm, and in that one layer follows the halvings instead of two,
        for smaller images than the source's 256 px.
    """

    def __init__(self, image_shape: tuple[int, int, int], *, width: int) -> None:
        super().__init__()
        channels, *sides = image_shape
        halvings = min(MOST_LEVELS, min(sides).bit_length() - 2)  # down to 2 x 2 places at least
        if halvings < 1:
            raise ValueError(
                f"A critic of patches needs images of 4 x 4 px or more, got {sides[0]} x {sides[1]}. Choose "
                f"a larger `--size`."
            )
        self.levels = nn.ModuleList()
        for level in range(halvings):
            outputs = width * 2**level
            self.levels.append(nn.Sequential(_convolution(channels, outputs, 4, stride=2), nn.LeakyReLU(0.2)))
            channels = outputs
        self.score = _convolution(channels, 1, 3)

    def forward(self, images: Images) -> Scores:
        return self.scores_of(self.features(images))

    def features(self, images: Images) -> tuple[Tensor, ...]:
        """The activations of every level, shallow first."""
        found = [images]
        for level in self.levels:
            found.append(level(found[-1]))
        return tuple(found[1:])

    def scores_of(self, features: tuple[Tensor, ...]) -> Scores:
        """The scores of images with these features."""
        scores: Tensor = self.score(features[-1])
        return scores.squeeze(1)


def _convolution(inputs: int, outputs: int, kernel: int, *, stride: int = 1) -> nn.Conv2d:
    return spectral(nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=1))
