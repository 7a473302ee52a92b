"""Before a run: what was asked for has to make sense, and its plan has to fit the data."""

import sys
from pathlib import Path
from typing import Any

import torch
from torch import nn

from latentia.data import ImageStore
from latentia.metrics.watching import FEWEST_REAL
from latentia.protocols import GenerativeModel
from latentia.recipes.register import find
from latentia.training import Plan
from latentia.training.device import describe_device
from latentia.training.folder import Description
from latentia.training.processes import Processes


def check_limits(images: int | None, minutes: float | None, patience: float | None = None) -> None:
    """Refuses limits that contradict each other, or that end a run before it starts.

    Raises:
        ValueError: Says which.
    """
    if images is not None and minutes is not None:
        raise ValueError(f"Got --images {images} and --minutes {minutes}. Give one of the two.")
    if images is not None and images < 1:
        raise ValueError(f"images is {images}; it has to be 1 or more.")
    if minutes is not None and not minutes > 0:
        raise ValueError(f"minutes is {minutes}; it has to be greater than 0.")
    if patience is not None and not 0 < patience <= 1:
        raise ValueError(
            f"patience is {patience}; it is a part of the run, above 0 and at most 1. With 0.2, a run of "
            f"100,000 images ends once nothing better was found over 20,000; without it, at its end."
        )


def check_validation(store: ImageStore) -> None:
    """Refuses to choose weights by too few images.

    Raises:
        ValueError: Says how many there have to be.
    """
    held_out = store.facts.num_validation
    if held_out < FEWEST_REAL:
        raise ValueError(
            f"The best weights are chosen by validation images: there have to be {FEWEST_REAL} or more, and "
            f"{store.facts.name} has {held_out}. Give more images, or leave --keep-best and --patience out."
        )


def check_division(plan: Plan, processes: Processes, micro_batches: int) -> None:
    """Refuses batches that do not divide evenly.

    Raises:
        ValueError: Says which batch size would.
    """
    if micro_batches < 1 or plan.batch_size % (processes.size * micro_batches):
        raise ValueError(
            f"A batch of {plan.batch_size} images cannot be divided evenly over {processes.size} processes "
            f"and {micro_batches} micro-batches. Choose a --batch-size that is a multiple of "
            f"{processes.size * max(1, micro_batches)}."
        )


def seeded_plan(
    recipe: str | nn.Module | Plan, arguments: dict[str, Any], store: ImageStore, seed: int
) -> Plan:
    """The plan of a recipe, or around one's own model; what a recipe initialises is set by the seed.

    Raises:
        ValueError: If it cannot be trained, or does not fit the data.
    """
    if isinstance(recipe, Plan):
        plan = recipe
    elif isinstance(recipe, GenerativeModel):
        plan = Plan(recipe)
    elif isinstance(recipe, str):
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            plan = find(recipe)(store.facts, **arguments)
    else:
        raise ValueError(
            f"Got a {type(recipe).__name__} to train. Give the name of a recipe (`latentia recipes`), or a "
            f"module that is a latentia.protocols.GenerativeModel: it needs `sample` and `objectives`."
        )
    if not isinstance(recipe, str) and arguments:
        raise ValueError(
            f"A model of your own takes no recipe arguments, but got {', '.join(arguments)}. Settings of "
            f"its training go into a latentia.training.Plan(model, ...)."
        )
    if plan.model.image_shape != store.facts.image_shape:
        raise ValueError(
            f"The model makes images of {plan.model.image_shape} (channels, height, width), and the data has "
            f"{store.facts.image_shape}. Choose --size and --channels so that they agree."
        )
    return plan


def free_folder(name: str) -> Path:
    """The first of `runs/NAME-1`, `runs/NAME-2` and so on that is not there yet."""
    taken = 1
    while Path("runs", f"{name}-{taken}").exists():
        taken += 1
    return Path("runs", f"{name}-{taken}")


def announce(plan: Plan, store: ImageStore, device: torch.device, description: Description) -> None:
    """Says what will be trained, on what, where, and for how long."""
    facts = store.facts
    weights = sum(p.numel() for p in plan.model.parameters())
    if description.chosen_by:
        why = "\n".join(f"  {reason}" for reason in description.reasons)
        print(f"{description.chosen_by} chose {description.recipe}:\n{why}", file=sys.stderr)
    print(
        f"{description.recipe} on {facts.name}: {facts.num_train:,} images of {facts.width} x {facts.height} "
        f"px, {facts.channels} channel{'s' if facts.channels > 1 else ''}, {facts.levels} levels; "
        f"{weights:,} parameters; {describe_device(device)}; about {description.horizon:,} images to see.",
        file=sys.stderr,
    )
