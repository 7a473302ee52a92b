"""Models: few, final classes. A paper is a recipe, not a model of its own."""

from latentia.models.ae.autoencoder import Autoencoder
from latentia.models.gan.adversarial import AdversarialNetwork
from latentia.models.vae.ladder import LadderVariationalAutoencoder
from latentia.models.vae.linear import LinearVariationalAutoencoder
from latentia.models.vae.quantised import QuantisedAutoencoder
from latentia.models.vae.variational import VariationalAutoencoder

__all__ = [
    "AdversarialNetwork",
    "Autoencoder",
    "LadderVariationalAutoencoder",
    "LinearVariationalAutoencoder",
    "QuantisedAutoencoder",
    "VariationalAutoencoder",
]
