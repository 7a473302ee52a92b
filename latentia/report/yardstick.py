"""What samples are measured against: real images, and the feature space to measure in."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor

from latentia._types import Images
from latentia.data import ImageStore, Split
from latentia.metrics import (
    Coverage,
    FeatureSpace,
    PixelFeatures,
    RandomFeatures,
    SlicedWasserstein,
    measure_coverage,
    nearest_neighbours,
    sliced_wasserstein,
)

ENOUGH = 500  # test images; with fewer, precision and recall say more about the test split than about models
MOST = 1000  # samples, unless more are asked for
FITTED = 5000  # training images at most, to fit the Gaussian and the pixel features
BATCH = 2000  # training images in memory at a time

FeatureName = Literal["random", "pixels"]


@dataclass(frozen=True, slots=True)
class SampleQuality:
    """How near a set of images comes to the real reference images.

    Attributes:
        kind: What the images are: draws, decoder means, real images, or draws of a Gaussian.
        sliced: Sliced Wasserstein distance of patches, by pyramid level, times 1000: lower is better.
        coverage: Precision, recall, density and coverage in the feature space.
        nearest: Median distance to the nearest training image: root-mean-square difference of pixel
            values in [-1, 1]. Much below that of real held-out images, the model copies.
    """

    kind: str
    sliced: SlicedWasserstein
    coverage: Coverage
    nearest: float

    def to_json(self) -> dict[str, Any]:
        """All numbers, as a dictionary that JSON can hold."""
        return {
            "kind": self.kind,
            "sliced_wasserstein": self.sliced.mean,
            "sliced_wasserstein_by_level": {str(side): value for side, value in self.sliced.levels.items()},
            "precision": self.coverage.precision,
            "recall": self.coverage.recall,
            "density": self.coverage.density,
            "coverage": self.coverage.coverage,
            "nearest_training_image": self.nearest,
        }


@dataclass(frozen=True)
class Yardstick:
    """Real images to compare with, the same for every model of a table.

    Attributes:
        store: The images that the models were trained on.
        num_samples: Images of every set that is compared.
        features: Where precision and recall are measured.
        reference: The real images that every set is compared with.
        others: As many other real images: what a perfect model would score.
        origin: One sentence on where both come from.
        seed: Seed of every choice.
    """

    store: ImageStore
    num_samples: int
    features: FeatureSpace
    reference: Images = field(repr=False)
    others: Images = field(repr=False)
    origin: str
    seed: int

    def judge(self, images: Images, kind: str) -> SampleQuality:
        """Measure a set of as many images as the reference has."""
        return SampleQuality(
            kind=kind,
            sliced=sliced_wasserstein(self.reference, images, seed=self.seed),
            coverage=measure_coverage(self._reference_features, self.features(images)),
            nearest=self._distance_to_training(images),
        )

    @cached_property
    def bounds(self) -> tuple[SampleQuality, SampleQuality]:
        """Real images against real images, the best to hope for, and a Gaussian, which models should beat."""
        real = self.judge(self.others, "real images")
        held_out = self.store.split("test").images(slice(0, MOST))
        # Some of the others may be training images, whose distance is 0; held-out ones tell what is normal.
        real = SampleQuality(real.kind, real.sliced, real.coverage, self._distance_to_training(held_out))
        gaussian = _gaussian(self.store.split("train"), self.num_samples, self.seed)
        return real, self.judge(gaussian, "Gaussian in pixel space")

    @property
    def protocol(self) -> tuple[str, ...]:
        """How the samples were measured, a sentence each."""
        return (
            f"{self.num_samples} images of each set, values clamped to [-1, 1]; seed {self.seed}.",
            self.origin,
            "Sliced Wasserstein distance: 7 x 7 patches of a Laplacian pyramid, 512 directions, times 1000, "
            "mean over levels (Karras et al. 2017; normalised with the real patches' mean and deviation).",
            f"Precision and recall (k = 3, Kynkäänniemi et al. 2019), density and coverage (k = 5, Naeem et "
            f"al. 2020) in the features of: {self.features.name}, hash {self.features.hash}.",
            "Nearest training image: root-mean-square difference of pixel values, median over the set; for "
            "real images, that of the test split.",
            "The Gaussian has the mean and the full covariance of the training images' pixels.",
        )

    @cached_property
    def _reference_features(self) -> Float[Tensor, "images features"]:
        return self.features(self.reference)

    def _distance_to_training(self, images: Images) -> float:
        return nearest_neighbours(images, batches(self.store.split("train"))).distances.median().item()


def make_yardstick(
    store: ImageStore, *, num_samples: int | None = None, features: FeatureName = "random", seed: int = 0
) -> Yardstick:
    """Choose the real images to compare with.

    From 500 test images on, the reference is drawn from the test split and the others from the training
    split. With fewer, both are disjoint draws from all splits together, and the protocol says so.

    Args:
        store: The images.
        num_samples: Images of every set; without it, as many as there are, at most 1000.
        features: `random` for the untrained network, `pixels` for principal components.
        seed: Seed of the choice.

    Raises:
        ValueError: If there are fewer real images than two sets of `num_samples` take.
    """
    sizes = {name: len(store.split(name)) for name in ("train", "validation", "test")}
    held_out = sizes["test"] >= max(ENOUGH, num_samples or 0)
    available = min(sizes["test"], sizes["train"]) if held_out else sum(sizes.values()) // 2
    num_samples = num_samples or min(available, MOST)
    if not 6 <= num_samples <= available:
        raise ValueError(
            f"{num_samples} samples: two sets of real images as large are needed beside them, at least 6 "
            f"each, and there are {available} for each. Ask for 6 to {available}."
        )
    if held_out:
        reference = choose([store.split("test")], num_samples, seed)
        others = choose([store.split("train")], num_samples, seed)
        origin = (
            f"Reference: {num_samples} of {sizes['test']} test images; real images: as many training images."
        )
    else:
        both = choose([store.split(name) for name in sizes], 2 * num_samples, seed)
        reference, others = both[:num_samples], both[num_samples:]
        origin = (
            f"Reference and real images: two disjoint sets of {num_samples} from all splits together, since "
            f"the test split holds only {sizes['test']}; models have seen most of these in training."
        )
    return Yardstick(
        store, num_samples, _feature_space(features, store, seed), reference, others, origin, seed
    )


def batches(split: Split) -> Iterator[Images]:
    """All images of a split, in order."""
    for start in range(0, len(split), BATCH):
        yield split.images(slice(start, start + BATCH))


def choose(splits: list[Split], count: int, seed: int) -> Images:
    """Different images of all splits together, at random."""
    total = sum(len(split) for split in splits)
    chosen = torch.randperm(total, generator=torch.Generator().manual_seed(seed))[:count]
    images, offset = [], 0
    for split in splits:
        here = chosen[(chosen >= offset) & (chosen < offset + len(split))] - offset
        images.append(split.images(here))
        offset += len(split)
    together = torch.cat(images)
    # Splits lie one after the other here: mix them, so that any cut of the set holds some of each.
    return together[torch.randperm(count, generator=torch.Generator().manual_seed(seed))]


def _feature_space(name: FeatureName, store: ImageStore, seed: int) -> FeatureSpace:
    if name == "random":
        return RandomFeatures(store.facts.channels)
    return PixelFeatures(choose([store.split("train")], min(FITTED, len(store.split("train"))), seed))


def _gaussian(train: Split, count: int, seed: int) -> Images:
    """Draws from the Gaussian with the training images' mean and covariance, clamped to [-1, 1].

    A random combination of the n centred images with weights N(0, 1 / (n - 1)) has exactly their
    covariance, which is never made.
    """
    images = choose([train], min(FITTED, len(train)), seed)
    flat = images.flatten(1)
    mean = flat.mean(0)
    generator = torch.Generator().manual_seed(seed)
    weights = torch.randn(count, len(flat), generator=generator) / max(1, len(flat) - 1) ** 0.5
    return (mean + weights @ (flat - mean)).clamp(-1, 1).reshape(count, *images.shape[1:])
