"""Hybrids: models with an encoder and a critic, a paper each."""

from latentia.recipes.hybrid.adversarial import adversarial, bigan, vae_gan
from latentia.recipes.hybrid.latent import autoencoder_kl, vqgan

__all__ = ["adversarial", "autoencoder_kl", "bigan", "vae_gan", "vqgan"]
