"""Every measure of sample quality: its name, what it means, and the protocol to repeat it by."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from latentia.metrics import DomainFeatures, Estimate, FeatureSpace, Unmeasurable
from latentia.report import readings
from latentia.report.readings import Sets

Better = Literal["higher", "lower", "as real"]


@dataclass(frozen=True, slots=True)
class Measure:
    """One number of a set of images.

    Attributes:
        key: Its name in JSON.
        label: Its name in tables.
        better: Whether higher or lower is better, or what is nearest to real images.
        meaning: One sentence for a reader who does not know it.
        digits: Decimals to show.
        headline: Whether it stands in short tables: the leaderboard, the model card.
    """

    key: str
    label: str
    better: Better
    meaning: str
    digits: int = 2
    headline: bool = False


@dataclass(frozen=True, slots=True)
class Instrument:
    """Reads one measure or several at once.

    Attributes:
        measures: What it reads, in the order in which it returns them.
        read: From sets to numbers.
        protocol: One sentence to repeat it by; `{space}` stands for the feature space.
    """

    measures: tuple[Measure, ...]
    read: Callable[[Sets], Sequence[Estimate]]
    protocol: str


def read_all(sets: Sets) -> tuple[dict[str, Estimate], dict[str, str]]:
    """Every number that means something, and by key the letters of those that would not."""
    numbers: dict[str, Estimate] = {}
    refusals: dict[str, str] = {}
    for instrument in INSTRUMENTS:
        keys = [measure.key for measure in instrument.measures]
        try:
            numbers |= dict(zip(keys, instrument.read(sets), strict=True))
        except Unmeasurable as letter:
            refusals |= dict.fromkeys(keys, str(letter))
    return numbers, refusals


INSTRUMENTS = (
    Instrument(
        (
            Measure(
                "kernel_distance",
                "Kernel distance x 1000",
                "lower",
                "How far the cloud of samples lies from that of real images; unbiased at any size, 0 at "
                "best.",
                headline=True,
            ),
        ),
        readings.kernel_distance,
        "Kernel distance (Bińkowski et al. 2018): squared maximum mean discrepancy, cubic kernel, in "
        "{space}.",
    ),
    Instrument(
        (
            Measure(
                "frechet_distance",
                "Fréchet distance",
                "lower",
                "The same with each cloud taken for a Gaussian; never 0 for finite sets.",
            ),
        ),
        readings.frechet_distance,
        "Fréchet distance (Heusel et al. 2017) in {space}; it is the FID in Inception features alone.",
    ),
    Instrument(
        (
            Measure(
                "sliced_wasserstein",
                "Sliced Wasserstein distance x 1000",
                "lower",
                "How far patches of samples lie from patches of real images.",
                1,
                headline=True,
            ),
        ),
        readings.sliced_wasserstein,
        "Sliced Wasserstein distance: 7 x 7 patches of a Laplacian pyramid, 512 directions, mean over levels "
        "(Karras et al. 2017; normalised with the real patches' mean and deviation).",
    ),
    Instrument(
        (
            Measure(
                "precision",
                "Precision",
                "higher",
                "Realism: the share of samples that lie among real images.",
                headline=True,
            ),
            Measure(
                "recall",
                "Recall",
                "higher",
                "Variety: the share of real images that lie among samples.",
                headline=True,
            ),
            Measure(
                "density",
                "Density",
                "as real",
                "Realism, less shaken by outliers; above 1, samples crowd where real images are densest.",
            ),
            Measure(
                "coverage",
                "Coverage",
                "higher",
                "Variety, less shaken by outliers: the share of real images with a sample nearby.",
            ),
        ),
        readings.coverage,
        "Precision and recall (k = 3, Kynkäänniemi et al. 2019), density and coverage (k = 5, Naeem et al. "
        "2020) in {space}.",
    ),
    Instrument(
        (
            Measure(
                "two_sample_accuracy",
                "Told from real",
                "lower",
                "How often a classifier tells samples from real images that it has not seen; 0.5 is chance.",
            ),
        ),
        readings.two_sample_accuracy,
        "Told from real: accuracy of a classifier two-sample test (Lopez-Paz & Oquab 2017) in {space}.",
    ),
    Instrument(
        (
            Measure(
                "different_bins",
                "Bins that differ",
                "lower",
                "Share of the kinds of image (clusters of real ones) that samples show too often or too "
                "seldom; chance alone gives 0.05.",
            ),
        ),
        readings.different_bins,
        "Bins that differ (Richardson & Weiss 2018): k-means clusters of the reference in {space}, "
        "two-proportion test at 5 %.",
    ),
    Instrument(
        (
            Measure(
                "sharpness",
                "Sharpness",
                "as real",
                "Energy of fine detail, real images 1: below, samples are blurry; above, noisy.",
                headline=True,
            ),
        ),
        readings.sharpness,
        "Sharpness: mean energy of the Laplacian-filtered image, divided by that of the reference.",
    ),
    Instrument(
        (
            Measure(
                "spectrum_slope",
                "Spectrum slope",
                "as real",
                "How fast power falls with spatial frequency; steeper than real images, samples lack detail.",
            ),
        ),
        readings.spectrum_slope,
        "Spectrum slope: of log power against log frequency, azimuthal average, mean over images.",
    ),
    Instrument(
        (
            Measure(
                "diversity",
                "Likeness of pairs (MS-SSIM)",
                "as real",
                "How alike two samples are on average; above real images, there is less variety.",
                3,
            ),
        ),
        readings.diversity,
        "Likeness of pairs: mean multi-scale structural similarity of random pairs (Odena et al. 2017).",
    ),
    Instrument(
        (
            Measure(
                "recognition_score",
                "Recognition score",
                "higher",
                "Whether a classifier of the data is sure of each sample and sees all classes: 1 to their "
                "number.",
            ),
        ),
        readings.recognition_score,
        "Recognition score: the Inception score's formula (Salimans et al. 2016) on the classifier "
        "{recogniser}.",
    ),
    Instrument(
        (
            Measure(
                "classification_accuracy",
                "Learned from samples alone",
                "higher",
                "Accuracy on real images of a classifier trained on samples.",
            ),
        ),
        readings.classification_accuracy,
        "Learned from samples alone: classification accuracy score (Ravuri & Vinyals 2019); ridge regression "
        "on random features, samples labelled by the classifier {recogniser}.",
    ),
)

MEASURES: Mapping[str, Measure] = {m.key: m for instrument in INSTRUMENTS for m in instrument.measures}
"""All measures by key, in the order of tables."""


def protocol(space: FeatureSpace, recogniser: DomainFeatures | None) -> tuple[str, ...]:
    """How everything was measured, a sentence each."""
    named = f"{space.name} (hash {space.hash})"
    judge = (
        "none, the data has no classes" if recogniser is None else f"{recogniser.name} ({recogniser.hash})"
    )
    return tuple(i.protocol.format(space=named, recogniser=judge) for i in INSTRUMENTS)
