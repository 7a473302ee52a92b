"""The report's plots, each drawn twice: for a light page and for a dark one.

A contestant keeps its colour in all of them. Figures are small and many, so that a page can place them
side by side on a screen and one below the other on a phone.
"""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
from jaxtyping import Float, Int64
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from latentia.metrics import Estimate, LatentUse
from latentia.report.contestant import Contestant
from latentia.report.evaluate import Evaluation
from latentia.report.yardstick import SampleQuality

COLOURS = ("#4c78dd", "#e4762b", "#2a9d78", "#c6509b", "#8a63d2", "#b08c1a", "#3f9fc4", "#d1495b")
"""One a contestant, in order, distinct on white and on black."""

INK = {"light": "#3a3f4a", "dark": "#c3c8d2"}
FAINT = {"light": "#d9dce3", "dark": "#3a3f4b"}
BEST = "#7d8590"


@dataclass(frozen=True, slots=True)
class Plot:
    """One figure as two PNG files, and the words that stand for it.

    Attributes:
        title: Short, above the figure.
        caption: How to read it, below.
        light: PNG for a light page.
        dark: PNG for a dark page.
    """

    title: str
    caption: str
    light: bytes
    dark: bytes


class Series(NamedTuple):
    """A term of one run's log."""

    images: list[float]
    minutes: list[float]
    values: list[float]


TERMS = {
    "validation kernel_distance": "Kernel distance of a few hundred samples from validation images. "
    "Lower is better.",
    "validation bound": "Log-likelihood bound on validation images, in nats an image. Higher is better.",
    "distortion": "How badly images are rebuilt from their latents, in nats an image. Lower is better.",
    "rate": "Information that the latents carry about the image, in nats.",
    "real": "The critic's loss on real images.",
    "generated": "The critic's loss on generated images.",
    "game": "The generator's loss. It does not fall steadily: the critic learns as well.",
    "score_of_real": "Mean score that the critic gives real images.",
    "score_of_generated": "Mean score that the critic gives generated images.",
}


def colour(index: int) -> str:
    """The colour of a contestant, by its place."""
    return COLOURS[index % len(COLOURS)]


def training_curves(contestants: Sequence[Contestant]) -> list[Plot]:
    """One figure a term, over images and over minutes; who shares a term shares its figure."""
    series: dict[str, dict[int, Series]] = {}
    for index, contestant in enumerate(contestants):
        for row in contestant.history:
            values = {f"validation {name}": value for name, value in row.get("validation", {}).items()}
            for name, value in {**values, **row.get("terms", {})}.items():
                line = series.setdefault(name, {}).setdefault(index, Series([], [], []))
                line.images.append(row["images_seen"])
                line.minutes.append(row["seconds"] / 60)
                line.values.append(value)
    return [_curve(name, lines, contestants) for name, lines in sorted(series.items(), key=_validation_first)]


def bound_over_draws(evaluations: Sequence[Evaluation]) -> Plot | None:
    """The bound of each explicit model over the number of draws; None where there is none."""
    explicit = [(i, e.name, e.likelihood) for i, e in enumerate(evaluations) if e.likelihood]
    if not explicit:
        return None

    def draw(axes: Axes, ink: str) -> None:
        for index, name, likelihood in explicit:
            curve = likelihood.curve
            axes.plot(list(curve), list(curve.values()), "o-", color=colour(index), ms=3.5, label=name)
        axes.set_xscale("log", base=2)
        ticks = list(explicit[0][2].curve)
        axes.set_xticks(ticks, [str(k) for k in ticks])
        axes.set_xlabel("draws K")
        axes.set_ylabel("nats an image")
        axes.legend()

    caption = "The bound rises with K towards the log-likelihood; where the curve is flat, K suffices."
    return _render("Bound over draws", caption, draw, size=(4.6, 2.9))


