"""Which score finds unusual images: areas under the ROC curve by score, for other data and classes left out.

    python benchmarks/detect.py DATA_ROOT fashion-digits --out runs/detect
    python benchmarks/detect.py DATA_ROOT left-out --classes 0 5 8 --models gaussian bigan
    python benchmarks/detect.py DATA_ROOT fashion-digits --minutes 0.2 --images 200 --seeds 0

`fashion-digits` learns Fashion-MNIST, and digits of MNIST are to be found among its test images; `digits-
fashion` the other way round. `left-out` learns Fashion-MNIST without one class, for each of `--classes`,
and that class is to be found among the test images of the others. Of each kind `--images` test images are
drawn at random. 0.5 is chance; below it the usual images score higher. A run that is there already is not
trained again. Figures are means over seeds of the training, with their standard deviation; all go to
OUT/NAME.json. Needs the published data sets under DATA_ROOT (see docs/data.md).
"""

import argparse
import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from latentia import recipes
from latentia._types import Images
from latentia.data import Split, prepare
from latentia.metrics import area_under_roc
from latentia.report.task_figures import write
from latentia.tasks import anomaly_scores

Scores = Mapping[str, Mapping[str, Any]]
LIKELIHOODS: Scores = {
    "-log p(x)": {},
    "less PNG": {"complexity": "png"},
    "less background": {"background": True},
}
LOSSES: Scores = {"reconstruction": {"score": "reconstruction"}, "inversion": {"score": "inversion"}}


@dataclass(frozen=True, slots=True)
class Model:
    """A recipe, its arguments, and what it is scored by."""

    recipe: str
    arguments: Mapping[str, Any]
    scores: Scores


MODELS = {
    "logistic": Model(
        "vae.logistic", {"network": "mlp", "width": 256, "half_life": 2_000}, LIKELIHOODS | LOSSES
    ),
    "gaussian": Model("vae.gaussian", {"half_life": 2_000}, LIKELIHOODS | LOSSES),
    "plain": Model("ae.plain", {"half_life": 2_000}, LOSSES),
    "bigan": Model("hybrid.bigan", {}, LOSSES),
    "hinge": Model("gan.hinge", {}, {"inversion": {"score": "inversion"}}),
}
SOURCES = {"fashion-digits": ("fashion-mnist", "mnist"), "digits-fashion": ("mnist", "fashion-mnist")}
PERTURBED = 0.1
"""Share of pixels that a background model's images have at random."""


def main() -> None:
    """Trains what is asked for, scores it and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("data_root", type=Path)
    parser.add_argument("rows", nargs="+", choices=[*SOURCES, "left-out"])
    parser.add_argument("--out", type=Path, default=Path("runs/detect"))
    parser.add_argument("--models", nargs="*", choices=list(MODELS), default=list(MODELS))
    parser.add_argument("--classes", nargs="*", type=int, default=list(range(10)))
    parser.add_argument("--minutes", type=float, default=1.0, help="of each training")
    parser.add_argument("--images", type=int, default=500, help="of each kind")
    parser.add_argument("--seeds", nargs="*", type=int, default=[0, 1, 2])
    asked = parser.parse_args()
    os.environ["LATENTIA_DATA"] = str(asked.data_root)
    print("| learned | to be found | model | score | area under the curve |")
    print("| --- | --- | --- | --- | --- |")
    for name in asked.rows:
        found = {}
        for words, learned, usual, unusual in _cases(name, asked):
            for model in asked.models:
                areas = [_areas(asked, words, model, learned, usual, unusual, seed) for seed in asked.seeds]
                for score in areas[0]:
                    values = [area[score] for area in areas]
                    spread = f" ± {np.std(values):.3f}" if len(values) > 1 else ""
                    cells = (*words, model, score, f"{np.mean(values):.3f}{spread}")
                    print(f"| {' | '.join(cells)} |", flush=True)
                    found["/".join((*words, model, score))] = values
        settings = {key: value for key, value in vars(asked).items() if key not in ("data_root", "out")}
        whole = {"settings": settings, "areas": found}
        write(json.dumps(whole, indent=1).encode(), asked.out / f"{name}.json")


Case = tuple[tuple[str, str], np.ndarray, Images, Images]


def _cases(name: str, asked: argparse.Namespace) -> Iterator[Case]:
    """Words, pixels to learn from, and test images of both kinds, usual ones first."""
    usual, unusual = SOURCES.get(name, ("fashion-mnist", "fashion-mnist"))
    store, other = prepare(usual, progress=False), prepare(unusual, progress=False)
    train, test = store.split("train"), store.split("test")
    if name in SOURCES:
        yield (
            (usual, unusual),
            _pixels(train),
            _some(test, asked.images),
            _some(other.split("test"), asked.images),
        )
        return
    learned, told = train.classes(slice(None)), test.classes(slice(None))
    assert learned is not None
    assert told is not None
    for label in asked.classes:
        kept, is_one = train.only(torch.nonzero(learned != label).flatten()), told == label
        others, ones = (test.only(torch.nonzero(rows).flatten()) for rows in (~is_one, is_one))
        words = (f"{usual} without {store.facts.classes[label]}", store.facts.classes[label])
        yield words, _pixels(kept), _some(others, asked.images), _some(ones, asked.images)


def _areas(
    asked: argparse.Namespace,
    words: tuple[str, str],
    name: str,
    learned: np.ndarray,
    usual: Images,
    unusual: Images,
    seed: int,
) -> dict[str, float]:
    """The area under the curve by each score of a model."""
    model = MODELS[name]
    folder = asked.out / f"{words[0].replace('/', '-').replace(' ', '-')}-{name}-{asked.minutes:g}-{seed}"
    own = _trained(folder, model, lambda: learned, asked, seed)
    areas = {}
    for score, settings in model.scores.items():
        settings = dict(settings)
        if settings.get("background"):
            beside = folder.with_name(folder.name + "-background")
            settings["background"] = _trained(beside, model, lambda: _perturbed(learned, seed), asked, seed)
        scores = [
            anomaly_scores(own, images, generator=torch.Generator().manual_seed(seed), **settings)
            for images in (unusual, usual)
        ]
        areas[score] = area_under_roc(*scores).value
    return areas


def _trained(
    folder: Path, model: Model, pixels: Callable[[], np.ndarray], asked: argparse.Namespace, seed: int
) -> torch.nn.Module:
    """A model that has learned some pixels; trained where it is not there."""
    if not folder.exists():
        settings = {"minutes": asked.minutes, "seed": seed, "show": False, "device": "cpu"}
        recipes.train(model.recipe, pixels(), out=folder, **settings, **model.arguments)
    return recipes.load(folder)


def _perturbed(pixels: np.ndarray, seed: int) -> np.ndarray:
    """Pixels of which some are replaced by any level: what a background model learns (Ren et al. 2019)."""
    generator = np.random.default_rng(seed)
    noise = generator.integers(0, 256, pixels.shape, dtype=np.uint8)
    return np.where(generator.random(pixels.shape) < PERTURBED, noise, pixels)


def _pixels(split: Split) -> np.ndarray:
    images = [split.images(rows) for rows in torch.arange(len(split)).split(10_000)]
    return np.concatenate([((part[:, 0] + 1) * 127.5).round().byte().numpy() for part in images])


def _some(split: Split, most: int) -> Images:
    return split.images(torch.randperm(len(split), generator=torch.Generator().manual_seed(0))[:most])


if __name__ == "__main__":
    main()
