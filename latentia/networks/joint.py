"""A critic of images together with latents."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from latentia._types import Images, Latents, PerImage
from latentia.networks.conditions import Score
from latentia.networks.mlp import MLPEncoder


class JointCritic(nn.Module):
    """Images and latents to scores: features of both, and fully connected layers on them together.

    Args:
        images: Network from images to features.
        num_features: How many.
        num_latents: Length of a latent vector.
        width: Features of latents, and units in each of the two hidden layers on all features.

    Source:
        Dumoulin et al. 2017 (arXiv:1606.00704); differs in the number of layers and in having
        neither maxout nor dropout.
    """

    def __init__(self, images: nn.Module, *, num_features: int, num_latents: int, width: int) -> None:
        super().__init__()
        self.images = images
        self.latents = MLPEncoder((num_latents, 1, 1), width=width, depth=1)
        self.both = MLPEncoder((num_features + width, 1, 1), width=width, depth=2)
        self.score = Score(width)

    def forward(self, images: Images, latents: Latents) -> PerImage:
        scores: Tensor = self.score(self.features(images, latents)[-1])
        return scores

    def features(self, images: Images, latents: Latents) -> tuple[Float[Tensor, "batch _"], ...]:
        """Features of the images alone, and of images and latents together."""
        alone: Tensor = self.images(images)
        beside = self.latents(latents[:, :, None, None])
        return alone, self.both(torch.cat([alone, beside], 1)[:, :, None, None])
