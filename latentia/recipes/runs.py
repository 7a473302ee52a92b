"""Runs: start one, go on with one."""

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import nn

from latentia.data import NAMES, ImageStore, Preparation, Supply, prepare
from latentia.data.classical import Changed, Classical
from latentia.metrics.watching import FEWEST_EXAMINED, make_examiner, make_judge
from latentia.protocols import GenerativeModel
from latentia.recipes import world
from latentia.recipes.budget import DEFAULT_IMAGES, Budget
from latentia.recipes.choosing import AUTO, resolved
from latentia.recipes.measuring import Bench
from latentia.recipes.opening import CUSTOM, load_weights, plan_of
from latentia.recipes.preflight import announce, check_limits, check_validation, free_folder
from latentia.recipes.register import bind, told
from latentia.training import Limits, Plan, Run, RunFolder, State, TrainingStopped, checkpoint, train_in
from latentia.training.best import Best
from latentia.training.card import write_card
from latentia.training.device import choose_device, describe_device
from latentia.training.folder import AVERAGED, Description, versions
from latentia.training.processes import Processes


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
    keep_best: bool = False,
    patience: float | None = None,
    rescues: int | None = None,
    balance: bool = False,
    classical: bool = False,
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
        keep_best: Whether to keep the best averaged weights beside the last: averages of three half-lives are
            judged on validation images at every checkpoint, and the best is what all else then uses.
        patience: Part of the run, above 0 and at most 1, after which it ends that has found nothing better;
            the best weights are kept then as well.
        rescues: How often a run that breaks may go back to a good state, and on with a quarter of the
            learning rates and twice the weights of penalties; 3, or what a plan of your own says. 0 stops
            at once.
        balance: Whether training shows every class as often as the largest, by repeating images.
        classical: Whether training images are shifted, turned and scaled a little each time that they are
            shown (`Classical`), and the model learns to make such images: for few images.
        show: Whether to print and to draw a progress bar.
        **arguments: The recipe's own arguments.

    Returns:
        The run, with its model in evaluation mode.

    Raises:
        ValueError: If the recipe, an argument, the data or the folder cannot be used: says why and what
            to do.
        TrainingStopped: If training broke, and going back to a good state did not help.

    Example:
        >>> run = train("vae.gaussian", "digits", out="runs/digits", images=128)  # doctest: +SKIP
        >>> run.model.sample(64).shape  # doctest: +SKIP
        torch.Size([64, 1, 8, 8])
    """
    processes = Processes.join()
    preparation = preparation or Preparation()
    check_limits(images, minutes, patience)
    keep_best = keep_best or patience is not None
    # Before the data is read, and in every process: what was asked for wrongly is found at once.
    path, arguments = _asked(recipe, arguments, out)
    chosen = choose_device(device)
    store = _prepared(data, preparation, processes, show=show)
    bench = Bench(store, chosen, processes, seed, micro_batches)
    budget = Budget(images or DEFAULT_IMAGES, minutes, chosen.type)
    recipe, arguments, reasons = resolved(recipe, arguments, budget, bench)
    if keep_best:
        check_validation(store)
    _shown(store, balance=balance, classical=classical)  # refused here, before the folder is made
    plan = _as_asked(bench.plan(recipe, arguments), rescues, keep_best=keep_best)
    state = State.fresh(plan, chosen)
    sentence, paper = told(recipe) if isinstance(recipe, str) else ("", "")
    description = Description(
        recipe=recipe if isinstance(recipe, str) else CUSTOM,
        arguments=arguments,
        source=str(Path(data).resolve()) if _is_path(data) else store.source,
        preparation=preparation,
        facts=store.facts,
        seed=seed,
        images=budget.images if minutes is None else None,
        minutes=minutes,
        horizon=bench.horizon(budget, plan),
        micro_batches=micro_batches,
        versions=versions(),
        sentence=sentence,
        paper=paper,
        device=describe_device(chosen),
        keep_best=keep_best,
        patience=patience,
        rescues=plan.rescue.at_most,
        balance=balance,
        classical=classical,
        chosen_by=AUTO if reasons else "",
        reasons=reasons,
    )
    return _begin(path, description, plan, state, store, processes, show=show)


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
        TrainingStopped: If training broke, and going back to a good state did not help.
    """
    processes = Processes.join()
    folder = RunFolder(Path(path))
    description = folder.read()
    where = checkpoint.position(folder.path)
    check_limits(images, minutes)
    description = _extended(description, where, images, minutes, folder)
    plan = _as_asked(plan_of(description, model), description.rescues, keep_best=description.keep_best)
    if description.recipe == world.NAME:
        return _resume_world(folder, description, plan, device, data, show=show)
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


