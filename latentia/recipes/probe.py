"""Which value of an argument? Short runs that differ in it alone, and what held-out images say of each."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from latentia.data import ImageStore, Preparation, prepare
from latentia.metrics import Estimate, RandomFeatures, kernel_distance
from latentia.metrics.watching import FEWEST_REAL
from latentia.protocols import GenerativeModel
from latentia.recipes.budget import DEFAULT_IMAGES, Budget
from latentia.recipes.measuring import Bench
from latentia.recipes.preflight import check_limits
from latentia.recipes.register import bind
from latentia.recipes.runs import train
from latentia.training import Run, RunFolder
from latentia.training.device import choose_device
from latentia.training.processes import Processes
from latentia.training.turn import seed_from

FACTORS = (0.1, 1.0, 10.0)
BATCH, BATCHES = 100, 10


@dataclass(frozen=True, slots=True)
class Probed:
    """What became of one value of an argument.

    Attributes:
        value: The value.
        run: The run that was trained with it.
        distance: Kernel distance between its draws and the validation images.
    """

    value: float
    run: Run
    distance: Estimate


def probe(
    recipe: str,
    data: Any,
    *,
    out: str | Path,
    argument: str = "gamma",
    factors: Sequence[float] = FACTORS,
    images: int | None = None,
    minutes: float | None = None,
    seed: int = 0,
    preparation: Preparation | None = None,
    device: str | None = None,
    show: bool = True,
    **arguments: Any,
) -> list[Probed]:
    """Trains a recipe several times, with an argument times one factor each, on as many images and one seed.

    Args:
        recipe: Name of a recipe.
        data: As of `train`.
        out: Folder of the runs' folders, which must not hold runs yet.
        argument: Which argument is tried: a number above 0.
        factors: What it is multiplied by, each above 0; at least two.
        images: Real images that each run sees; 200,000 if no minutes are given.
        minutes: Minutes that a run takes, as measured before the first one; all see as many images.
        seed: Seed of everything that is random, in every run.
        preparation: As of `train`.
        device: As of `train`.
        show: Whether to print and to draw progress bars.
        **arguments: The recipe's own, the tried one included.

    Returns:
        What became of each value, the smallest distance first. Of those whose intervals overlap, no one is
        known to be the best.

    Raises:
        ValueError: If something cannot be used, or there are too few validation images to judge by.

    Example:
        >>> probe("gan.r3", "digits", out="runs/probe", minutes=1)[0].value  # doctest: +SKIP
        1.0
    """
    out, preparation, chosen = Path(out), preparation or Preparation(), choose_device(device)
    arguments = bind(recipe, arguments)
    check_limits(images, minutes)
    values = _values(recipe, arguments, argument, factors)
    folders = {value: out / f"{argument}-{value:g}" for value in values}
    for folder in folders.values():
        RunFolder.require_free(folder)
    store = prepare(data, preparation, progress=show)
    _check(store)
    bench = Bench(store, chosen, Processes(), seed)
    horizon = bench.horizon(Budget(images or DEFAULT_IMAGES, minutes), bench.plan(recipe, arguments))
    found = []
    for value, folder in folders.items():
        run = train(
            recipe,
            data,
            out=folder,
            images=horizon,
            seed=seed,
            preparation=preparation,
            device=device,
            show=show,
            **{**arguments, argument: value},
        )
        found.append(Probed(value, run, _distance(run.model, store, seed)))
    return sorted(found, key=lambda probed: probed.distance.value)


def _values(
    recipe: str, arguments: dict[str, Any], argument: str, factors: Sequence[float]
) -> list[int | float]:
    """The values that are tried, smallest first.

    Raises:
        ValueError: If the argument is no number above 0, or fewer than two values differ.
    """
    numbers = {
        name: value
        for name, value in arguments.items()
        if isinstance(value, int | float) and not isinstance(value, bool) and value > 0
    }
    if argument not in numbers:
        raise ValueError(
            f"{recipe} has no number {argument!r} above 0 that could be multiplied. Try one of: "
            f"{', '.join(numbers)}."
        )
    base = numbers[argument]
    tried = {base * factor if isinstance(base, float) else max(1, round(base * factor)) for factor in factors}
    if len(tried) < 2 or not min(factors) > 0:
        raise ValueError(
            f"The factors {', '.join(f'{factor:g}' for factor in factors)} of {argument} = {base:g} have to "
            f"be above 0 and give two values or more. Try 0.1 1 10."
        )
    return sorted(tried)


def _check(store: ImageStore) -> None:
    """Refuses to judge by too few images."""
    if store.facts.num_validation < FEWEST_REAL:
        raise ValueError(
            f"A probe compares draws with validation images: there have to be {FEWEST_REAL} or more, and "
            f"{store.facts.name} has {store.facts.num_validation}. Give more images."
        )


@torch.no_grad()
def _distance(model: GenerativeModel, store: ImageStore, seed: int) -> Estimate:
    """Kernel distance between 1,000 draws and at most as many validation images, in untrained features."""
    device = next(model.parameters()).device
    features = RandomFeatures(store.facts.channels)
    real = features(store.split("validation").images(slice(0, BATCH * BATCHES)).to(device))
    generator = torch.Generator(device).manual_seed(seed_from(seed, "judged"))
    draws = (model.sample(BATCH, generator=generator).clamp(-1, 1) for _ in range(BATCHES))
    return kernel_distance(real, torch.cat([features(images) for images in draws]))
