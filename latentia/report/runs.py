"""Evaluate and compare runs as they lie in their folders: the images that fit them, and their names."""

import dataclasses
import math
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from latentia.data import ImageStore, prepare
from latentia.metrics import Finding, diagnose
from latentia.protocols import ExplicitModel
from latentia.report.compare import Report, compare
from latentia.report.contestant import Contestant
from latentia.report.evaluate import Evaluation, evaluate
from latentia.report.measures import MEASURES, Better
from latentia.training.card import Measured, Result, write_card
from latentia.training.folder import Run

EXAMINED = 500
"""Images of each split that a diagnosis looks at."""


def evaluate_run(run: Run, data: str | None = None, **settings: Any) -> Evaluation:
    """All numbers of one run, on its own test images or on others.

    Args:
        run: As `latentia.open_run` gives it.
        data: A source of other images; they are prepared to the size and colours of the run's.
        **settings: As `evaluate` takes them: num_samples, num_draws, features, seed.

    Raises:
        ValueError: If the images do not fit what the run has learned.
    """
    return evaluate(contestants([run])[0], images_for(run, data, measured=True), **settings)


def diagnose_run(run: Run, data: str | None = None, *, seed: int = 0) -> list[Finding]:
    """What ails a run's model, if anything: a few hundred training and test images, and the run's log.

    Args:
        run: As `latentia.open_run` gives it; its model must be explicit.
        data: A source of other images; they are prepared to the size and colours of the run's.
        seed: Seed of the draws.

    Raises:
        ValueError: If the model is implicit, or the images do not fit what the run has learned.
    """
    store = images_for(run, data, measured=True)
    device = next(run.model.parameters()).device
    splits, rows = [store.split(part) for part in ("train", "test")], slice(0, EXAMINED)
    train, held_out = (split.images(rows).to(device) for split in splits)
    told = [None if some is None else some.to(device) for some in (split.given(rows) for split in splits)]
    return diagnose(
        run.model,
        train,
        held_out,
        levels=run.facts.levels,
        history=run.history(),
        given=(told[0], told[1]),
        seed=seed,
    )


def record(run: Run, evaluation: Evaluation, settings: Mapping[str, Any]) -> Measured:
    """Puts a run's numbers on its card, and into `evaluation.json` beside it.

    Args:
        run: The run that was measured, on its own data.
        evaluation: What was measured.
        settings: What it was measured with, as `evaluate` takes it.

    Returns:
        What the card shows; where it cannot be written, which is warned of, what it would have shown.
    """
    samples, model = " ".join(evaluation.sample_protocol), " ".join(evaluation.model_protocol)
    results = [
        Result(MEASURES[key].label, number.value, *number.interval, _direction(MEASURES[key].better), samples)
        for key, number in evaluation.draws.numbers.items()
        if math.isfinite(number.value)
    ]
    likelihood = evaluation.likelihood
    if likelihood is not None:
        low, high = likelihood.estimate.interval
        bound = Result("Log-likelihood, bound, nats an image", likelihood.mean, low, high, "higher", model)
        results.insert(0, bound)
        if likelihood.bits_per_dim is not None:
            each = likelihood.bits_per_dim / likelihood.mean
            low, high = each * high, each * low  # more nats are fewer bits
            results.insert(1, Result("Bits a dimension", likelihood.bits_per_dim, low, high, "lower", model))
    try:
        write_card(run, results=results, verdict=evaluation.verdict, settings=settings)
    except OSError as error:
        warnings.warn(f"the card of {run.path} could not be written: {error}.", stacklevel=2)
    return Measured(run.images_seen, tuple(results), evaluation.verdict, dict(settings))


def compare_runs(runs: Sequence[Run], data: str | None = None, **settings: Any) -> Report:
    """Runs side by side, on the images of the first one or on others.

    Args:
        runs: As `latentia.open_run` gives them, at least one.
        data: A source of other images; they are prepared to the size and colours of the runs'.
        **settings: As `compare` takes them: num_samples, num_draws, features, seed, progress.

    Raises:
        ValueError: If there is no run, or the images do not fit what a run has learned.
    """
    if not runs:
        raise ValueError("There is nothing to compare: name at least one run.")
    store = images_for(runs[0], data, measured=True)
    for run in runs[1:]:
        _require_fit(run, store, measured=True)
    strangers = [str(run.path) for run in runs if run.facts.fingerprint != store.facts.fingerprint]
    if strangers:
        warnings.warn(
            f"{', '.join(strangers)} learned other images than the {store.facts.name} that all runs are "
            "measured on here; read the numbers with that in mind.",
            stacklevel=2,
        )
    return compare(contestants(runs), store, **settings)


def images_for(run: Run, data: str | None = None, *, measured: bool = False) -> ImageStore:
    """The images that a run learned, or others prepared to fit it.

    Args:
        run: Its preparation is used; for other images with the size and colours that it learned.
        data: A source of other images; those of the run when None.
        measured: Whether a likelihood will be taken, so that the levels must agree too.

    Raises:
        ValueError: If the images do not fit what the run has learned.
    """
    preparation, facts = run.preparation, run.facts
    if data is not None and data != run.source:
        preparation = dataclasses.replace(
            preparation,
            size=facts.height if facts.height == facts.width else None,
            channels="grey" if facts.channels == 1 else "rgb",
            labels="auto",
            split="auto",
        )
    store = prepare(data or run.source, preparation)
    _require_fit(run, store, measured=measured)
    return store


def contestants(runs: Sequence[Run]) -> list[Contestant]:
    """Runs as the report sees them, each under a name of its own: its folder's, or its whole path."""
    short = [run.path.resolve().name for run in runs]
    names = [name if short.count(name) == 1 else str(run.path) for name, run in zip(short, runs, strict=True)]
    return [
        Contestant(
            name=name,
            recipe=run.recipe,
            arguments=run.arguments,
            model=run.model,
            history=run.history(),
            images_seen=run.images_seen,
            seconds=run.seconds,
            seed=run.seed,
            weights=run.weights,
        )
        for name, run in zip(names, runs, strict=True)
    ]


def _direction(better: Better) -> Literal["lower", "higher", ""]:
    return "" if better == "as real" else better


def _require_fit(run: Run, store: ImageStore, *, measured: bool) -> None:
    learned, given = run.facts, store.facts
    if given.image_shape != learned.image_shape:
        raise ValueError(
            f"{run.path} learned images of shape {learned.image_shape} (channels, height, width), and those "
            f"of {given.name} are {given.image_shape}. Name images of its shape as --data."
        )
    if measured and isinstance(run.model, ExplicitModel) and given.levels != learned.levels:
        raise ValueError(
            f"{run.path} learned pixels of {learned.levels} levels, and those of {given.name} have "
            f"{given.levels}: a likelihood of one says nothing of the other. Measure it on its own kind."
        )
