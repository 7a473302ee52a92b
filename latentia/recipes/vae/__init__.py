"""Explicit models: variational autoencoders, a paper each."""

from latentia.recipes.vae.aggregates import info, tc
from latentia.recipes.vae.bounds import beta, importance
from latentia.recipes.vae.ladder import ladder
from latentia.recipes.vae.likelihoods import gaussian, logistic, sigma
from latentia.recipes.vae.linear import linear

__all__ = ["beta", "gaussian", "importance", "info", "ladder", "linear", "logistic", "sigma", "tc"]
