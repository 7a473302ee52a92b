"""The table that puts explicit and implicit models side by side."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from latentia.metrics import Likelihood
from latentia.report.evaluate import Evaluation
from latentia.report.measures import MEASURES, Better, Measure
from latentia.report.wording import duration, number, with_error

NONE = "implicit: no density"
TOO_FEW = "too few images"


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
        better: Whether higher or lower is better, or what is nearest to real images; empty for facts.
        meaning: One sentence for a reader who does not know it.
        cells: One a model.
        real: The number of real images against real images, where it applies.
        gaussian: The number of the Gaussian in pixel space, where it applies.
    """

    label: str
    better: Better | None
    meaning: str
    cells: list[Cell]
    real: str = ""
    gaussian: str = ""


def rows(evaluations: Sequence[Evaluation]) -> list[Row]:
    """All rows, likelihood first, then samples, then cost."""
    samples = [_sample_row(measure, evaluations) for measure in MEASURES.values()]
    known = [row for row in samples if row is not None]
    return [*_likelihood_rows(evaluations), *known, _copies(evaluations), *_cost_rows(evaluations)]


def refusals(evaluations: Sequence[Evaluation]) -> list[str]:
    """Why some measures are missing, each reason once."""
    qualities = [quality for e in evaluations for quality in e.qualities]
    return list(dict.fromkeys(letter for quality in qualities for letter in quality.refusals.values()))


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
            lambda one: (with_error(one.estimate, 2), f"K = {one.num_draws}"),
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


def _sample_row(measure: Measure, evaluations: Sequence[Evaluation]) -> Row | None:
    """The row of a measure; None where it was refused for every model."""
    key, digits = measure.key, measure.digits
    draws = [e.draws.numbers.get(key) for e in evaluations]
    if not any(draws):
        return None
    real, gaussian = (bound.numbers.get(key) for bound in evaluations[0].bounds)
    target = real.value if measure.better == "as real" and real else None
    best = _best([None if one is None else one.value for one in draws], measure.better, target)
    cells = []
    for index, (evaluation, drawn) in enumerate(zip(evaluations, draws, strict=True)):
        means = evaluation.means.numbers.get(key) if evaluation.means else None
        remark = f"means: {number(means.value, digits)}" if means else ""
        text = with_error(drawn, digits) if drawn else TOO_FEW
        cells.append(Cell(text, remark, best=index == best))
    shown = [with_error(real, digits), with_error(gaussian, digits)]
    return Row(measure.label, measure.better, measure.meaning, cells, *shown)


def _copies(evaluations: Sequence[Evaluation]) -> Row:
    cells = []
    for evaluation in evaluations:
        if evaluation.search is None:
            cells.append(Cell(TOO_FEW))
        else:
            found = evaluation.search.found
            remark = "it copies" if evaluation.copies else f"p = {found.p_value:.2g}"
            cells.append(Cell(with_error(found.share, 2), remark))
    meaning = "Share of samples that lie nearer to training images than to unseen ones; 0.5 is chance."
    return Row("Nearest is a training image", None, meaning, cells)


def _cost_rows(evaluations: Sequence[Evaluation]) -> list[Row]:
    return [
        Row(
            "Parameters",
            None,
            "Numbers that training set.",
            [Cell(f"{e.num_parameters:,}") for e in evaluations],
        ),
        Row(
            "Training",
            None,
            "Time, and images seen, repetitions counted.",
            [Cell(duration(e.seconds), f"{e.images_seen:,} images") for e in evaluations],
        ),
    ]


def _best(numbers: Sequence[float | None], better: Better, target: float | None = None) -> int | None:
    """Place of the best number; None where there are not two to choose from, or two are equally good."""
    losses = [None if value is None else _loss(value, better, target) for value in numbers]
    known = [loss for loss in losses if loss is not None]
    if len(known) < 2 or known.count(min(known)) > 1:
        return None
    return losses.index(min(known))


def _loss(value: float, better: Better, target: float | None) -> float | None:
    if better == "as real":
        return None if target is None else abs(value - target)
    return -value if better == "higher" else value


def _exact(likelihood: Likelihood) -> str:
    return (
        "" if likelihood.exact is None else f"dequantised, exact: {number(likelihood.exact, 2)} nats an image"
    )
