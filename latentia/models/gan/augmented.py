"""What a critic is shown instead of the images: images augmented, with a probability that adapts."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from latentia._types import Images, PerImage
from latentia.data.augmentation import Augmentation
from latentia.networks import Remembers
from latentia.protocols import Turn


class AugmentedView(nn.Module, Remembers):
    """Augments what a critic sees, the more often the surer it is of the training images.

        p <- p + sign(r - target) images / speed,   r the mean of sign(score of a real image)

    Args:
        augmentation: The changes.
        probability: p, that each of them is made, at the start; 0 to `cap`.
        target: r that is aimed at; None keeps p as it is.
        cap: Largest p. Above 0.8 or so a generator begins to make augmented images.
        speed: Images over which p may go from 0 to 1.

    Raises:
        ValueError: If p does not lie between 0 and the cap, or the cap above 1.

    Source:
        Karras et al. 2020 (arXiv:2006.06676), section 3.1 and eq. 1. Differs in that r is averaged over the
        last thousand images or so, and in the augmentation.
    """

    MEMORY: ClassVar[int] = 1_000
    """Images that r is averaged over."""

    probability: Tensor
    certainty: Tensor
    images_seen: Tensor

    def __init__(
        self,
        augmentation: Augmentation,
        *,
        probability: float = 0.0,
        target: float | None = 0.6,
        cap: float = 0.8,
        speed: int = 500_000,
    ) -> None:
        super().__init__()
        if not 0 <= probability <= cap <= 1:
            raise ValueError(
                f"The probability of augmentation is {probability} and its cap {cap}; they have to be from 0 "
                f"to 1, and the cap the larger one."
            )
        self.augmentation = augmentation
        self.target = target
        self.cap = cap
        self.speed = speed
        self.register_buffer("probability", torch.tensor(probability))
        self.register_buffer("certainty", torch.tensor(0.0))
        self.register_buffer("images_seen", torch.tensor(0))
        self._latest: tuple[Tensor, int] | None = None

    def forward(self, images: Images, turn: Turn) -> Images:
        """The images, augmented by noise of the turn."""
        uniform = turn.uniform(self.augmentation.num_numbers)
        return self.augmentation(images, uniform, self.probability)

    def note(self, margins: PerImage, turn: Turn) -> None:
        """Notes how sure the critic is of real images, to be folded in once a turn.

        Args:
            margins: By how much a real image's score is above what an undecided critic says.
            turn: The turn.
        """
        if self.target is not None:
            self._latest = (turn.mean(margins.sign()), turn.images_seen)

    def fold(self) -> None:
        """Moves the probability by what was noted, for the images since it last was."""
        if self._latest is None or self.target is None:
            return
        certainty, images_seen = self._latest
        images = images_seen - int(self.images_seen)
        self.images_seen.fill_(images_seen)
        self.certainty.lerp_(certainty, min(1.0, images / self.MEMORY))
        change = (self.certainty - self.target).sign() * images / self.speed
        self.probability.add_(change).clamp_(0, self.cap)
        self._latest = None
