"""What features learned without labels are worth: rows of the table by name.

    python benchmarks/transfer.py DATA_ROOT fashion-critic cifar-critic --out runs/transfer
    python benchmarks/transfer.py DATA_ROOT cifar-critic --minutes 5 --set width=32 --seeds 2
    python benchmarks/transfer.py DATA_ROOT --list

A row trains one network without labels, and then tells test images from 10, 100, 1,000 and all labels a
class: features of all its maps, pooled by the maximum to 4 x 4, and an L2-regularised linear support vector
machine whose C is chosen by cross-validation on the labels at hand (Radford et al. 2016, section 5.1).
Beside it stand the pixels and the same network without training, on the same labels; `--supervised` adds
the same network taught the labels. Accuracy in %, mean ± standard deviation over draws of labels; of all
labels there is one. A run that is there already is not trained again. `--held-out` tells validation images
instead of test images, for whoever chooses settings by them. Numbers go to OUT/ROW.json, the curves to
OUT/ROW.png. Needs the published data sets under DATA_ROOT (see docs/data.md).
"""

import argparse
import dataclasses
import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch

from latentia import recipes
from latentia.data import ImageStore, prepare
from latentia.recipes.opening import untrained
from latentia.report.task_figures import few_shot, write
from latentia.tasks import Curve, transfer
from latentia.tasks.transfer import Point


@dataclass(frozen=True, slots=True)
class Row:
    """What is trained without labels, on what.

    Attributes:
        recipe: Its name.
        data: A published name.
        minutes: Of training.
        arguments: Of the recipe, where they are not the defaults.
    """

    recipe: str
    data: str
    minutes: float
    arguments: Mapping[str, Any] = field(default_factory=dict)


CRITIC = {"width": 48, "batch_size": 32, "augment": "always"}
ROWS = {
    "cifar-critic": Row("gan.dcgan", "cifar10", 60, CRITIC | {"flip": True}),
    "cifar-encoder": Row("vae.gaussian", "cifar10", 60, {"width": 32}),
    "cifar-gpu": Row("gan.dcgan", "cifar10", 18, CRITIC | {"width": 96, "batch_size": 64, "flip": True}),
    "fashion-critic": Row("gan.dcgan", "fashion-mnist", 15, CRITIC),
    "fashion-encoder": Row("vae.gaussian", "fashion-mnist", 15, {"width": 32}),
}


def main() -> None:
    """Trains what is asked for, measures it and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("data_root", type=Path)
    parser.add_argument("rows", nargs="*", metavar="ROW", help=", ".join(ROWS))
    parser.add_argument("--out", type=Path, default=Path("runs/transfer"))
    parser.add_argument("--minutes", type=float, help="of training, instead of the row's")
    parser.add_argument("--seed", type=int, default=0, help="of training")
    parser.add_argument("--seeds", type=int, default=5, help="draws of labels")
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE", help="arguments of the recipe")
    parser.add_argument("--probe", choices=["svm", "nearest"], default="svm")
    parser.add_argument("--supervised", action="store_true")
    parser.add_argument("--held-out", action="store_true", help="validation images instead of test images")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--list", action="store_true")
    asked = parser.parse_args()
    os.environ["LATENTIA_DATA"] = str(asked.data_root)
    if asked.list or not asked.rows:
        for name, row in ROWS.items():
            print(f"{name:16} {row.recipe:14} {row.data:14} {row.minutes:g} minutes  {dict(row.arguments)}")
        return
    print("| row | from | features | labels a class: accuracy | minutes |")
    print("| --- | --- | --- | --- | --- |")
    for name in asked.rows:
        measure(name, asked)


def measure(name: str, asked: argparse.Namespace) -> None:
    """Trains a row where it is not there, and prints its lines of the table."""
    row = ROWS[name]
    changed = {key: _parsed(value) for key, value in (pair.split("=", 1) for pair in asked.set)}
    minutes = asked.minutes or row.minutes
    words = "".join(f"-{key}-{value}" for key, value in changed.items())
    folder = asked.out / f"{name}-{minutes:g}{words}-{asked.seed}"
    if not folder.exists():
        arguments = {**row.arguments, **changed}
        recipes.train(
            row.recipe,
            row.data,
            out=folder,
            minutes=minutes,
            seed=asked.seed,
            device=asked.device,
            show=False,
            **arguments,
        )
    run = recipes.open_run(folder, device=asked.device)
    began = time.perf_counter()
    curves = transfer(
        run.model,
        _store(row.data, held_out=asked.held_out),
        probe=asked.probe,
        seeds=asked.seeds,
        untrained=partial(untrained, run, device=asked.device),
        supervised=asked.supervised,
    )
    spent = (time.perf_counter() - began) / 60
    for line in curves:
        cells = ", ".join(_cell(point) for point in line.points)
        trained = f"{run.seconds / 60:.0f} ({run.images_seen:,} images)" if line is curves[0] else ""
        print(f"| {name} | {line.name} | {line.num_features or '-'} | {cells} | {trained} |", flush=True)
    print(f"{name}: measured in {spent:.1f} minutes; probe {asked.probe}, {asked.seeds} draws", flush=True)
    _keep(asked, folder.name, run.images_seen, run.seconds, curves)


def _store(data: str, *, held_out: bool) -> ImageStore:
    """The data; with `held_out` its validation part stands where its test part was."""
    store = prepare(data, progress=False)
    if not held_out:
        return store
    splits = {name: store.split(name) for name in ("train", "validation")}
    nothing = splits["validation"].only(torch.zeros(0, dtype=torch.int64))
    parts = {"train": splits["train"], "validation": nothing, "test": splits["validation"]}
    return dataclasses.replace(store, _splits=parts)


def _cell(point: Point) -> str:
    if point.whole:
        return f"all {100 * point.mean:.1f}"
    return f"{point.num_labels:,}: {100 * point.mean:.1f} ± {100 * point.std:.1f}"


def _keep(
    asked: argparse.Namespace, name: str, images_seen: int, seconds: float, curves: list[Curve]
) -> None:
    judged = "-validation" if asked.held_out else ""
    probe = "" if asked.probe == "svm" else f"-{asked.probe}"
    whole = {
        "images_seen": images_seen,
        "seconds": seconds,
        "judged": "validation" if asked.held_out else "test",
        "probe": asked.probe,
        "curves": [dataclasses.asdict(line) for line in curves],
    }
    write(json.dumps(whole, indent=1).encode(), asked.out / f"{name}{judged}{probe}.json")
    write(few_shot(curves), asked.out / f"{name}{judged}{probe}.png")


def _parsed(value: str) -> Any:
    try:
        return json.loads(value)
    except json.JSONDecodeError:
        return value


if __name__ == "__main__":
    main()
