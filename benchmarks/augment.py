"""Do synthetic images help a classifier that has few labels, or one class that is rare?

    python benchmarks/augment.py few --data fashion-mnist mnist --labels 20 50 100 --out runs/augment
    python benchmarks/augment.py rare --classes shirt coat sandal --out runs/augment

`few`: of each class so many training images are kept, chosen by the seed. A generator that is told classes
learns from these alone; `latentia.tasks.augment` draws from it and doubts the draws; the same classifier
then learns from real images, with or without synthetic ones and classical augmentation, and is tested on
all test images.

`rare`: one class is cut to 20 training images, the others are whole. The baseline shows the rare class as
often as the others; synthetic images fill it up. Asked is the recall of that class.

A seed chooses the images, and is that of generator, draws and classifiers. Each cell is kept under OUT and
not computed again. `--validation` tests on training images that are not among the chosen instead: settings
were chosen there. Needs the data sets under LATENTIA_DATA (see docs/data.md).
"""

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from latentia.data import ImageStore, prepare
from latentia.data.classical import Changed, Classical
from latentia.metrics.classifier import Examples
from latentia.metrics.usefulness import DIETS, Diet, Usefulness, gather, told_right
from latentia.protocols import GenerativeModel
from latentia.recipes.preflight import seeded_plan
from latentia.recipes.register import bind
from latentia.tasks import augment
from latentia.training import Limits, State, train_in

CHOSEN: dict[str, dict[str, Any]] = {
    "fashion-mnist": {"generator": "vae", "way": "vary", "images": 20_000, "classical": False},
    "mnist": {"generator": "gan", "way": "draw", "images": 60_000, "classical": True},
    "rare": {"generator": "gan", "way": "draw", "images": 150_000, "classical": True},
}
"""Settings by what is asked; they were chosen with `--validation`, and flags come before them."""
RARE = 20
FEW: tuple[Diet, ...] = ("real", "classical", "synthetic", "both")
FEW_GAINS: tuple[tuple[Diet, Diet], ...] = (
    ("synthetic", "real"),
    ("synthetic", "classical"),
    ("both", "classical"),
)
RARE_DIETS: tuple[Diet, ...] = ("repeated", "classical", "synthetic", "both")
RARE_GAINS: tuple[tuple[Diet, Diet], ...] = (("synthetic", "repeated"), ("both", "classical"))
VALIDATED = 5000
GENERATORS: dict[str, tuple[str, dict[str, Any]]] = {
    "vae": ("vae.conditional", {"likelihood": "optimal", "num_latents": 16, "half_life": 5000}),
    "gan": ("gan.conditional", {"recognition": 0.0, "half_life": 5000, "batch_size": 32}),
    "vae-gan": ("hybrid.vae_gan", {"half_life": 5000}),
}


Cell = tuple[dict[Diet, Tensor], Tensor]
"""What is told right after each diet, and the classes of the images."""


def fit(
    name: str, store: ImageStore, images: int, seed: int, *, balance: bool, classical: bool
) -> tuple[GenerativeModel, float]:
    """A generator of a store's training images, with averaged weights, and the seconds it took.

    As `latentia train` does it, but for a store that is in memory.
    """
    recipe, arguments = GENERATORS[name]
    plan = seeded_plan(recipe, bind(recipe, arguments), store, seed)
    state = State.fresh(plan, torch.device("cpu"))
    train = store.split("train").balanced() if balance else store.split("train")
    train = Changed(train, Classical()) if classical else train
    watched = store.split("validation").only(torch.arange(100))
    images = images // plan.batch_size * plan.batch_size
    train_in(None, state, plan, train, watched, Limits(images, images, None, None), seed=seed, show=False)
    return state.average.model.requires_grad_(False).eval(), state.seconds


def settings(options: argparse.Namespace, asked: str) -> dict[str, Any]:
    """What was chosen, unless a flag says otherwise."""
    chosen = CHOSEN[asked]
    return {
        name: value if getattr(options, name) is None else getattr(options, name)
        for name, value in chosen.items()
    }


