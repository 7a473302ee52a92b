"""Tasks: what a trained model is put to. Each asks for the capabilities that it needs, never for a kind."""

from latentia.tasks.look import interpolate, interpolate_images, reconstruct

__all__ = ["interpolate", "interpolate_images", "reconstruct"]
