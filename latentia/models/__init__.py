"""Models: few, final classes. A paper is a recipe, not a model of its own."""

from latentia.models.ae.autoencoder import Autoencoder
from latentia.models.gan.adversarial import AdversarialNetwork
from latentia.models.hybrid.adversarial_autoencoder import AdversarialAutoencoder
from latentia.models.hybrid.bidirectional import BidirectionalNetwork
from latentia.models.hybrid.image_autoencoder import ImageAutoencoder
from latentia.models.hybrid.vae_gan import VariationalAdversarialNetwork
from latentia.models.restorer import Restorer
from latentia.models.vae.ladder import LadderVariationalAutoencoder
from latentia.models.vae.linear import LinearVariationalAutoencoder
from latentia.models.vae.quantised import QuantisedAutoencoder
from latentia.models.vae.variational import VariationalAutoencoder

__all__ = [
    "AdversarialAutoencoder",
    "AdversarialNetwork",
    "Autoencoder",
    "BidirectionalNetwork",
    "ImageAutoencoder",
    "LadderVariationalAutoencoder",
    "LinearVariationalAutoencoder",
    "QuantisedAutoencoder",
    "Restorer",
    "VariationalAdversarialNetwork",
    "VariationalAutoencoder",
]
