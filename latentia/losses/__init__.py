"""Losses: rates and bounds of explicit models, games of implicit ones."""

from latentia.losses.aggregate import decomposed_rate, discrepancy
from latentia.losses.evidence import importance_weighted_bound, log_importance_weights
from latentia.losses.games import (
    GAMES,
    HINGE,
    LEAST_SQUARES,
    MINIMAX,
    NON_SATURATING,
    RELATIVISTIC,
    RELATIVISTIC_AVERAGE,
    WASSERSTEIN,
    Game,
)
from latentia.losses.matching import feature_matching, mode_seeking
from latentia.losses.penalties import Method, Penalty, dragan, gradient_penalty, r1, r2, squared_slope
from latentia.losses.perceptual import perceptual_distance
from latentia.losses.rates import draw_with_rate, held_rate, normal_rates

__all__ = [
    "GAMES",
    "HINGE",
    "LEAST_SQUARES",
    "MINIMAX",
    "NON_SATURATING",
    "RELATIVISTIC",
    "RELATIVISTIC_AVERAGE",
    "WASSERSTEIN",
    "Game",
    "Method",
    "Penalty",
    "decomposed_rate",
    "discrepancy",
    "dragan",
    "draw_with_rate",
    "feature_matching",
    "gradient_penalty",
    "held_rate",
    "importance_weighted_bound",
    "log_importance_weights",
    "mode_seeking",
    "normal_rates",
    "perceptual_distance",
    "r1",
    "r2",
    "squared_slope",
]
