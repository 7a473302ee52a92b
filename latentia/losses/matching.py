"""What a generator may be asked for beside the game: usual features, and images that differ."""

from jaxtyping import Float
from torch import Tensor

from latentia._types import Images, Latents, PerImage

Features = Float[Tensor, "batch features"]
Mean = Float[Tensor, "features"]


def feature_matching(features: Features, mean_of_generated: Mean, mean_of_real: Mean) -> PerImage:
    """The squared distance between the mean features of generated and of real images.

        |m_g - m_r|^2

    As one number an image, (m_g - m_r) . (2 f - m_g - m_r), which has this mean and, with both means taken as
    they are over the global batch, its gradient.

    Args:
        features: f, of the generated images.
        mean_of_generated: m_g, over the global batch, without gradient.
        mean_of_real: m_r, likewise.

    Source:
        Salimans et al. 2016 (arXiv:1606.03498), section 3.1.
    """
    apart = mean_of_generated - mean_of_real
    return (2 * features - mean_of_generated - mean_of_real) @ apart


def mode_seeking(images: Images, others: Images, latents: Latents, other_latents: Latents) -> PerImage:
    """How little an image changes with its latents: the inverse of the ratio of both changes.

        1 / (d(x, x') / d(z, z') + 1e-5),   d the mean absolute difference

    Args:
        images: Generated from `latents`.
        others: Generated from `other_latents`, of the same class where there are classes.
        latents: One vector an image.
        other_latents: Another vector an image.

    Source:
        Mao et al. 2019 (arXiv:1903.05628), as the inverse that the authors' programme descends; differs in
        that the ratio is of a pair rather than of a batch.
    """
    change = (images - others).abs().flatten(1).mean(1)
    distance = (latents - other_latents).abs().mean(1)
    return 1 / (change / distance.clamp(min=1e-8) + 1e-5)
