"""Losses: rates and bounds of explicit models, games of implicit ones."""

from latentia.losses.evidence import evidence_terms, importance_weighted_bound, log_importance_weights
from latentia.losses.games import GAMES, MINIMAX, NON_SATURATING, Game
from latentia.losses.rates import normal_rate, rate

__all__ = [
    "GAMES",
    "MINIMAX",
    "NON_SATURATING",
    "Game",
    "evidence_terms",
    "importance_weighted_bound",
    "log_importance_weights",
    "normal_rate",
    "rate",
]
