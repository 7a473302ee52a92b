"""What samples are measured against: real images, and the feature space to measure in."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from latentia._types import Images
from latentia.data import ImageStore, Split
from latentia.metrics import (
    DomainFeatures,
    Estimate,
    FeatureSpace,
    Memorisation,
    Unmeasurable,
    cached_features,
    feature_space,
    measure_memorisation,
)
from latentia.metrics.features import hash_of
from latentia.protocols import Batch
from latentia.report.measures import protocol, read_all
from latentia.report.readings import Sets

FEWEST = 20  # images of a set: what a kernel distance and its error take
ENOUGH = 500  # test images; with fewer, precision and recall say more about the test split than about models
MOST = 1000  # samples, unless more are asked for
FITTED = 5000  # training images at most, to fit the Gaussian, and to look for copies among
SHOWN = 8  # pairs of a sample and its nearest training image
PARTS = ("train", "validation", "test")


@dataclass(frozen=True, slots=True)
class SampleQuality:
    """How near a set of images comes to the real reference images.

    Attributes:
        kind: What the images are: draws, decoder means, real images, or draws of a Gaussian.
        numbers: By key of `MEASURES`, those that mean something at this number of images.
        refusals: By key, why the others would mean nothing, and which measure does.
    """

    kind: str
    numbers: Mapping[str, Estimate]
    refusals: Mapping[str, str]

    def to_json(self) -> dict[str, Any]:
        """All numbers with their intervals, as a dictionary that JSON can hold."""
        return {
            "kind": self.kind,
            **{key: estimate_to_json(number) for key, number in self.numbers.items()},
            "refused": dict(self.refusals),
        }


@dataclass(frozen=True, slots=True)
class Search:
    """A search for copies among samples.

    Attributes:
        found: What it found.
        pairs: The most suspicious samples, and as many nearest training images after them.
    """

    found: Memorisation
    pairs: Images = field(repr=False)


@dataclass(frozen=True)
class Yardstick:
    """Real images to compare with, the same for every model of a table.

    Attributes:
        store: The images that the models were trained on.
        num_samples: Images of every set that is compared.
        space: Where distances are taken.
        recogniser: A classifier of the data, where it has classes.
        reference: The real images that every set is compared with.
        classes: Of the reference, where the data has classes.
        others: As many other real images: what a perfect model would score.
        origin: One sentence on where both come from.
        seed: Seed of every choice.
    """

    store: ImageStore
    num_samples: int
    space: FeatureSpace
    recogniser: DomainFeatures | None
    reference: Images = field(repr=False)
    classes: Int64[Tensor, " images"] | None = field(repr=False)
    others: Images = field(repr=False)
    origin: str
    seed: int

    def judge(self, images: Images, kind: str) -> SampleQuality:
        """Measure a set of as many images as the reference has."""
        sets = Sets(
            self.reference,
            images,
            self.classes,
            self.space,
            self.recogniser,
            self._reference_features,
            self.seed,
        )
        return SampleQuality(kind, *read_all(sets))

    def look_for_copies(self, images: Images) -> Search | None:
        """Whether images lie nearer to training images than to unseen ones; None with too few to say."""
        train = self.store.split("train")
        seen = choose([train], min(FITTED, len(train)), self.seed)[0]
        try:
            found = measure_memorisation(
                images, seen, self._unseen, trained_on=len(train), num_references=FITTED, seed=self.seed
            )
        except Unmeasurable:
            return None
        rows = slice(0, SHOWN)
        return Search(found, torch.cat([images[found.samples[rows]], seen[found.training_images[rows]]]))

    @cached_property
    def bounds(self) -> tuple[SampleQuality, SampleQuality]:
        """Real images against real images, the best to hope for, and a Gaussian, which models should beat."""
        train = self.store.split("train")
        fitted = choose([train], min(FITTED, len(train)), self.seed)[0]
        gaussian = gaussian_like(fitted, self.num_samples, self.seed)
        return self.judge(self.others, "real images"), self.judge(gaussian, "Gaussian in pixel space")

    @property
    def protocol(self) -> tuple[str, ...]:
        """How the samples were measured, a sentence each."""
        return (
            f"{self.num_samples} images of each set, values clamped to [-1, 1]; seed {self.seed}. Intervals: "
            "95 %, over draws of the judged images, by means over images or a jackknife over groups of them.",
            self.origin,
            *protocol(self.space, self.recogniser),
            "Copies: nearest of equally many training and unseen images, under flips and shifts of a pixel; "
            "p by permuting the labels of these references. Of explicit models, decoder means are looked at.",
            "The Gaussian has the mean and the full covariance of the training images' pixels.",
        )

    @cached_property
    def _reference_features(self) -> Float[Tensor, "images features"]:
        # Named by their pixels: `dataclasses.replace` may put another reference in its place.
        return cached_features(self.space, lambda: self.reference, "reference", hash_of([self.reference]))

    @cached_property
    def _unseen(self) -> Images:
        held_out = [self.store.split("validation"), self.store.split("test")]
        return choose(held_out, min(FITTED, sum(map(len, held_out))), self.seed)[0]


def make_yardstick(
    store: ImageStore,
    *,
    num_samples: int | None = None,
    features: str = "auto",
    seed: int = 0,
    progress: bool = True,
) -> Yardstick:
    """Choose the real images to compare with.

    From 500 test images on, the reference is drawn from the test split and the others from the training
    split. With fewer, both are disjoint draws from all splits together, and the protocol says so.

    Args:
        store: The images.
        num_samples: Images of every set; without it, as many as there are, at most 1000.
        features: Name of a feature space, as `feature_space` takes it; `auto` is `domain` for images with
            classes and `random` for others, which a network that learned from clusters serves less well.
        seed: Seed of the choice.
        progress: Whether training the `domain` network shows a bar.

    Raises:
        ValueError: If there are fewer real images than two sets of `num_samples` take, or no such space.
    """
    sizes = {name: len(store.split(name)) for name in PARTS}
    held_out = sizes["test"] >= max(ENOUGH, num_samples or 0)
    available = min(sizes["test"], sizes["train"]) if held_out else sum(sizes.values()) // 2
    num_samples = num_samples or min(available, MOST)
    if not FEWEST <= num_samples <= available:
        raise ValueError(
            f"{num_samples} samples: two sets of real images as large are needed beside them, at least "
            f"{FEWEST} each, and there are {available} for each. Ask for {FEWEST} to {available}."
        )
    if held_out:
        reference, classes = choose([store.split("test")], num_samples, seed)
        others, _ = choose([store.split("train")], num_samples, seed)
        origin = (
            f"Reference: {num_samples} of {sizes['test']} test images; real images: as many training images."
        )
    else:
        both, told = choose([store.split(name) for name in sizes], 2 * num_samples, seed)
        reference, others = both[:num_samples], both[num_samples:]
        classes = None if told is None else told[:num_samples]
        origin = (
            f"Reference and real images: two disjoint sets of {num_samples} from all splits together, since "
            f"the test split holds only {sizes['test']}; models have seen most of these in training."
        )
    if features == "auto":
        features = "domain" if classes is not None else "random"
    space = feature_space(features, store, seed=seed, progress=progress)
    recogniser = space if isinstance(space, DomainFeatures) else None
    if recogniser is None and classes is not None:
        recogniser = DomainFeatures(store, seed=seed, progress=progress)
    if recogniser is not None and not recogniser.num_classes:  # it learned without classes
        recogniser = None
    return Yardstick(store, num_samples, space, recogniser, reference, classes, others, origin, seed)


def choose(splits: list[Split], count: int, seed: int) -> tuple[Images, Int64[Tensor, " images"] | None]:
    """Different images of all splits together, at random, and their classes where there are some."""
    total = sum(len(split) for split in splits)
    chosen = torch.randperm(total, generator=torch.Generator().manual_seed(seed))[:count]
    images, classes, offset = [], [], 0
    for split in splits:
        here = chosen[(chosen >= offset) & (chosen < offset + len(split))] - offset
        images.append(split.images(here))
        classes.append(split.classes(here))
        offset += len(split)
    # Splits lie one after the other here: mix them, so that any cut of the set holds some of each.
    order = torch.randperm(count, generator=torch.Generator().manual_seed(seed))
    known = [part for part in classes if part is not None]
    return torch.cat(images)[order], torch.cat(known)[order] if len(known) == len(splits) else None


def choose_told(split: Split, count: int, seed: int) -> Batch:
    """The images that `choose` takes of one split, and what a conditional model is told of them."""
    generator = torch.Generator().manual_seed(seed)
    rows = torch.randperm(len(split), generator=generator)[:count]
    rows = rows[torch.randperm(count, generator=torch.Generator().manual_seed(seed))]
    return Batch(split.images(rows), split.given(rows))


def gaussian_like(images: Images, count: int, seed: int) -> Float[Tensor, "drawn channels height width"]:
    """Draws from the Gaussian with the images' mean and covariance, clamped to [-1, 1].

    A random combination of the n centred images with weights N(0, 1 / (n - 1)) has exactly their
    covariance, which is never made.
    """
    flat = images.flatten(1)
    mean = flat.mean(0)
    generator = torch.Generator().manual_seed(seed)
    weights = torch.randn(count, len(flat), generator=generator) / max(1, len(flat) - 1) ** 0.5
    return (mean + weights @ (flat - mean)).clamp(-1, 1).reshape(count, *images.shape[1:])


def estimate_to_json(number: Estimate) -> dict[str, float]:
    """A number and its 95 % interval."""
    low, high = number.interval
    return {"value": number.value, "low": low, "high": high}
