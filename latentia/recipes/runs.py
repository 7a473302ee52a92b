"""Runs: start one, go on with one, load one."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from latentia.data import NAMES, ImageStore, Order, Preparation, prepare
from latentia.metrics.watching import make_judge
from latentia.protocols import GenerativeModel
from latentia.recipes.preflight import announce, check_division, check_limits, free_folder, seeded_plan
from latentia.recipes.register import bind, find, told
from latentia.training import Limits, Plan, Run, RunFolder, State, TrainingStopped, checkpoint, train_in
from latentia.training.card import write_card
from latentia.training.device import choose_device, describe_device
from latentia.training.folder import Description, versions
from latentia.training.loop import Feed
from latentia.training.processes import Processes
from latentia.training.profile import images_within

CUSTOM = "custom"
DEFAULT_IMAGES = 200_000


def train(
    recipe: str | nn.Module | Plan,
    data: Any,
    *,
    out: str | Path | None = None,
    images: int | None = None,
    minutes: float | None = None,
    seed: int = 0,
    preparation: Preparation | None = None,
    device: str | None = None,
    micro_batches: int = 1,
    show: bool = True,
    **arguments: Any,
) -> Run:
    """Trains a model on images, in a folder that says how.

    Args:
        recipe: Name of a recipe (`latentia recipes` lists them), or a model of your own, or a `Plan`
            that says how to train it.
        data: A folder, an archive, a file, a name (`digits`, `mnist`), an array, or a map-style Dataset.
        out: Folder of the run; `runs/RECIPE-1` and so on without it.
        images: Real images to see in all, counted with repetition; 200,000 if no minutes are given.
        minutes: Minutes to train, instead of a number of images.
        seed: Seed of everything that is random in the run.
        preparation: How the data becomes images.
        device: `cpu`, `cuda`, `mps`; the best there is without it.
        micro_batches: Pieces that each batch is divided into, to save memory.
        show: Whether to print and to draw a progress bar.
        **arguments: The recipe's own arguments.

    Returns:
        The run, with its model in evaluation mode.

    Raises:
        ValueError: If the recipe, an argument, the data or the folder cannot be used: says why and what
            to do.
        TrainingStopped: If a term is no longer finite.

    Example:
        >>> run = train("vae.gaussian", "digits", out="runs/digits", images=128)  # doctest: +SKIP
        >>> run.model.sample(64).shape  # doctest: +SKIP
        torch.Size([64, 1, 8, 8])
    """
    processes = Processes.join()
    preparation = preparation or Preparation()
    check_limits(images, minutes)
    chosen = choose_device(device)
    # Before the data is read, and in every process: what was asked for wrongly is found at once.
    name = recipe if isinstance(recipe, str) else CUSTOM
    path = Path(out) if out is not None else free_folder(name)
    RunFolder.require_free(path)
    if isinstance(recipe, str):
        arguments = bind(recipe, arguments)
    store = _prepared(data, preparation, processes, show=show)
    plan = seeded_plan(recipe, arguments, store, seed)
    check_division(plan, processes, micro_batches)
    if minutes is None:
        images = DEFAULT_IMAGES if images is None else images
        horizon = images
    else:
        split = store.split("train")
        feed = Feed(split, Order(len(split), seed), chosen, Processes())
        horizon = images_within(minutes, plan, feed, device=chosen, seed=seed, micro_batches=micro_batches)
        horizon = int(processes.mean(torch.tensor(float(horizon), device=chosen)))
    state = State.fresh(plan, chosen)
    sentence, paper = told(name) if isinstance(recipe, str) else ("", "")
    description = Description(
        recipe=name,
        arguments=arguments,
        source=str(Path(data).resolve()) if _is_path(data) else store.source,
        preparation=preparation,
        facts=store.facts,
        seed=seed,
        images=images,
        minutes=minutes,
        horizon=horizon,
        micro_batches=micro_batches,
        versions=versions(),
        sentence=sentence,
        paper=paper,
        device=describe_device(chosen),
    )
    if processes.rank == 0:
        RunFolder.create(path, description)
        if show:
            announce(plan, store, chosen, description)
    return _go_on(path, description, plan, state, store, processes, show=show)


def resume(
    path: str | Path,
    *,
    images: int | None = None,
    minutes: float | None = None,
    device: str | None = None,
    data: Any = None,
    model: GenerativeModel | Plan | None = None,
    show: bool = True,
) -> Run:
    """Goes on with a run from its last checkpoint, as if it had never stopped.

    Args:
        path: The run's folder.
        images: New total of images to see; schedules keep the horizon that they had.
        minutes: Minutes more to train. Without either, what the run had planned is finished.
        device: As of `train`.
        data: The data, where the run was started on an object that has no path.
        model: The model, where the run was started on one's own.
        show: Whether to print and to draw a progress bar.

    Returns:
        The run.

    Raises:
        ValueError: If there is no such run, or its data has changed, or nothing is left to do.
        TrainingStopped: If a term is no longer finite.
    """
    processes = Processes.join()
    folder = RunFolder(Path(path))
    description = folder.read()
    where = checkpoint.position(folder.path)
    check_limits(images, minutes)
    description = _extended(description, where, images, minutes, folder.path)
    plan = plan_of(description, model)
    store = prepared_data(description, data, show=show)
    if store.facts.fingerprint != description.facts.fingerprint:
        raise ValueError(
            f"The data of {folder.path} has changed since the run was started: {description.source} now has "
            f"the fingerprint {store.facts.fingerprint[:16]}, not {description.facts.fingerprint[:16]}. Put "
            f"it back as it was, or train a new run."
        )
    state = State.fresh(plan, choose_device(device))
    checkpoint.load(state, folder.path)
    if processes.rank == 0:
        folder.forget_after(state.images_seen)
        folder.write(description)
    return _go_on(folder.path, description, plan, state, store, processes, show=show)


def open_run(path: str | Path, *, device: str = "cpu", model: GenerativeModel | None = None) -> Run:
    """A run as it stands: its description, and its model with averaged weights.

    Args:
        path: The run's folder.
        device: Where the model goes.
        model: The model, where the run was started on one's own.

    Returns:
        The run; its model is in evaluation mode.

    Raises:
        ValueError: If there is no such run, or it cannot be read.
    """
    folder = RunFolder(Path(path))
    description = folder.read()
    where = checkpoint.position(folder.path)
    own = plan_of(description, model).model
    checkpoint.load_weights(own, folder.path)
    own.to(choose_device(device)).requires_grad_(False).eval()
    return Run(folder.path, description, own, int(where["images_seen"]), where["seconds"])


def load(
    run: str | Path | Run, *, device: str = "cpu", model: GenerativeModel | None = None
) -> GenerativeModel:
    """The model of a run, with averaged weights, in evaluation mode.

    Args:
        run: The run, or its folder.
        device: Where the model goes.
        model: The model, where the run was started on one's own.

    Raises:
        ValueError: If there is no such run, or it cannot be read.
    """
    return open_run(run.path if isinstance(run, Run) else run, device=device, model=model).model


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
    arguments = bind(description.recipe, dict(description.arguments))
    return find(description.recipe)(description.facts, **arguments)


def prepared_data(description: Description, data: Any = None, *, show: bool = True) -> ImageStore:
    """The data of a run, prepared as it was for the run.

    Raises:
        ValueError: If it is no longer there.
    """
    source = description.source if data is None else data
    if data is None and source not in NAMES and not Path(source).exists():
        raise ValueError(
            f"The data that the run was trained on, {source}, is not there. Put it back, or hand it over: "
            f"--data on the command line, data= in Python."
        )
    return _prepared(source, description.preparation, Processes.join(), show=show)


def _is_path(data: Any) -> bool:
    """Whether the data is a file or folder, which another working directory has to find again."""
    return isinstance(data, str | Path) and str(data) not in NAMES


def _go_on(
    path: Path,
    description: Description,
    plan: Plan,
    state: State,
    store: ImageStore,
    processes: Processes,
    *,
    show: bool,
) -> Run:
    seconds = None if description.minutes is None else 60 * description.minutes
    first, device = processes.rank == 0, next(state.model.parameters()).device
    validation = store.split("validation")

    def stands(*, interrupted: bool = False) -> Run:
        """The run as it stands, whose card now says so."""
        run = Run(path, description, state.average.model, state.images_seen, state.seconds, interrupted)
        if first:
            write_card(run)
        return run

    stands()
    try:
        interrupted = train_in(
            path,
            state,
            plan,
            store.split("train"),
            validation,
            Limits(description.horizon, description.images, seconds),
            seed=description.seed,
            micro_batches=description.micro_batches,
            processes=processes,
            judge=make_judge(validation, seed=description.seed, device=device) if first else None,
            show=show,
        )
    except TrainingStopped:
        stands()
        raise
    return stands(interrupted=interrupted)


def _extended(
    description: Description,
    where: dict[str, float],
    images: int | None,
    minutes: float | None,
    path: Path,
) -> Description:
    """The description with the new limits, if there is anything left to do within them."""
    seen, spent = int(where["images_seen"]), where["seconds"] / 60
    if images is not None:
        description = replace(description, images=images, minutes=None)
    elif minutes is not None:
        description = replace(description, images=None, minutes=spent + minutes)
    by_images = description.images is not None and seen >= description.images
    if by_images or (description.minutes is not None and spent >= description.minutes):
        raise ValueError(
            f"{path} has done what it had planned: {seen:,} images in {spent:.1f} minutes. To go on, give "
            f"--images with a new total above {seen}, or --minutes with how many more."
        )
    return description


def _prepared(data: Any, preparation: Preparation, processes: Processes, *, show: bool) -> ImageStore:
    """The data, prepared by one process first, whose store the others then open."""
    if processes.rank == 0:
        store = prepare(data, preparation, progress=show)
    if processes.size > 1:
        torch.distributed.barrier()
    return store if processes.rank == 0 else prepare(data, preparation, progress=False)
