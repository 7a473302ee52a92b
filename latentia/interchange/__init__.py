"""Interchange: models for other libraries, and theirs for us."""

from latentia.interchange.diffusers import export_autoencoder, import_autoencoder

__all__ = ["export_autoencoder", "import_autoencoder"]
