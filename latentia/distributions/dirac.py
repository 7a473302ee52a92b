"""Points: what an implicit model decodes latents into."""

from dataclasses import dataclass, field

from torch import Tensor

from latentia.distributions.distribution import Distribution


@dataclass(frozen=True, slots=True)
class Dirac(Distribution):
    """All mass on one image. It has no density, hence no `log_prob`.

    Attributes:
        mean: The image, of shape (batch, channels, height, width).
    """

    mean: Tensor = field()  # takes the place of the property, which would be read as a default

    @property
    def noise_shape(self) -> tuple[int, ...]:
        """A point takes no noise; one number is asked for so that every distribution takes some."""
        return (1,)

    def draw(self, noise: Tensor) -> Tensor:
        return self.mean