def choose(store: ImageStore, seed: int) -> Tensor:
    """Training images in an order of the seed."""
    return torch.randperm(len(store.split("train")), generator=torch.Generator().manual_seed(seed))


def of_class(store: ImageStore, order: Tensor, index: int) -> Tensor:
    """Those of a class, in that order."""
    classes = store.split("train").classes(order)
    assert classes is not None
    return order[classes == index]


def tested_on(store: ImageStore, order: Tensor, chosen: Tensor, *, validation: bool) -> Examples:
    """Test images, or training images that were not chosen."""
    if not validation:
        return Examples.of_split(store.split("test"))
    others = order[~torch.isin(order, chosen)][:VALIDATED]
    return Examples.of_split(store.split("train").only(others))


def cell(
    store: ImageStore,
    chosen: Tensor,
    held_out: Examples,
    seed: int,
    diets: Sequence[Diet],
    options: argparse.Namespace,
    *,
    rare: bool,
) -> tuple[dict[Diet, Tensor], dict[str, Any]]:
    """What is told right after each diet, and an account of how it came about."""
    options = argparse.Namespace(**(vars(options) | settings(options, "rare" if rare else store.facts.name)))
    own = store.with_train(chosen)
    real = Examples.of_split(own.split("train"))
    started = time.process_time()
    model, seconds = fit(
        options.generator, own, options.images, seed, balance=rare, classical=options.classical
    )
    made = augment(
        model,
        own,
        per_class=None if rare else options.per_class,
        balance=rare,
        way=options.way,
        agreement=options.agreement,
        usual=options.usual,
        flip=options.flip,
        temperature=options.temperature,
        seed=seed,
    )
    drawn = time.process_time()
    found = told_right(
        real,
        made.examples,
        held_out,
        len(store.facts.classes),
        balanced=rare,
        share=options.share,
        classical=Classical(flip=options.flip),
        seed=seed,
        diets=diets,
        steps=options.steps,
    )
    account = {
        "kept": made.kept,
        "drawn": made.drawn,
        "doubted": made.doubted,
        "copied": made.copied,
        "fit_seconds": seconds,
        "made_seconds": drawn - started,
        "classified_seconds": time.process_time() - drawn,
    }
    return found, account


def kept(path: Path, make: Any) -> dict[Diet, Tensor]:
    """A cell's answers, from where they are kept or made anew."""
    if not path.is_file():
        found, account = make()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_suffix(".json").write_text(json.dumps(account))
        np.savez_compressed(path, **{diet: right.numpy() for diet, right in found.items()})
        shares = ", ".join(f"{diet} {right.double().mean():.4f}" for diet, right in found.items())
        print(f"{path.stem}: {shares}; {json.dumps(account)}", flush=True)
    with np.load(path, allow_pickle=False) as arrays:
        return {diet: torch.from_numpy(arrays[diet]) for diet in DIETS if diet in arrays}


def few(options: argparse.Namespace) -> None:
    """The table of few labels."""
    titles = ("data, labels a class", *FEW, *(f"{diet} over {over}" for diet, over in FEW_GAINS))
    print(f"| {' | '.join(titles)} |\n{'| --- ' * len(titles)}|")
    for data in options.data:
        store = prepare(data, progress=False)
        for labels in options.labels:
            rounds = [few_cell(store, data, labels, seed, options) for seed in options.seeds]
            print(row(f"{data}, {labels}", gathered(rounds), FEW, FEW_GAINS), flush=True)


def few_cell(store: ImageStore, data: str, labels: int, seed: int, options: argparse.Namespace) -> Cell:
    """One seed of a row."""
    order = choose(store, seed)
    classes = range(len(store.facts.classes))
    chosen = torch.cat([of_class(store, order, index)[:labels] for index in classes])
    held_out = tested_on(store, order, chosen, validation=options.validation)
    path = options.out / f"{options.name}few-{data}-{labels}-{seed}.npz"
    return kept(path, lambda: cell(store, chosen, held_out, seed, FEW, options, rare=False)), held_out.classes