def _resume_world(
    folder: RunFolder, description: Description, plan: Plan, device: str | None, data: Any, *, show: bool
) -> Run:
    """Goes on with a world, which is learned from a recording and not from images."""
    recording = world.recording_of(description, data)
    state = State.fresh(plan, choose_device(device))
    checkpoint.load(state, folder.path)
    folder.forget_after(state.images_seen)
    folder.write(description)
    return world.go_on(folder.path, description, plan, state, recording, show=show)


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


def _asked(
    recipe: str | nn.Module | Plan, arguments: dict[str, Any], out: str | Path | None
) -> tuple[Path, dict[str, Any]]:
    """The run's folder, which is free, and all arguments of its recipe."""
    name = recipe if isinstance(recipe, str) else CUSTOM
    path = Path(out) if out is not None else free_folder(name)
    RunFolder.require_free(path)
    return path, bind(recipe, arguments) if isinstance(recipe, str) else arguments


def _is_path(data: Any) -> bool:
    """Whether the data is a file or folder, which another working directory has to find again."""
    return isinstance(data, str | Path) and str(data) not in NAMES


def _as_asked(plan: Plan, rescues: int | None, *, keep_best: bool) -> Plan:
    """A recipe's plan with what was asked of the run."""
    plan = plan if rescues is None else plan.with_rescues(rescues)
    return plan.with_further_averages() if keep_best else plan


def _begin(
    path: Path,
    description: Description,
    plan: Plan,
    state: State,
    store: ImageStore,
    processes: Processes,
    *,
    show: bool,
) -> Run:
    if processes.rank == 0:
        RunFolder.create(path, description)
        if show:
            announce(plan, store, next(state.model.parameters()).device, description)
    return _go_on(path, description, plan, state, store, processes, show=show)


def _shown(store: ImageStore, *, balance: bool, classical: bool) -> Supply:
    """What training is shown of the training images."""
    train_split = store.split("train").balanced() if balance else store.split("train")
    return Changed(train_split, Classical()) if classical else train_split


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
    train_split, validation = store.split("train"), store.split("validation")
    examined = validation if len(validation) >= FEWEST_EXAMINED else train_split

    def stands(*, interrupted: bool = False) -> Run:
        """The run as it stands, whose card now says so."""
        shown, words = state.average.model, AVERAGED
        if description.keep_best and Best.read(path) is not None:
            shown = copy.deepcopy(shown)
            words = load_weights(shown, path, "best")
        run = Run(path, description, shown, state.images_seen, state.seconds, interrupted, words)
        if first:
            write_card(run)
        return run

    stands()
    try:
        interrupted = train_in(
            path,
            state,
            plan,
            _shown(store, balance=description.balance, classical=description.classical),
            validation,
            Limits(description.horizon, description.images, seconds, description.patience),
            seed=description.seed,
            micro_batches=description.micro_batches,
            processes=processes,
            judge=make_judge(validation, seed=description.seed, device=device) if first else None,
            keep_best=description.keep_best,
            examine=make_examiner(examined, seed=description.seed, device=device),
            show=show,
        )
    except TrainingStopped:
        stands()
        raise
    processes.wait()  # for what the first one has written
    return stands(interrupted=interrupted)


def _extended(
    description: Description,
    where: dict[str, float],
    images: int | None,
    minutes: float | None,
    folder: RunFolder,
) -> Description:
    """The description with the new limits, if there is anything left to do within them."""
    seen, spent = int(where["images_seen"]), where["seconds"] / 60
    if folder.out_of_patience(description):
        if images is None and minutes is None:
            raise ValueError(
                f"{folder.path} has ended: nothing better was found for {description.patience:g} of its "
                f"horizon of {description.horizon:,} images. To go on in spite of that, give --images with a "
                f"new total above {seen}, or --minutes with how many more."
            )
        description = replace(description, patience=None)
    if images is not None:
        description = replace(description, images=images, minutes=None)
    elif minutes is not None:
        description = replace(description, images=None, minutes=spent + minutes)
    by_images = description.images is not None and seen >= description.images
    if by_images or (description.minutes is not None and spent >= description.minutes):
        raise ValueError(
            f"{folder.path} has done what it had planned: {seen:,} images in {spent:.1f} minutes. To go on, "
            f"give --images with a new total above {seen}, or --minutes with how many more."
        )
    return description


def _prepared(data: Any, preparation: Preparation, processes: Processes, *, show: bool) -> ImageStore:
    """The data, prepared by one process first, whose store the others then open."""
    if processes.rank == 0:
        store = prepare(data, preparation, progress=show)
    processes.wait()
    return store if processes.rank == 0 else prepare(data, preparation, progress=False)
