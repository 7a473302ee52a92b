"""Classes, told to a generator beside its latents, and to a critic by projection."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from latentia._types import Given, Latents, PerImage


class ClassVectors(nn.Embedding):
    """A learned vector for each class.

    Args:
        num_classes: How many classes.
        size: Length of a vector.
        std: Deviation of the vectors at the start.
        mean: Their mean.
    """

    def __init__(self, num_classes: int, size: int, *, std: float = 1.0, mean: float = 0.0) -> None:
        super().__init__(num_classes, size)
        nn.init.normal_(self.weight, mean, std)

    def forward(self, given: Given | None) -> Float[Tensor, "batch size"]:
        """The vectors of some classes.

        Raises:
            ValueError: If no classes are given, or something else.
        """
        if given is None or given.dim() != 1:
            got = "nothing" if given is None else f"numbers of shape {tuple(given.shape)}"
            raise ValueError(
                f"A network of {self.num_embeddings} classes has to be given the class of every image, and "
                f"got {got}. Hand in `given`: whole numbers from 0 to {self.num_embeddings - 1}."
            )
        vectors: Tensor = super().forward(given)
        return vectors


class ClassedLatents(nn.Module):
    """Latents, and beside them a vector of the class; without classes the latents alone.

    Args:
        num_latents: Length of a latent vector, and of that of a class.
        num_classes: How many classes; 0 for none.

    Attributes:
        num_outputs: Length of what comes out.
    """

    def __init__(self, num_latents: int, num_classes: int) -> None:
        super().__init__()
        self.vectors = ClassVectors(num_classes, num_latents) if num_classes else None
        self.num_outputs = num_latents * (2 if num_classes else 1)

    def forward(self, latents: Latents, given: Given | None = None) -> Float[Tensor, "batch outputs"]:
        return latents if self.vectors is None else torch.cat([latents, self.vectors(given)], 1)


class Score(nn.Linear):
    """A critic's last layer: features to a score, and how well they fit their class.

        score = w . f + b + v_y . f

    Args:
        num_features: Length of the features f.
        num_classes: How many classes y; 0 for none, and no last term.

    Source:
        Miyato & Koyama 2018 (arXiv:1802.05637), eq. 3.
    """

    def __init__(self, num_features: int, num_classes: int = 0) -> None:
        super().__init__(num_features, 1)
        std = num_features**-0.5
        self.classes = ClassVectors(num_classes, num_features, std=std) if num_classes else None

    def forward(self, features: Float[Tensor, "batch features"], given: Given | None = None) -> PerImage:
        scores = super().forward(features).squeeze(1)
        if self.classes is not None:
            scores = scores + (self.classes(given) * features).sum(1)  # eq. 3
        return scores