def precision_and_recall(evaluations: Sequence[Evaluation]) -> Plot | None:
    """Precision against recall with their intervals: draws filled, decoder means hollow, the frame grey.

    None where there are too few images for either.
    """
    real, gaussian = evaluations[0].bounds
    if "recall" not in real.numbers:
        return None

    def draw(axes: Axes, ink: str) -> None:
        for index, evaluation in enumerate(evaluations):
            for quality in evaluation.qualities:
                filled = quality is evaluation.draws
                label = f"{evaluation.name}, {'draws' if filled else 'means'}"
                face = colour(index) if filled else "none"
                _point(axes, quality, label, fmt="o", color=colour(index), mfc=face, ms=7)
        _point(axes, real, real.kind, fmt="*", color=ink, ms=11)
        _point(axes, gaussian, "Gaussian", fmt="x", color=ink, ms=7)
        axes.set(
            xlim=(-0.04, 1.04), ylim=(-0.04, 1.04), xlabel="recall: variety", ylabel="precision: realism"
        )
        axes.figure.legend(loc="outside right center")

    caption = "Up: samples look like real images. Right: real images are all covered. Both count. Bars: 95 %."
    return _render("Precision and recall", caption, draw, size=(4.6, 2.9))


def rate_and_distortion(evaluations: Sequence[Evaluation]) -> Plot | None:
    """Distortion against rate of explicit models, with lines of equal bound; None where there is none."""
    explicit = [(i, e.name, e.latent_use) for i, e in enumerate(evaluations) if e.latent_use]
    if not explicit:
        return None

    def draw(axes: Axes, ink: str) -> None:
        for index, name, use in explicit:
            axes.plot(use.rate, use.distortion, "o", color=colour(index), ms=8, label=name)
        _lines_of_equal_bound(axes, [use for _, _, use in explicit], ink)
        axes.set(xlabel="rate: nats that the latents take", ylabel="distortion: nats that remain")
        axes.figure.legend(loc="outside right center")

    caption = (
        "The two add up to the negative ELBO: along a dotted line it is the same, and lower lines are "
        "better. Right on a line, latents say more of the image; left, the decoder does the work (Alemi et "
        "al. 2018)."
    )
    return _render("Rate and distortion", caption, draw, size=(4.6, 2.9))


def _lines_of_equal_bound(axes: Axes, uses: Sequence[LatentUse], ink: str) -> None:
    rates, totals = [use.rate for use in uses], [use.rate + use.distortion for use in uses]
    reach = max(0.35 * max(rates), 0.6 * (max(totals) - min(totals)), 1.0)
    low, high = max(0.0, min(rates) - reach), max(rates) + reach
    for total in totals:
        axes.plot([low, high], [total - low, total - high], ":", color=ink, linewidth=0.9, zorder=0)
    axes.set_xlim(low, high)


def latent_map(
    name: str,
    means: Float[Tensor, "images latents"],
    classes: Int64[Tensor, " images"] | None,
    class_names: Sequence[str],
) -> Plot:
    """Posterior means of test images on their two leading principal axes, coloured by class."""
    points = (means - means.mean(0)).double()
    left, strengths, _ = np.linalg.svd(points.numpy(), full_matrices=False)
    if points.shape[1] == 1:
        left, strengths = np.pad(left, ((0, 0), (0, 1))), np.pad(strengths, (0, 1))
    places = left[:, :2] * strengths[:2]
    total = max(float((strengths**2).sum()), 1e-30)
    share = (strengths[:2] ** 2).sum() / total
    coloured = classes is not None and 1 < len(class_names) <= 20

    def draw(axes: Axes, ink: str) -> None:
        if coloured:
            palette = mpl.colormaps["tab10" if len(class_names) <= 10 else "tab20"]
            labels = classes.numpy() if classes is not None else np.zeros(0)
            for number, class_name in enumerate(class_names):
                chosen = places[labels == number]
                axes.scatter(
                    chosen[:, 0], chosen[:, 1], s=11, color=palette(number), label=class_name, linewidths=0
                )
            axes.legend(
                ncols=1 + (len(class_names) > 10), loc="center left", bbox_to_anchor=(1, 0.5), markerscale=1.6
            )
        else:
            axes.scatter(places[:, 0], places[:, 1], s=9, color=COLOURS[0], alpha=0.6, linewidths=0)
        axes.set_aspect("equal", adjustable="datalim")
        axes.set(xticks=[], yticks=[], xlabel="first axis", ylabel="second axis")

    caption = (
        "Each dot is a test image, at the mean of q(z|x), seen along the two directions that vary most "
        f"({share:.0%} of the variance of {means.shape[1]} latents)."
    )
    if coloured:
        caption += " Colours are classes: where they part, the latents tell the classes apart."
    return _render(name, caption, draw, size=(4.6, 3.4))


