"""How rows of the adversarial benchmark are judged. The docstring of a judge is its protocol."""

import inspect
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from functools import cached_property

import torch
from adversarial_data import STACKS, stack, stacked_images
from digit_classifier import DigitClassifier
from torch import Tensor

from latentia._types import Images
from latentia.data import ImageStore, Split, prepare
from latentia.metrics import (
    DomainFeatures,
    Estimate,
    FeatureSpace,
    InceptionFeatures,
    RandomFeatures,
    diversity,
    frechet_distance,
    kernel_distance,
    measure_coverage,
    measure_memorisation,
    nearest_neighbours,
    sliced_wasserstein,
)
from latentia.protocols import Batch
from latentia.report.yardstick import choose

Numbers = Mapping[str, float | Estimate]
PARTS = ("train", "validation", "test")


class Judge(ABC):
    """Measures sets of images of one size: samples of a model, or what they are to be read beside.

    Attributes:
        num_images: Images of a set.
        asked: Class that is asked for of each image; None where the judge knows no classes.
        instrument: The classifier or feature space, in words.
    """

    num_images: int
    asked: Tensor | None = None
    instrument: str = "pixels"

    @abstractmethod
    def measure(self, samples: Batch) -> Numbers:
        """The numbers of a set."""

    @abstractmethod
    def frames(self) -> Mapping[str, Callable[[], Batch]]:
        """Makers of sets to read the numbers beside: real images, the best to hope for, and others."""

    @property
    def protocol(self) -> str:
        """What one must know to repeat the numbers."""
        words = " ".join((inspect.getdoc(self) or "").split())
        return f"{type(self).__name__}: {words} Measured with: {self.instrument}."


class DigitModes(Judge):
    """Of 26,000 samples of the averaged weights each channel is labelled by a digit classifier.

    A mode is one of 1,000 triples of digits, and counts with one sample. KL(p || q) in nats, p the triples
    of the samples and q those of the 128,000 stacks that were made for training (all parts), from their
    true labels. A perfect model has a KL of about 999 / 52,000 = 0.019. Real: 26,000 stacks of test digits.
    Metz et al. 2017 (arXiv:1611.02163); sizes: Lin et al. 2018 (arXiv:1712.04086).
    """

    num_images = 26_000

    def __init__(self, store: ImageStore) -> None:
        self.classifier = DigitClassifier()
        self.instrument = self.classifier.name
        _, digits = stack(prepare("mnist", progress=False).split("train"), STACKS)
        self.real = _histogram(digits)

    def measure(self, samples: Batch) -> Numbers:
        digits = self.classifier(samples.images.flatten(0, 1).unsqueeze(1)).reshape(-1, 3)
        drawn = _histogram(digits)
        return {
            "modes": int((drawn > 0).sum()),
            "KL": (torch.xlogy(drawn, drawn) - torch.xlogy(drawn, self.real)).sum().item(),
        }

    def frames(self) -> Mapping[str, Callable[[], Batch]]:
        test = prepare("mnist", progress=False).split("test")
        return {"real": lambda: Batch(stacked_images(test, stack(test, self.num_images)[0]))}


class NearestDigit(Judge):
    """The nearest of 50,000 samples (5,000 a class, averaged weights) labels each of the 10,000 test images.

    Euclidean distance of pixels in [-1, 1]; the error is the share of test images that are labelled wrongly.
    Hits are the share of samples that a digit classifier takes for the class that was asked for. Real: as
    many images of MNIST's 60,000 for training. Radford et al. 2015 (arXiv:1511.06434), section 5.3.
    """

    num_images = 50_000
    asked = torch.arange(num_images) % 10

    def __init__(self, store: ImageStore) -> None:
        self.classifier = DigitClassifier()
        self.instrument = self.classifier.name
        self.parts = [store.split("train"), store.split("validation")]
        test = store.split("test")
        self.test_images, self.test_classes = test.images(slice(None)), _classes(test)

    def measure(self, samples: Batch) -> Numbers:
        assert samples.given is not None
        nearest = nearest_neighbours(self.test_images, samples.images.split(10_000)).indices
        wrong = samples.given[nearest] != self.test_classes
        hit = self.classifier(samples.images) == samples.given
        return {"1-NN error, %": _percent(wrong), "class hits, %": _percent(hit)}

    def frames(self) -> Mapping[str, Callable[[], Batch]]:
        return {"real": lambda: Batch(*choose(self.parts, self.num_images, seed=0))}


class Fidelity(Judge):
    """10,000 samples of the averaged weights against the 10,000 test images, in features of a classifier.

    The classifier is the domain network of the training split, seed 0. Fréchet distance, kernel distance
    x 1000, density and coverage (k = 5). Real: as many training images.
    """

    num_images = 10_000

    def __init__(self, store: ImageStore) -> None:
        self.train, test = store.split("train"), store.split("test")
        self.space = DomainFeatures(store)
        self.instrument = _named(self.space)
        self.reference = self.space(test.images(slice(None)))

    def measure(self, samples: Batch) -> Numbers:
        features = self.space(samples.images)
        covered = measure_coverage(self.reference, features)
        return {
            "Fréchet": frechet_distance(self.reference, features),
            "kernel x 1000": _thousandfold(kernel_distance(self.reference, features)),
            "density": covered.density,
            "coverage": covered.coverage,
        }

    def frames(self) -> Mapping[str, Callable[[], Batch]]:
        return {"real": lambda: Batch(choose([self.train], self.num_images, seed=0)[0])}


