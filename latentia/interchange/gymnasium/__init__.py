"""Gymnasium: environments recorded as frames, and worlds handed back as environments that dream."""

import gymnasium

from latentia.interchange.gymnasium.dreams import DreamEnv, DreamVectorEnv, RealEnv
from latentia.interchange.gymnasium.frames import Frames, Policy, record, setting_for

__all__ = [
    "DREAM",
    "DreamEnv",
    "DreamVectorEnv",
    "Frames",
    "Policy",
    "RealEnv",
    "record",
    "register",
    "setting_for",
]

DREAM = "latentia/Dream-v0"


def register() -> None:
    """Makes `gymnasium.make("latentia/Dream-v0", run=...)` and `make_vec` known; it may be called again."""
    if DREAM not in gymnasium.registry:
        gymnasium.register(
            DREAM, entry_point=f"{__name__}:DreamEnv", vector_entry_point=f"{__name__}:DreamVectorEnv"
        )


register()
