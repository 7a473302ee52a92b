"""Transfer: what features that were learned without labels are worth once there are a few labels."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from tqdm import tqdm

from latentia.data import ImageStore, Split
from latentia.data.labels import UNLABELLED
from latentia.tasks.layers import FeatureReader, Features
from latentia.tasks.linear_probe import Labels, LinearProbe, choose_count, nearest_classes, standardise
from latentia.tasks.supervised import learn_supervised

Probe = Literal["svm", "nearest"]
Answers = Int64[Tensor, " tested"]
Told = Callable[[Labels, Labels, int], Answers]
"""From positions of labelled images, their classes and a seed to the classes of test images."""

SIZES = (10, 100, 1_000)
SETTLED = 1_000
"""Images that batch norms of a network without training take their statistics from."""


@dataclass(frozen=True, slots=True)
class Point:
    """How many test images are told right after so many labels.

    Attributes:
        num_labels: Labels a class; of all labels the smallest class's.
        whole: Whether all labels were used.
        accuracies: Share of test images told right, for each draw of labels; of all labels one.
    """

    num_labels: int
    whole: bool
    accuracies: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Mean over draws of labels."""
        return sum(self.accuracies) / len(self.accuracies)

    @property
    def std(self) -> float:
        """Standard deviation over draws of labels; 0 of one."""
        return float(torch.tensor(self.accuracies).std(correction=0)) if len(self.accuracies) > 1 else 0.0


@dataclass(frozen=True, slots=True)
class Curve:
    """What some features are worth, by the number of labels.

    Attributes:
        name: Of what the classes were read.
        num_features: How many numbers an image; 0 where a network was taught.
        points: From few labels to all.
    """

    name: str
    num_features: int
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Labelled:
    """Labelled images to learn from, and test images to be told.

    Attributes:
        pool: Images that are not for testing.
        labels: Their classes.
        test: Test images.
        test_labels: Their classes.
        classes: Name of each class.
    """

    pool: Split
    labels: Labels
    test: Split
    test_labels: Answers
    classes: tuple[str, ...]

    @staticmethod
    def of(store: ImageStore) -> "Labelled":
        """Those of a store: all but its test part to learn from; images without a class are left out.

        Raises:
            ValueError: If there are fewer than two classes, or one has no image to learn from.
        """
        classes = tuple(name for name in store.facts.classes if name != UNLABELLED)
        if len(classes) < 2:
            raise ValueError(
                f"{store.facts.name} has {len(classes)} classes; at least 2 are needed to learn from. "
                f"Put each into a folder of its own, or give a table: --labels FILE.csv."
            )
        parts = [store.split("train").beside(store.split("validation")), store.split("test")]
        (pool, labels), (test, test_labels) = (_known(part, len(classes)) for part in parts)
        counts = labels.bincount(minlength=len(classes))
        if counts.min() < 2:
            raise ValueError(
                f"There are {int(counts.min())} images of {classes[int(counts.argmin())]!r} to learn from; "
                f"each class needs at least 2."
            )
        return Labelled(pool, labels, test, test_labels, classes)

    def draw(self, num_labels: int, seed: int) -> Labels:
        """Positions of so many images of each class.

        Args:
            num_labels: Of each class, at most what the smallest has.
            seed: Of the draw, the same for whatever is compared.
        """
        order = torch.randperm(len(self.labels), generator=torch.Generator().manual_seed(seed))
        of_class = (order[self.labels[order] == label][:num_labels] for label in range(len(self.classes)))
        return torch.cat(list(of_class))


def transfer(
    model: nn.Module,
    store: ImageStore,
    *,
    layers: Sequence[str] | None = None,
    grid: int = 4,
    probe: Probe = "svm",
    sizes: Sequence[int] | None = None,
    seeds: int = 5,
    untrained: Callable[[], nn.Module] | None = None,
    supervised: bool = False,
    progress: bool = False,
) -> list[Curve]:
    """Accuracy by the number of labels: of a model's features, and of what they have to beat.

    A probe learns classes from features of labelled images, and tells those of test images. Beside the
    model stand the pixels themselves and, where it can be made, the same network without training. All see
    the same labels.

    Args:
        model: One with a critic or an encoder that is told nothing, in evaluation mode.
        store: Images with classes. Labels are taken from all but its test part.
        layers: Names of layers; those of `layer_names` without it.
        grid: Cells a side to which maps are pooled, at least 1.
        probe: `svm`, a linear support vector machine a class, its C chosen by cross-validation on the
            labels at hand; `nearest`, the commonest class among neighbours by the cosine, their number
            chosen the same way.
        sizes: Labels a class; 10, 100 and 1,000 without it, as far as the smallest class goes. All labels
            come last.
        seeds: Draws of labels at each size, at least 1.
        untrained: Makes the model anew, as it was before training.
        supervised: Whether such a network is also taught the labels, for each draw anew.
        progress: Whether to draw bars.

    Returns:
        The model's curve first.

    Raises:
        ValueError: If the model has no features, the store no classes, or a class too few images.

    Note:
        The mean and deviation of features are taken of all images but those for testing: they need no labels.

    Source:
        Radford et al. 2016 (arXiv:1511.06434), section 5.1; by the number of labels: section 5.2.
    """
    known = Labelled.of(store)
    sizes = _sizes(known, sizes, seeds)
    if supervised and untrained is None:
        raise ValueError("A supervised network is made of the model before training: give `untrained`.")
    trained = FeatureReader(model, layers, grid=grid)

    def curve(name: str, read: Callable[[Split], Features]) -> Curve:
        features = read(known.pool), read(known.test)
        standardise(*features)
        tell = _probe(probe, *features, len(known.classes))
        return replace(_curve(name, known, tell, sizes, seeds, progress), num_features=features[0].shape[1])

    curves = [curve("this model", lambda split: trained.of(split, progress=progress))]
    curves.append(curve("pixels", _pixels))
    if untrained is not None:
        reader = FeatureReader(_settled(untrained(), known.pool, trained.names), trained.names, grid=grid)
        curves.append(curve("untrained network", lambda split: reader.of(split, progress=progress)))
    if untrained is not None and supervised:
        taught = _teacher(known, untrained, progress)
        curves.append(_curve("supervised network", known, taught, sizes, seeds, progress))
    return curves