def _curve(name: str, lines: dict[int, Series], contestants: Sequence[Contestant]) -> Plot:
    def draw(axes: np.ndarray, ink: str) -> None:
        for panel, unit in zip(axes, ("images", "minutes"), strict=True):
            for index, line in lines.items():
                _line(panel, getattr(line, unit), line.values, colour(index))
            panel.set_xlabel({"images": "images seen", "minutes": "minutes of training"}[unit])
            panel.set_ylim(_frame([line.values for line in lines.values()]))
            panel.xaxis.set_major_formatter(mpl.ticker.EngFormatter(sep=""))
            panel.xaxis.set_major_locator(mpl.ticker.MaxNLocator(4))

    who = ", ".join(contestants[index].name for index in lines)
    meaning = TERMS.get(name, TERMS.get(name.rsplit("/", 1)[-1], ""))
    title = name.replace("/", " / ").replace("_", " ")
    return _render(title, f"{who}. {meaning}".strip(), draw, size=(5.4, 2.5), panels=2)


def _line(axes: Axes, places: list[float], values: list[float], own: str) -> None:
    """A curve: faint as logged, strong smoothed."""
    if len(values) > 40:
        axes.plot(places, values, color=own, alpha=0.25, linewidth=0.8)
    axes.plot(places, _running_mean(values), color=own, marker="o" if len(values) < 15 else None, ms=3)


def _frame(series: list[list[float]]) -> tuple[float, float]:
    """Limits that hold nearly all values after the first steps, which would flatten what follows."""
    low, high = np.percentile([v for values in series for v in values[len(values) // 20 :]], [0.5, 99.5])
    margin = 0.08 * (high - low) or 0.1 * abs(high) or 1.0
    return low - margin, high + margin


def _validation_first(item: tuple[str, Any]) -> int:
    return 0 if item[0].startswith("validation") else 1


def _running_mean(numbers: Sequence[float]) -> np.ndarray:
    """Smoothed over a twentieth of the curve, with shorter windows at the ends."""
    width = max(1, len(numbers) // 20)
    kernel = np.ones(width)
    return np.convolve(numbers, kernel, "same") / np.convolve(np.ones(len(numbers)), kernel, "same")


def _point(axes: Axes, quality: SampleQuality, label: str, **style: Any) -> None:
    recall, precision = quality.numbers["recall"], quality.numbers["precision"]
    axes.errorbar(
        recall.value, precision.value, xerr=_half(recall), yerr=_half(precision), label=label, lw=1, **style
    )


def _half(estimate: Estimate) -> float:
    low, high = estimate.interval
    return (high - low) / 2


def _render(
    title: str,
    caption: str,
    draw: Callable[[Any, str], None],
    size: tuple[float, float] = (3.9, 2.7),
    panels: int = 1,
) -> Plot:
    """Draw on a transparent ground, once with dark ink and once with light, in one panel or several."""
    files = {}
    for theme, ink in INK.items():
        style: dict[Any, Any] = {
            "font.size": 9,
            "text.color": ink,
            "axes.labelcolor": ink,
            "axes.edgecolor": FAINT[theme],
            "axes.grid": True,
            "axes.axisbelow": True,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "grid.color": FAINT[theme],
            "grid.linewidth": 0.6,
            "xtick.color": ink,
            "ytick.color": ink,
            "legend.frameon": False,
            "legend.fontsize": 8,
            "lines.linewidth": 1.6,
        }
        with mpl.rc_context(style):
            figure = Figure(figsize=size, layout="constrained")
            draw(figure.subplots(1, panels, sharey=True), ink)
            file = io.BytesIO()
            figure.savefig(file, format="png", dpi=170, transparent=True)
        files[theme] = file.getvalue()
    return Plot(title, caption, files["light"], files["dark"])
