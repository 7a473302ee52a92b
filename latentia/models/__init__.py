"""Models: few, final classes. A paper is a recipe, not a model of its own."""

from latentia.models.gan.adversarial import AdversarialNetwork
from latentia.models.vae.ladder import LadderVariationalAutoencoder
from latentia.models.vae.linear import LinearVariationalAutoencoder
from latentia.models.vae.variational import VariationalAutoencoder

__all__ = [
    "AdversarialNetwork",
    "LadderVariationalAutoencoder",
    "LinearVariationalAutoencoder",
    "VariationalAutoencoder",
]
