"""How each measure of sample quality is read off a set of images."""

from dataclasses import dataclass, field
from functools import cached_property

from jaxtyping import Float, Int64
from torch import Tensor

from latentia import metrics
from latentia._types import Images
from latentia.metrics import DomainFeatures, Estimate, FeatureSpace, Unmeasurable


@dataclass(frozen=True)
class Sets:
    """A set of images to judge, beside the real ones that it is judged by.

    Attributes:
        real: The reference: held-out images where there are enough.
        judged: As many images.
        classes: Of the reference, where the data has classes.
        space: Where distances are taken.
        recogniser: A classifier of the data, where it has classes.
        real_features: Of the reference, in that space.
        seed: Seed of what a measure draws.
    """

    real: Images = field(repr=False)
    judged: Images = field(repr=False)
    classes: Int64[Tensor, " images"] | None = field(repr=False)
    space: FeatureSpace
    recogniser: DomainFeatures | None
    real_features: Float[Tensor, "images features"] = field(repr=False)
    seed: int

    @cached_property
    def features(self) -> Float[Tensor, "images features"]:
        """Of the judged images."""
        return self.space(self.judged)


def kernel_distance(sets: Sets) -> list[Estimate]:
    """Times 1000, as papers print it."""
    found = metrics.kernel_distance(sets.real_features, sets.features, seed=sets.seed)
    return [Estimate(1000 * found.value, 1000 * found.error)]


def frechet_distance(sets: Sets) -> list[Estimate]:
    """In the features' own unit, squared."""
    return [metrics.frechet_distance(sets.real_features, sets.features)]


def sliced_wasserstein(sets: Sets) -> list[Estimate]:
    """Times 1000, as its metric gives it; its error from ten groups of images."""
    return [metrics.sliced_wasserstein(sets.real, sets.judged, seed=sets.seed, groups=10).estimate]


def coverage(sets: Sets) -> list[Estimate]:
    """Precision, recall, density and coverage."""
    found = metrics.measure_coverage(sets.real_features, sets.features)
    return [found.precision, found.recall, found.density, found.coverage]


def two_sample_accuracy(sets: Sets) -> list[Estimate]:
    """A share, 0 to 1."""
    return [metrics.classifier_two_sample(sets.real_features, sets.features, seed=sets.seed).accuracy]


def different_bins(sets: Sets) -> list[Estimate]:
    """A share, 0 to 1."""
    return [metrics.different_bins(sets.real_features, sets.features, seed=sets.seed).share]


def sharpness(sets: Sets) -> list[Estimate]:
    """In units of the reference."""
    return [metrics.sharpness(sets.real, sets.judged)]


def spectrum_slope(sets: Sets) -> list[Estimate]:
    """An exponent, below 0."""
    return [metrics.spectrum_slope(sets.judged)]


def diversity(sets: Sets) -> list[Estimate]:
    """Likeness, at most 1: the higher, the less diverse."""
    return [metrics.diversity(sets.judged, seed=sets.seed)]


def recognition_score(sets: Sets) -> list[Estimate]:
    """From 1 to the number of classes."""
    return [metrics.recognition_score(_recogniser(sets).classify(sets.judged))]


def classification_accuracy(sets: Sets) -> list[Estimate]:
    """A share, 0 to 1."""
    labels = _recogniser(sets).classify(sets.judged).argmax(1)
    assert sets.classes is not None
    return [metrics.classification_accuracy_score(sets.judged, labels, sets.real, sets.classes)]


def _recogniser(sets: Sets) -> DomainFeatures:
    if sets.recogniser is None or sets.classes is None:
        raise Unmeasurable("the data has no classes: `kernel_distance` needs none.")
    return sets.recogniser
