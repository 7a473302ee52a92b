"""Explicit models: variational autoencoders, a paper each."""

from latentia.recipes.vae.aggregates import info, tc
from latentia.recipes.vae.bounds import beta, importance
from latentia.recipes.vae.conditional import conditional
from latentia.recipes.vae.ladder import ladder
from latentia.recipes.vae.likelihoods import gaussian, logistic, sigma
from latentia.recipes.vae.linear import linear
from latentia.recipes.vae.posteriors import iaf
from latentia.recipes.vae.priors import flow, mixture, vamp
from latentia.recipes.vae.quantised import vq
from latentia.recipes.vae.restoring import restore

__all__ = [
    "beta",
    "conditional",
    "flow",
    "gaussian",
    "iaf",
    "importance",
    "info",
    "ladder",
    "linear",
    "logistic",
    "mixture",
    "restore",
    "sigma",
    "tc",
    "vamp",
    "vq",
]