def curve_table(curves: Sequence[Curve]) -> str:
    """Curves as a table: accuracy in %, mean and deviation over draws of labels."""
    head = [f"all ({p.num_labels:,})" if p.whole else f"{p.num_labels:,}" for p in curves[0].points]
    rows = [["labels a class", "features", *head]]
    for curve in curves:
        cells = [f"{100 * p.mean:.1f}" + ("" if p.whole else f" ± {100 * p.std:.1f}") for p in curve.points]
        rows.append([curve.name, f"{curve.num_features:,}" if curve.num_features else "-", *cells])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = (zip(row, widths, strict=True) for row in rows)
    return "\n".join("  ".join(cell.ljust(width) for cell, width in line).rstrip() for line in lines)


def _curve(name: str, known: Labelled, tell: Told, sizes: Sequence[int], seeds: int, progress: bool) -> Curve:
    def accuracy(rows: Labels, seed: int) -> float:
        return (tell(rows, known.labels[rows], seed) == known.test_labels).double().mean().item()

    draws = [(size, seed) for size in sizes for seed in range(seeds)]
    found: dict[int, list[float]] = {size: [] for size in sizes}
    for size, seed in tqdm(draws, desc=name, unit=" draws", leave=False, disable=not progress):
        found[size].append(accuracy(known.draw(size, seed), seed))
    points = [Point(size, False, tuple(accuracies)) for size, accuracies in found.items()]
    smallest = int(known.labels.bincount().min())
    whole = Point(smallest, True, (accuracy(torch.arange(len(known.labels)), 0),))
    return Curve(name, 0, (*points, whole))


def _probe(kind: Probe, pool: Features, test: Float[Tensor, "tested features"], num_classes: int) -> Told:
    def by_machine(rows: Labels, labels: Labels, seed: int) -> Answers:
        chosen = pool if len(rows) == len(pool) else pool[rows]  # all of them are never copied
        return LinearProbe.fit(chosen, labels, num_classes).predict(test)

    def by_neighbours(rows: Labels, labels: Labels, seed: int) -> Answers:
        count = choose_count(pool[rows], labels, num_classes)
        return nearest_classes(pool[rows], labels, test, num_classes, count=count)

    return by_machine if kind == "svm" else by_neighbours


def _teacher(known: Labelled, untrained: Callable[[], nn.Module], progress: bool) -> Told:
    def tell(rows: Labels, labels: Labels, seed: int) -> Answers:
        network = learn_supervised(
            untrained(), known.pool, rows, labels, len(known.classes), seed=seed, progress=progress
        )
        return network.predict(known.test)

    return tell


def _pixels(split: Split) -> Features:
    return split.images(slice(None)).flatten(1)


def _settled(model: nn.Module, split: Split, names: Sequence[str]) -> nn.Module:
    """A model whose batch norms know the statistics of real images, as they would after one turn."""
    norms = [part for part in model.modules() if isinstance(part, nn.modules.batchnorm._BatchNorm)]
    if norms:
        usual = [norm.momentum for norm in norms]
        for norm in norms:
            norm.momentum = 1.0
        reader = FeatureReader(model, names)
        shown = split.images(torch.arange(min(SETTLED, len(split))))
        with torch.no_grad():
            model.train()
            reader.activations(shown.to(next(model.parameters()).device))
        for norm, momentum in zip(norms, usual, strict=True):
            norm.momentum = momentum
    return model.eval()


def _known(split: Split, num_classes: int) -> tuple[Split, Labels]:
    """The images of a part that have a class, and these."""
    labels = split.classes(slice(None))
    assert labels is not None
    rows = torch.nonzero(labels < num_classes).flatten()
    return split.only(rows), labels[rows]


def _sizes(known: Labelled, sizes: Sequence[int] | None, seeds: int) -> tuple[int, ...]:
    smallest = int(known.labels.bincount(minlength=len(known.classes)).min())
    if sizes is None:
        sizes = [size for size in SIZES if size < smallest]
    wrong = [size for size in sizes if not 2 <= size <= smallest]
    if wrong or seeds < 1:
        raise ValueError(
            f"Got {', '.join(map(str, sizes))} labels a class and {seeds} draws of them; a class needs 2 "
            f"or more, the smallest has {smallest:,} to learn from, and there is at least 1 draw."
        )
    return tuple(sorted(set(sizes)))
