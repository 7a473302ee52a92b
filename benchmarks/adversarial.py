"""Adversarial networks against published numbers: rows of the table by name.

    python benchmarks/adversarial.py DATA_ROOT stacked conditional --out runs/adversarial --seeds 0 1 2
    python benchmarks/adversarial.py DATA_ROOT stacked --minutes 5 --recipe gan.hinge --set rate=5e-4
    python benchmarks/adversarial.py DATA_ROOT --list

`fashion` stands for all rows whose names begin with `fashion-`. Every row is measured on real images too. A
run that is there already is not trained again, so that evaluation can be repeated; other recipes, arguments
and minutes than the row's make runs of other names. All numbers go to OUT/NAME-SEED.json with the protocol,
and the first samples to OUT/NAME-SEED.png. Minutes are those of training + those of evaluation. Needs the
published data sets under DATA_ROOT (see docs/data.md).
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from adversarial_data import STACKED, source_of
from adversarial_judges import (
    DigitModes,
    Fidelity,
    HeldOut,
    Judge,
    NearestDigit,
    Numbers,
    PublishedDistance,
    Pyramid,
)

from latentia import recipes
from latentia.data import prepare
from latentia.data.pictures import save
from latentia.metrics import Estimate
from latentia.protocols import Batch
from latentia.training import Run, TrainingStopped

DRAWN = 250  # samples at a time
SHOWN = 100  # samples in a picture, ten a row


@dataclass(frozen=True, slots=True)
class Row:
    """A recipe on a data set, and what is measured of it.

    Attributes:
        recipe: Its name.
        data: A published name, or one that `source_of` knows.
        judge: How it is judged.
        minutes: Of training on two cores; evaluation comes on top.
        published: The published figure, and where it stands.
        aim: What has to be reached, and what is aimed at.
        arguments: Of the recipe, and of `recipes.train`, where they are not the defaults.
    """

    recipe: str
    data: str
    judge: type[Judge]
    minutes: float
    published: str
    aim: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


STACKED_R3 = {"network": "convolutional", "gamma": 1.0}
GROWN = "PGGAN 2.96, WGAN-GP 9.28 on CelebA-128, arXiv:1710.10196 (16,384 images)"
ROWS = {
    "stacked": Row(
        "gan.r3",
        STACKED,
        DigitModes,
        58,
        "R3GAN 1000 modes, KL 0.029, arXiv:2501.05441",
        "900 modes, KL < 1 / 1000, KL < 0.1",
        STACKED_R3,
    ),
    "conditional": Row(
        "gan.conditional",
        "mnist",
        NearestDigit,
        43,
        "DCGAN 2.98 %, GAN 6.28 %, arXiv:1511.06434",
        "4.5 % / 2.98 %; hits 97 %",
        {"width": 32, "half_life": 40_000},
    ),
    **{
        f"fashion-{recipe}": Row(
            f"gan.{recipe}", "fashion-mnist", Fidelity, 9.5, "none", "auto beats both / half of dcgan"
        )
        for recipe in ("auto", "dcgan", "wgan_gp")
    },
    **{
        f"lfw-{recipe}": Row(f"gan.{recipe}", "lfw", Pyramid, 58, GROWN, "reported / 4 x the limit on a GPU")
        for recipe in ("progressive", "r3")
    },
    **{
        f"small-{number}-{data}{ending}": Row(
            "gan.auto",
            f"{data}-{number}",
            HeldOut,
            14,
            "none",
            "no collapse / twice the coverage of plain",
            arguments,
        )
        for number in (100, 1000)
        for data in ("lfw", "sprites")
        for ending, arguments in {"": {}, "-plain": {"augment": "none"}}.items()
    },
    "cifar-gpu": Row(
        "gan.conditional",
        "cifar10",
        PublishedDistance,
        18,
        "conditional StyleGAN2 36 at 0.64 M images, 9.7 at 2.6 M, 5.3 at 5.1 M (StudioGAN's logs)",
        "reported / 12",
        {"network": "bottleneck", "gamma": 1.0, "width": 64, "batch_size": 128, "device": "cuda"},
    ),
}


def train(row: Row, source: str, path: Path, seed: int) -> Run:
    """The run of a row, trained if it is not there; one that was stopped is judged as it stands."""
    if not path.exists():
        try:
            recipes.train(row.recipe, source, out=path, minutes=row.minutes, seed=seed, **row.arguments)
        except TrainingStopped as stopped:
            print(f"{path.name} was stopped: {stopped}", file=sys.stderr)
    return recipes.open_run(path, device=row.arguments.get("device", "cpu"))


@torch.no_grad()
def draw(run: Run, judge: Judge) -> Batch:
    """As many samples as a judge takes, clamped to [-1, 1], from latents of seed 0."""
    device = next(run.model.parameters()).device
    generator = torch.Generator(device).manual_seed(0)
    images = []
    for start in range(0, judge.num_images, DRAWN):
        number = min(DRAWN, judge.num_images - start)
        given = None if judge.asked is None else judge.asked[start : start + number].to(device)
        images.append(run.model.sample(number, given=given, generator=generator).clamp(-1, 1).cpu())
    return Batch(torch.cat(images), judge.asked)


def judged(run: Run, row: Row, judge: Judge, file: Path) -> str:
    """Measures a run, writes what was found, and says it: all but the first cell of a line of the table."""
    started = time.perf_counter()
    samples = draw(run, judge)
    save(samples.images[:SHOWN], file.with_suffix(".png"), columns=10)
    numbers = judge.measure(samples)
    evaluation = time.perf_counter() - started
    speed = run.images_seen / max(run.seconds, 1e-9)
    facts = {
        "recipe": run.recipe,
        "arguments": dict(run.arguments),
        "data": row.data,
        "fingerprint": run.description.facts.fingerprint,
        "seed": run.description.seed,
        "weights": run.weights,
        "images_seen": run.images_seen,
        "images_per_second": speed,
        "training_minutes": run.seconds / 60,
        "evaluation_minutes": evaluation / 60,
        "device": run.description.device,
        "threads": torch.get_num_threads(),
        "published": row.published,
        "aim": row.aim,
    }
    write(file, numbers, judge, facts)
    return (
        f"{run.description.seed} | `{run.recipe}` | {run.images_seen:,} | {speed:.0f} | "
        f"{run.seconds / 60:.1f} + {evaluation / 60:.1f} | {shown(numbers)} | {row.published} | {row.aim}"
    )


def frame(row: Row, judge: Judge, out: Path) -> list[str]:
    """Lines on the sets that a row is read beside, each measured once for all rows of its data and judge."""
    lines = []
    for name, make in judge.frames().items():
        file = out / f"{row.data}-{type(judge).__name__}-{name}.json"
        found = json.loads(file.read_text()) if file.exists() else {}
        if found.get("protocol") != judge.protocol:
            started = time.perf_counter()
            numbers = judge.measure(make())
            minutes = (time.perf_counter() - started) / 60
            facts = {"data": row.data, "set": name, "evaluation_minutes": minutes}
            found = write(file, numbers, judge, facts)
        time_spent = f"0 + {found['evaluation_minutes']:.1f}"
        lines.append(f"| {row.data}: {name} | | | | | {time_spent} | {found['shown']} | | |")
    return lines


def write(file: Path, numbers: Numbers, judge: Judge, facts: Mapping[str, Any]) -> dict[str, Any]:
    """A JSON file with numbers, their 95 % intervals, and how they were measured; what it holds."""
    values = {key: n.value if isinstance(n, Estimate) else n for key, n in numbers.items()}
    intervals = {key: n.interval for key, n in numbers.items() if isinstance(n, Estimate)}
    measured = {"numbers": values, "intervals": intervals, "shown": shown(numbers)}
    found = {**facts, **measured, "protocol": judge.protocol}
    file.write_text(json.dumps(found, indent=2, ensure_ascii=False))
    return found


def shown(numbers: Numbers) -> str:
    """Numbers in one cell, with the reach of their 95 % intervals."""
    parts = []
    for key, number in numbers.items():
        if isinstance(number, Estimate):
            parts.append(f"{key} {number.value:.4g} ± {number.interval[1] - number.value:.2g}")
        else:
            parts.append(f"{key} {number:.4g}")
    return ", ".join(parts)


def chosen(words: Sequence[str]) -> list[str]:
    """Names of rows: those that are asked for, or that begin with a word and a hyphen."""
    found = [[name for name in ROWS if name == word or name.startswith(f"{word}-")] for word in words]
    for word, names in zip(words, found, strict=True):
        if not names:
            raise SystemExit(f"There is no row '{word}'. The rows are: {', '.join(ROWS)}.")
    return list(dict.fromkeys(name for names in found for name in names))


def changed(name: str, row: Row, options: argparse.Namespace) -> tuple[str, Row]:
    """A row with another recipe, arguments or minutes, and a name that says so."""
    settings = dict(setting.split("=", 1) for setting in options.set)
    arguments = {} if options.recipe else dict(row.arguments)
    row = replace(
        row,
        recipe=options.recipe or row.recipe,
        minutes=options.minutes or row.minutes,
        arguments=arguments | {key: _value(text) for key, text in settings.items()},
    )
    minutes = [f"minutes={options.minutes:g}"] if options.minutes else []
    said = [*([options.recipe] if options.recipe else []), *options.set, *minutes]
    return "-".join([name, *said]).replace("/", "_"), row


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def main() -> None:
    """Trains what is not there yet, judges it, and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("data_root", type=Path)
    parser.add_argument("rows", nargs="*")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--out", type=Path, default=Path("runs/adversarial"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--minutes", type=float, help="of training, instead of the row's")
    parser.add_argument("--threads", type=int, help="of torch")
    parser.add_argument("--recipe", help="instead of the row's, with its own default arguments")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="an argument")
    options = parser.parse_args()
    if options.list:
        for name, row in ROWS.items():
            said = " ".join(f"{key}={value}" for key, value in row.arguments.items())
            print(f"{name:26} {row.recipe} {said} on {row.data}, {row.minutes:g} minutes; {row.aim}")
        return
    os.environ["LATENTIA_DATA"] = str(options.data_root)
    if options.threads:
        torch.set_num_threads(options.threads)
    options.out.mkdir(parents=True, exist_ok=True)
    titles = "row | seed | recipe | images | images/s | minutes | found | published | aim"
    print(f"| {titles} |\n|{' --- |' * (titles.count('|') + 1)}", flush=True)
    framed: dict[tuple[str, type[Judge]], Judge] = {}
    for name in chosen(options.rows):
        name, row = changed(name, ROWS[name], options)
        source = source_of(row.data, options.data_root, options.out)
        if (row.data, row.judge) not in framed:
            framed[row.data, row.judge] = row.judge(prepare(source, progress=False))
            print("\n".join(frame(row, framed[row.data, row.judge], options.out)), flush=True)
        for seed in options.seeds:
            path = options.out / f"{name}-{seed}"
            run = train(row, source, path, seed)
            line = judged(run, row, framed[row.data, row.judge], options.out / f"{path.name}.json")
            print(f"| {name} | {line} |", flush=True)


if __name__ == "__main__":
    main()
