"""The report's plots, each drawn twice: for a light page and for a dark one.

A contestant keeps its colour in all of them. Figures are small and many, so that a page can place them
side by side on a screen and one below the other on a phone.
"""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
from jaxtyping import Float, Int64
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from latentia.metrics import Coverage
from latentia.report.contestant import Contestant
from latentia.report.evaluate import Evaluation

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


TERMS = {
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
    """One figure a term, over images seen; contestants that share a term share its figure."""
    series: dict[str, dict[int, tuple[list[float], list[float]]]] = {}
    for index, contestant in enumerate(contestants):
        for row in contestant.history:
            values = {f"validation {name}": value for name, value in row.get("validation", {}).items()}
            for name, value in {**values, **row.get("terms", {})}.items():
                seen, numbers = series.setdefault(name, {}).setdefault(index, ([], []))
                seen.append(row["images_seen"])
                numbers.append(value)
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


def precision_and_recall(evaluations: Sequence[Evaluation]) -> Plot:
    """Precision against recall: draws filled, decoder means hollow, real images and the Gaussian grey."""

    def draw(axes: Axes, ink: str) -> None:
        for index, evaluation in enumerate(evaluations):
            for quality in evaluation.qualities:
                filled = quality is evaluation.draws
                label = f"{evaluation.name}, {'draws' if filled else 'means'}"
                face = colour(index) if filled else "none"
                _point(axes, quality.coverage, label, marker="o", c=face, edgecolors=colour(index))
        real, gaussian = evaluations[0].bounds
        _point(axes, real.coverage, real.kind, marker="*", c=ink, size=110)
        _point(axes, gaussian.coverage, "Gaussian", marker="x", c=ink, size=45)
        axes.set(
            xlim=(-0.04, 1.04), ylim=(-0.04, 1.04), xlabel="recall: variety", ylabel="precision: realism"
        )
        axes.figure.legend(loc="outside right center")

    caption = "Up: samples look like real images. Right: real images are all covered. Both count."
    return _render("Precision and recall", caption, draw, size=(4.6, 2.9))


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
        f"Each dot is a test image, at the mean of q(z|x), seen along the two directions that vary most "
        f"({share:.0%} of the variance of {means.shape[1]} latents)."
    )
    if coloured:
        caption += " Colours are classes: where they part, the latents tell the classes apart."
    return _render(name, caption, draw, size=(4.6, 3.4))


def _curve(
    name: str, lines: dict[int, tuple[list[float], list[float]]], contestants: Sequence[Contestant]
) -> Plot:
    def draw(axes: Axes, ink: str) -> None:
        settled = []
        for index, (seen, numbers) in lines.items():
            smooth = _running_mean(numbers)
            if len(numbers) > 40:
                axes.plot(seen, numbers, color=colour(index), alpha=0.25, linewidth=0.8)
            axes.plot(seen, smooth, color=colour(index), marker="o" if len(seen) < 15 else None, ms=3)
            settled += numbers[len(numbers) // 20 :]  # the first steps would flatten all that follows
        low, high = np.percentile(settled, [0.5, 99.5])
        margin = 0.08 * (high - low) or 0.1 * abs(high) or 1.0
        axes.set_ylim(low - margin, high + margin)
        axes.set_xlabel("images seen")
        axes.xaxis.set_major_formatter(mpl.ticker.EngFormatter(sep=""))
        axes.xaxis.set_major_locator(mpl.ticker.MaxNLocator(5))

    who = ", ".join(contestants[index].name for index in lines)
    meaning = TERMS.get(name, TERMS.get(name.rsplit("/", 1)[-1], ""))
    return _render(name.replace("/", " / ").replace("_", " "), f"{who}. {meaning}".strip(), draw)


def _validation_first(item: tuple[str, Any]) -> int:
    return 0 if item[0].startswith("validation") else 1


def _running_mean(numbers: Sequence[float]) -> np.ndarray:
    """Smoothed over a twentieth of the curve, with shorter windows at the ends."""
    width = max(1, len(numbers) // 20)
    kernel = np.ones(width)
    return np.convolve(numbers, kernel, "same") / np.convolve(np.ones(len(numbers)), kernel, "same")


def _point(axes: Axes, coverage: Coverage, label: str, size: float = 55, **style: Any) -> None:
    axes.scatter([coverage.recall], [coverage.precision], s=size, label=label, **style)


def _render(
    title: str, caption: str, draw: Callable[[Axes, str], None], size: tuple[float, float] = (3.9, 2.7)
) -> Plot:
    """Draw on a transparent ground, once with dark ink and once with light."""
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
            draw(figure.subplots(), ink)
            file = io.BytesIO()
            figure.savefig(file, format="png", dpi=170, transparent=True)
        files[theme] = file.getvalue()
    return Plot(title, caption, files["light"], files["dark"])
