"""Explicit models: variational autoencoders, a paper each."""

from latentia.recipes.vae.bounds import beta, importance
from latentia.recipes.vae.ladder import ladder
from latentia.recipes.vae.likelihoods import gaussian, logistic, sigma
from latentia.recipes.vae.linear import linear

__all__ = ["beta", "gaussian", "importance", "ladder", "linear", "logistic", "sigma"]
