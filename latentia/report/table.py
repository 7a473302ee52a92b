"""The table that puts explicit and implicit models side by side."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from latentia.metrics import Likelihood
from latentia.report.evaluate import Evaluation
from latentia.report.wording import duration, number
from latentia.report.yardstick import SampleQuality

Better = Literal["higher", "lower", "neither"]
NONE = "implicit: none"


@dataclass(frozen=True, slots=True)
class Cell:
    """What one model has in one row: a number, a remark under it, and whether it is the row's best."""

    text: str
    remark: str = ""
    best: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One measure of all models.

    Attributes:
        label: Name of the measure.
        better: Whether higher or lower is better.
        meaning: One sentence for a reader who does not know it.
        cells: One a model.
        real: The number of real images against real images, where it applies.
        gaussian: The number of the Gaussian in pixel space, where it applies.
    """

    label: str
    better: Better
    meaning: str
    cells: list[Cell]
    real: str = ""
    gaussian: str = ""


def rows(evaluations: Sequence[Evaluation]) -> list[Row]:
    """All rows, likelihood first, then samples, then cost."""
    return [*_likelihood_rows(evaluations), *_sample_rows(evaluations), *_cost_rows(evaluations)]


def _likelihood_rows(evaluations: Sequence[Evaluation]) -> list[Row]:
    def row(
        label: str,
        better: Better,
        meaning: str,
        measure: Callable[[Likelihood], float | None],
        show: Callable[[Likelihood], tuple[str, str]],
    ) -> Row:
        likelihoods = [e.likelihood for e in evaluations]
        best = _best([None if one is None else measure(one) for one in likelihoods], better)
        cells = [
            Cell(NONE) if one is None else Cell(*show(one), best=index == best)
            for index, one in enumerate(likelihoods)
        ]
        return Row(label, better, meaning, cells)

    return [
        row(
            "Log-likelihood, bound",
            "higher",
            "How likely the model finds test images, in nats an image; the truth is this or more.",
            lambda one: one.mean,
            lambda one: (number(one.mean, 2), f"± {one.standard_error:.2f}, K = {one.num_draws}"),
        ),
        row(
            "Bits a dimension",
            "lower",
            "The same, as the bits that each pixel value would take in a file made with the model.",
            lambda one: one.bits_per_dim,
            lambda one: (
                "binary: nats alone" if one.bits_per_dim is None else number(one.bits_per_dim, 3),
                _exact(one),
            ),
        ),
        row(
            "ELBO, one draw",
            "higher",
            "The looser bound that training raises; the effective sample size says how many draws count.",
            lambda one: one.elbo,
            lambda one: (
                number(one.elbo, 2),
                f"effective {one.effective_sample_size:.1f} of {one.num_draws}",
            ),
        ),
    ]


def _sample_rows(evaluations: Sequence[Evaluation]) -> list[Row]:
    def row(
        label: str, better: Better, meaning: str, measure: Callable[[SampleQuality], float], digits: int = 2
    ) -> Row:
        best = _best([measure(e.draws) for e in evaluations], better)
        cells = [
            Cell(
                number(measure(e.draws), digits),
                f"means: {number(measure(e.means), digits)}" if e.means else "",
                best=index == best,
            )
            for index, e in enumerate(evaluations)
        ]
        real, gaussian = (number(measure(bound), digits) for bound in evaluations[0].bounds)
        return Row(label, better, meaning, cells, real, gaussian)

    return [
        row(
            "Sliced Wasserstein distance",
            "lower",
            "How far patches of samples lie from patches of real images, times 1000.",
            lambda quality: quality.sliced.mean,
            digits=1,
        ),
        row(
            "Precision",
            "higher",
            "Realism: the share of samples that lie among real images.",
            lambda quality: quality.coverage.precision,
        ),
        row(
            "Recall",
            "higher",
            "Variety: the share of real images that lie among samples.",
            lambda quality: quality.coverage.recall,
        ),
        row(
            "Density",
            "neither",
            "Realism again, less shaken by outliers; above 1, samples crowd where real images are densest.",
            lambda quality: quality.coverage.density,
        ),
        row(
            "Coverage",
            "higher",
            "Variety again, less shaken by outliers: the share of real images with a sample nearby.",
            lambda quality: quality.coverage.coverage,
        ),
        row(
            "Nearest training image",
            "neither",
            "Median pixel distance. Far below that of real unseen images, the model copies.",
            lambda quality: quality.nearest,
            digits=3,
        ),
    ]


def _cost_rows(evaluations: Sequence[Evaluation]) -> list[Row]:
    return [
        Row(
            "Parameters",
            "neither",
            "Numbers that training set.",
            [Cell(f"{e.num_parameters:,}") for e in evaluations],
        ),
        Row(
            "Training",
            "neither",
            "Time, and images seen, repetitions counted.",
            [Cell(duration(e.seconds), f"{e.images_seen:,} images") for e in evaluations],
        ),
    ]


def _best(numbers: Sequence[float | None], better: Better) -> int | None:
    """Place of the best number; None where there are not two to choose from, or two are equally good."""
    known = [value for value in numbers if value is not None]
    if len(known) < 2 or better == "neither":
        return None
    best = max(known) if better == "higher" else min(known)
    return numbers.index(best) if known.count(best) == 1 else None


def _exact(likelihood: Likelihood) -> str:
    return (
        "" if likelihood.exact is None else f"dequantised, exact: {number(likelihood.exact, 2)} nats an image"
    )