def rare(options: argparse.Namespace) -> None:
    """The table of rare classes: recall, its gains, and what all classes together gain."""
    titles = ("class", *RARE_DIETS, *(f"{diet} over {over}" for diet, over in RARE_GAINS), "accuracy gained")
    print(f"| {' | '.join(titles)} |\n{'| --- ' * len(titles)}|")
    store = prepare("fashion-mnist", progress=False)
    for name in options.classes:
        index = [known.lower() for known in store.facts.classes].index(name.lower())
        found = gathered([rare_cell(store, name, index, seed, options) for seed in options.seeds])
        line = row(name, found, RARE_DIETS, RARE_GAINS, of_class=index)
        print(f"{line} {gain_of(found, 'synthetic', 'repeated')} |", flush=True)


def rare_cell(store: ImageStore, name: str, index: int, seed: int, options: argparse.Namespace) -> Cell:
    """One seed of a row."""
    order = choose(store, seed)
    chosen = order[~torch.isin(order, of_class(store, order, index)[RARE:])]
    held_out = Examples.of_split(store.split("validation" if options.validation else "test"))
    path = options.out / f"{options.name}rare-{name}-{seed}.npz"
    found = kept(path, lambda: cell(store, chosen, held_out, seed, RARE_DIETS, options, rare=True))
    return found, held_out.classes


def gathered(rounds: Sequence[Cell]) -> Usefulness:
    """All seeds of a row; with `--validation` each has images of its own, and an interval is about right."""
    return gather([found for found, _ in rounds], rounds[0][1])


def row(
    label: str,
    found: Usefulness,
    diets: Sequence[Diet],
    gains: Sequence[tuple[Diet, Diet]],
    *,
    of_class: int | None = None,
) -> str:
    """A line of the table, in per cent and points."""
    scores = [f"{100 * found.score(diet, of_class=of_class):.1f}" for diet in diets]
    cells = [label, *scores, *(gain_of(found, *pair, of_class=of_class) for pair in gains)]
    return f"| {' | '.join(cells)} |"


def gain_of(found: Usefulness, diet: Diet, over: Diet, *, of_class: int | None = None) -> str:
    """A gain and its interval; of one seed there is none."""
    if len(found.right[diet]) > 1:
        return str(found.gain(diet, over, of_class=of_class))
    difference = found.score(diet, of_class=of_class) - found.score(over, of_class=of_class)
    return f"{100 * difference:+.1f}"


def main() -> None:
    """Prints the table that was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("table", choices=["few", "rare"])
    parser.add_argument("--data", nargs="+", default=["fashion-mnist", "mnist"])
    parser.add_argument("--labels", type=int, nargs="+", default=[20, 50, 100])
    parser.add_argument("--classes", nargs="+", default=["shirt", "coat", "sandal"])
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(5)))
    parser.add_argument("--generator", choices=list(GENERATORS))
    changed = argparse.BooleanOptionalAction
    parser.add_argument("--classical", action=changed, help="the generator is shown changed images")
    parser.add_argument("--way", choices=["draw", "vary"])
    parser.add_argument("--images", type=int, help="that the generator is shown")
    parser.add_argument("--per-class", type=int, default=500, help="synthetic images")
    parser.add_argument("--agreement", type=float, default=0.5)
    parser.add_argument("--usual", type=float, default=0.01)
    parser.add_argument("--temperature", type=float, default=1.0)
    parser.add_argument("--share", type=float, default=0.5)
    parser.add_argument("--flip", action="store_true", help="mirror images, in all that is classical")
    parser.add_argument("--steps", type=int, default=None, help="of 32 images, of a classifier")
    parser.add_argument("--validation", action="store_true", help="to choose settings")
    parser.add_argument("--name", default="", help="of a trial, before the names of its cells")
    parser.add_argument("--out", type=Path, default=Path("runs/augment"))
    options = parser.parse_args()
    torch.set_num_threads(1)
    {"few": few, "rare": rare}[options.table](options)


if __name__ == "__main__":
    main()
