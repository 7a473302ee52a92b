"""Runs as they lie in their folders: opened, with the weights that one asks for."""

from pathlib import Path
from typing import Literal

import torch

from latentia.protocols import GenerativeModel
from latentia.recipes import world
from latentia.recipes.register import bind, find
from latentia.training import Plan, Run, RunFolder, checkpoint
from latentia.training.best import Best, load_best
from latentia.training.device import choose_device
from latentia.training.folder import AVERAGED, Description

Weights = Literal["auto", "best", "last", "raw"]
CUSTOM = "custom"


def open_run(
    path: str | Path,
    *,
    device: str = "cpu",
    model: GenerativeModel | None = None,
    weights: Weights = "auto",
) -> Run:
    """A run as it stands: its description, and its model with averaged weights.

    Args:
        path: The run's folder.
        device: Where the model goes.
        model: The model, where the run was started on one's own.
        weights: `best` for the best averaged weights, where they were kept; `last` for those at the end;
            `raw` for what the last step left; `auto` for the best where they were kept, else the last.

    Returns:
        The run; its model is in evaluation mode, and its `weights` say which it has.

    Raises:
        ValueError: If there is no such run, or it cannot be read, or it has kept no best weights.
    """
    folder = RunFolder(Path(path))
    description = folder.read()
    where = checkpoint.position(folder.path)
    own = plan_of(description, model).model
    words = load_weights(own, folder.path, weights)
    own.to(choose_device(device)).requires_grad_(False).eval()
    seen, seconds = int(where["images_seen"]), where["seconds"]
    return Run(folder.path, description, own, seen, seconds, weights=words)


def load(
    run: str | Path | Run,
    *,
    device: str = "cpu",
    model: GenerativeModel | None = None,
    weights: Weights = "auto",
) -> GenerativeModel:
    """The model of a run, with averaged weights, in evaluation mode.

    Args:
        run: The run, or its folder.
        device: Where the model goes.
        model: The model, where the run was started on one's own.
        weights: As of `open_run`.

    Raises:
        ValueError: If there is no such run, or it cannot be read, or it has kept no best weights.
    """
    path = run.path if isinstance(run, Run) else run
    return open_run(path, device=device, model=model, weights=weights).model


def untrained(run: Run, *, seed: int | None = None, device: str = "cpu") -> GenerativeModel:
    """A run's model as it was before its first step: what training has to beat.

    Args:
        run: As `open_run` gives it.
        seed: Of the weights; the run's own without it.
        device: Where the model goes.

    Returns:
        The model, in evaluation mode. It has as much of its networks at work as the run's has now.

    Raises:
        ValueError: If the run was started on one's own model.
    """
    with torch.random.fork_rng(devices=[]):  # modules draw their weights from the global generator
        torch.manual_seed(run.seed if seed is None else seed)
        model = plan_of(run.description).model
    counters = {name: value for name, value in run.model.named_buffers() if not value.is_floating_point()}
    for name, value in model.named_buffers():
        if name in counters:  # how far networks that grow have grown
            value.copy_(counters[name])
    return model.to(choose_device(device)).eval()


def plan_of(description: Description, model: GenerativeModel | Plan | None = None) -> Plan:
    """The plan that a run was started with, its model freshly initialised.

    Raises:
        ValueError: If the run was started on one's own model and that is not given.
    """
    if isinstance(model, Plan):
        return model
    if model is not None:
        return Plan(model)
    if description.recipe == CUSTOM:
        raise ValueError(
            "This run was started on a model of your own, which its folder does not hold. Build the model "
            "as it was built then, and hand it over from Python: latentia.load(run, model=model)."
        )
    if description.recipe == world.NAME:
        return world.plan_of_world(description)
    arguments = bind(description.recipe, dict(description.arguments))
    return find(description.recipe)(description.facts, **arguments)


def load_weights(model: GenerativeModel, folder: Path, weights: Weights) -> str:
    """Puts weights of a run into a model, and says in words which.

    Raises:
        ValueError: If the best are asked for and there are none, or they do not fit the model.
    """
    best = Best.read(folder)
    if weights == "best" and best is None:
        raise ValueError(
            f"{folder} has kept no best weights: it was not trained with --keep-best, or has not come to its "
            f"first look. Take those at its end, with weights='last', or train anew with --keep-best."
        )
    if best is not None and weights in ("auto", "best"):
        load_best(model, folder)
        return f"{AVERAGED}, {best}"
    checkpoint.load_weights(model, folder, averaged=weights != "raw")
    return "of the last step" if weights == "raw" else AVERAGED
