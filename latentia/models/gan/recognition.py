"""Recognition: what of an image's making can be read off it again, from the critic's features.

The critic learns to read it, beside the game, and the generator to make images from which it can be read.
"""

import math
from abc import ABC, abstractmethod
from typing import ClassVar

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from latentia._types import Given, Latents, PerImage
from latentia.distributions import Codes, Normal, soft_bound

Features = Float[Tensor, "batch features"]


class Recognition(nn.Module, ABC):
    """A head on the critic's deepest features.

    Attributes:
        of_real: Whether the critic learns from real images, which say what is to be read off them.
        of_generated: Whether it learns from generated ones.
    """

    of_real: ClassVar[bool]
    of_generated: bool = True

    @abstractmethod
    def forward(self, features: Features, latents: Latents | None, given: Given | None) -> PerImage:
        """How badly it reads: minus the log-probability of what an image was made from, nats an image.

        Args:
            features: The critic's deepest ones, flat.
            latents: What generated images were made from; None for real ones.
            given: Classes, in a conditional model.
        """


class ClassRecognition(Recognition):
    """Which class is it? The auxiliary classifier.

    Args:
        num_features: Length of the critic's deepest features.
        num_classes: How many classes.
        of_generated: Whether the critic learns from generated images too, as in the source. Then whatever
            the generator makes of a class becomes an example of it, a nine made for a four included.

    Source:
        Odena et al. 2017 (arXiv:1610.09585), eq. 2.
    """

    of_real: ClassVar[bool] = True

    def __init__(self, num_features: int, num_classes: int, *, of_generated: bool = True) -> None:
        super().__init__()
        self.of_generated = of_generated
        self.logits = nn.Linear(num_features, num_classes)

    def forward(self, features: Features, latents: Latents | None, given: Given | None) -> PerImage:
        assert given is not None  # the model has seen to it
        return functional.cross_entropy(self.logits(features), given, reduction="none")


class CodeRecognition(Recognition):
    """Which codes is it made from? Its loss is H(c) less a lower bound on their information in the image.

        I(c; G(z, c)) >= H(c) + E[log q(c | G(z, c))]

    Args:
        num_features: Length of the critic's deepest features.
        codes: How latent vectors are divided.

    Source:
        Chen et al. 2016 (arXiv:1606.03657), eq. 5. Differs in that q reads the images that the critic steps
        on, and stands still while the generator steps.
    """

    of_real: ClassVar[bool] = False

    def __init__(self, num_features: int, codes: Codes) -> None:
        super().__init__()
        self.codes = codes
        self.logits = nn.Linear(num_features, sum(codes.categories)) if codes.categories else None
        self.numbers = nn.Linear(num_features, 2 * codes.num_continuous) if codes.num_continuous else None

    def forward(self, features: Features, latents: Latents | None, given: Given | None) -> PerImage:
        assert latents is not None  # it is not asked of real images
        _, categories, numbers = self.codes.split(latents)
        loss = features.new_zeros(len(features))
        if self.logits is not None:
            parts = self.logits(features).split(self.codes.categories, dim=1)
            for logits, one_hot in zip(parts, categories, strict=True):
                loss = loss + functional.cross_entropy(logits, one_hot, reduction="none")
        if self.numbers is not None:
            mean, log_std = self.numbers(features).chunk(2, dim=1)
            # No surer than to a tenth: a density without a bound would outweigh the game.
            loss = loss - Normal(mean, soft_bound(log_std, math.log(0.1), 1.0)).log_prob(numbers)
        return loss
