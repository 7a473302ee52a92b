"""Latentia learns the distribution of a set of images and puts it to work.

    import latentia

    run = latentia.train("vae.gaussian", "photos/", out="runs/photos", minutes=10)
    latentia.grid(run.model.sample(64))

The names below are imported when they are first used, so that `import latentia` costs nothing.

>>> import latentia
>>> latentia.__version__
'0.1.0'
>>> latentia.grid is latentia.data.pictures.grid
True
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # what type checkers and editors see; the table below says the same to Python
    from latentia import data, recipes
    from latentia.data import Preparation, prepare
    from latentia.data.pictures import grid
    from latentia.recipes import load, open_run, resume, train
    from latentia.report.runs import compare_runs as compare
    from latentia.report.runs import evaluate_run as evaluate
    from latentia.report.unusual import detect
    from latentia.tasks import (
        anomaly_scores,
        arithmetic,
        attribute_directions,
        augment,
        compress,
        decompress,
        directions,
        edit,
        example_direction,
        interpolate,
        interpolate_draws,
        invert,
        manifold,
        principal_directions,
        reconstruct,
        restore,
        sample_truncated,
        transfer,
        traverse,
    )

__version__ = "0.1.0"

__all__ = [
    "Preparation",
    "anomaly_scores",
    "arithmetic",
    "attribute_directions",
    "augment",
    "compare",
    "compress",
    "data",
    "decompress",
    "detect",
    "directions",
    "edit",
    "evaluate",
    "example_direction",
    "grid",
    "interpolate",
    "interpolate_draws",
    "invert",
    "load",
    "manifold",
    "open_run",
    "prepare",
    "principal_directions",
    "recipes",
    "reconstruct",
    "restore",
    "resume",
    "sample_truncated",
    "train",
    "transfer",
    "traverse",
]

_HOMES = {
    "Preparation": "latentia.data:Preparation",
    "anomaly_scores": "latentia.tasks:anomaly_scores",
    "arithmetic": "latentia.tasks:arithmetic",
    "attribute_directions": "latentia.tasks:attribute_directions",
    "augment": "latentia.tasks:augment",
    "compare": "latentia.report.runs:compare_runs",
    "compress": "latentia.tasks:compress",
    "decompress": "latentia.tasks:decompress",
    "detect": "latentia.report.unusual:detect",
    "directions": "latentia.tasks:directions",
    "edit": "latentia.tasks:edit",
    "evaluate": "latentia.report.runs:evaluate_run",
    "example_direction": "latentia.tasks:example_direction",
    "grid": "latentia.data.pictures:grid",
    "interpolate": "latentia.tasks:interpolate",
    "interpolate_draws": "latentia.tasks:interpolate_draws",
    "invert": "latentia.tasks:invert",
    "load": "latentia.recipes:load",
    "manifold": "latentia.tasks:manifold",
    "open_run": "latentia.recipes:open_run",
    "prepare": "latentia.data:prepare",
    "principal_directions": "latentia.tasks:principal_directions",
    "reconstruct": "latentia.tasks:reconstruct",
    "restore": "latentia.tasks:restore",
    "resume": "latentia.recipes:resume",
    "sample_truncated": "latentia.tasks:sample_truncated",
    "train": "latentia.recipes:train",
    "transfer": "latentia.tasks:transfer",
    "traverse": "latentia.tasks:traverse",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        module, attribute = _HOMES[name].split(":")
        return getattr(import_module(module), attribute)
    if name in __all__:  # a room that is a name of its own: latentia.recipes
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module 'latentia' has no attribute {name!r}. It has: {', '.join(__all__)}.")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
