"""Losses: rates and bounds of explicit models, games of implicit ones."""

from latentia.losses.aggregate import decomposed_rate, discrepancy
from latentia.losses.evidence import importance_weighted_bound, log_importance_weights
from latentia.losses.games import GAMES, MINIMAX, NON_SATURATING, Game
from latentia.losses.rates import draw_with_rate, held_rate, normal_rates

__all__ = [
    "GAMES",
    "MINIMAX",
    "NON_SATURATING",
    "Game",
    "decomposed_rate",
    "discrepancy",
    "draw_with_rate",
    "held_rate",
    "importance_weighted_bound",
    "log_importance_weights",
    "normal_rates",
]