class Pyramid(Judge):
    """6,600 samples of the averaged weights against a random half of all images, training images included.

    Sliced Wasserstein distance x 1000 between 7 x 7 patches at each level of a Laplacian pyramid, down to
    8 px; 2^17 patches a level and 512 directions; normalised with the reference's patches. MS-SSIM of 3,300
    disjoint pairs within the set. Real: the other half. Karras et al. 2017 (arXiv:1710.10196), section 5,
    with 16,384 images and levels down to 16 px.
    """

    num_images = 6600

    def __init__(self, store: ImageStore) -> None:
        halves, _ = choose([store.split(name) for name in PARTS], 2 * self.num_images, seed=0)
        self.reference, self.others = halves.split(self.num_images)

    def measure(self, samples: Batch) -> Numbers:
        found = sliced_wasserstein(self.reference, samples.images, max_patches=2**17)
        levels = {f"SWD {side}": distance for side, distance in found.levels.items()}
        return {
            "SWD x 1000": found.estimate,
            **levels,
            "MS-SSIM": diversity(samples.images, num_pairs=self.num_images // 2),
        }

    def frames(self) -> Mapping[str, Callable[[], Batch]]:
        return {"real": lambda: Batch(self.others)}


class HeldOut(Judge):
    """Samples of the averaged weights against as many held-out images, which nothing was chosen by either.

    Half of the test images, 2,000 at most. Coverage and density (k = 5), recall (k = 3) and kernel distance
    x 1000 in untrained features; MS-SSIM of pairs, which is above that of real images where variety is lost;
    copies: p-value and share of the test for copies among all training images and as many held-out ones,
    flips and shifts of a pixel included. Real: the other half. Copies: the training images over and over.
    """

    def __init__(self, store: ImageStore) -> None:
        train, test = store.split("train"), store.split("test")
        self.num_images = min(2000, len(test) // 2)
        held_out = test.images(slice(0, 2 * self.num_images))
        self.reference, self.others = held_out.split(self.num_images)
        self.train = train.images(slice(None))
        self.space = RandomFeatures(store.facts.channels)
        self.instrument = _named(self.space)
        self.features = self.space(self.reference)

    def measure(self, samples: Batch) -> Numbers:
        features = self.space(samples.images)
        covered = measure_coverage(self.features, features)
        copies = measure_memorisation(samples.images, self.train, self.reference)
        return {
            "coverage": covered.coverage,
            "density": covered.density,
            "recall": covered.recall,
            "kernel x 1000": _thousandfold(kernel_distance(self.features, features)),
            "MS-SSIM": diversity(samples.images),
            "copies p": copies.p_value,
            "nearest is training": copies.share,
        }

    def frames(self) -> Mapping[str, Callable[[], Batch]]:
        rows = torch.arange(self.num_images) % len(self.train)
        return {"real": lambda: Batch(self.others), "copies": lambda: Batch(self.train[rows])}


class PublishedDistance(Judge):
    """50,000 samples of the averaged weights against the 50,000 images for training, validation included.

    Fréchet distance in the published Inception network where LATENTIA_INCEPTION names its file: the FID.
    Elsewhere in the features of the domain network, seed 0, and that is no FID. Kernel distance x 1000 in the
    same. Real: the 10,000 test images, fewer than samples, so that their distance is a little too large.
    """

    num_images = 50_000

    def __init__(self, store: ImageStore) -> None:
        self.parts, self.test = [store.split("train"), store.split("validation")], store.split("test")
        published = bool(os.environ.get("LATENTIA_INCEPTION"))
        self.space = InceptionFeatures() if published else DomainFeatures(store)
        self.label = "FID" if published else "Fréchet (no FID)"
        self.instrument = _named(self.space)

    @cached_property
    def reference(self) -> Tensor:
        """Features of the images for training."""
        return torch.cat([self._features(choose([part], len(part), seed=0)[0]) for part in self.parts])

    def measure(self, samples: Batch) -> Numbers:
        features = self._features(samples.images)
        return {
            self.label: frechet_distance(self.reference, features),
            "kernel x 1000": _thousandfold(kernel_distance(self.reference, features)),
        }

    def frames(self) -> Mapping[str, Callable[[], Batch]]:
        return {"real": lambda: Batch(self.test.images(slice(None)))}

    def _features(self, images: Images) -> Tensor:
        device = "cuda" if torch.cuda.is_available() else "cpu"
        return torch.cat([self.space(batch.to(device)).cpu() for batch in images.split(1000)])


def _histogram(digits: Tensor) -> Tensor:
    """Share of each of the 1,000 triples of digits."""
    counts = torch.bincount(digits @ torch.tensor([100, 10, 1]), minlength=1000)
    return counts.double() / len(digits)


def _classes(split: Split) -> Tensor:
    classes = split.classes(slice(None))
    assert classes is not None
    return classes


def _named(space: FeatureSpace) -> str:
    return f"{space.name}, hash {space.hash}"


def _percent(those: Tensor) -> Estimate:
    share = Estimate.of_mean(those)
    return Estimate(100 * share.value, 100 * share.error)


def _thousandfold(distance: Estimate) -> Estimate:
    return Estimate(1000 * distance.value, 1000 * distance.error)
