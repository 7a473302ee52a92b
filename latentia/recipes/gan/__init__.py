"""Implicit models: adversarial networks, a paper each."""

from latentia.recipes.gan.automatic import auto
from latentia.recipes.gan.classes import auxiliary, conditional
from latentia.recipes.gan.codes import info
from latentia.recipes.gan.convolutional import dcgan, least_squares, minimax
from latentia.recipes.gan.growing import progressive
from latentia.recipes.gan.relativistic import r3
from latentia.recipes.gan.restoring import restore
from latentia.recipes.gan.spectral import hinge, sngan
from latentia.recipes.gan.wasserstein import wasserstein, wgan_gp

__all__ = [
    "auto",
    "auxiliary",
    "conditional",
    "dcgan",
    "hinge",
    "info",
    "least_squares",
    "minimax",
    "progressive",
    "r3",
    "restore",
    "sngan",
    "wasserstein",
    "wgan_gp",
]
