"""Pictures of what tasks measured: scores of unusual images, and accuracy by the number of labels."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from latentia.data.replacing import replacing
from latentia.report.plots import COLOURS, FAINT, INK
from latentia.report.unusual import Detection
from latentia.tasks import Curve

BINS = 45
STYLE: dict[Any, Any] = {
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.edgecolor": FAINT["light"],
    "axes.labelcolor": INK["light"],
    "xtick.color": INK["light"],
    "ytick.color": INK["light"],
    "text.color": INK["light"],
    "grid.color": FAINT["light"],
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "font.size": 9,
}


def histograms(found: Detection) -> bytes:
    """The distribution of scores of each group of a detection, as a PNG file.

    Each has an area of 1. The axis leaves out the outermost 0.5 % of all scores on either side.
    """
    groups = [found.usual, *(group for group in found.others if group.words != "all of these")]
    groups = [group for group in groups if len(group.scores)]
    low, high = np.quantile(np.concatenate([group.scores.numpy() for group in groups]), [0.005, 0.995])
    edges = np.linspace(low, high if high > low else low + 1, BINS).tolist()
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(5.6, 2.8), layout="constrained")
        axes = figure.subplots()
        for group, colour in zip(groups, _colours(len(groups)), strict=True):
            scores = group.scores.numpy()
            label = f"{group.words} ({len(scores):,})"
            axes.hist(scores, edges, density=True, color=colour, alpha=0.25)
            axes.hist(scores, edges, density=True, color=colour, histtype="step", linewidth=1.4, label=label)
        axes.set(xlabel=f"{found.measure}: more unusual to the right", yticks=[])
        figure.legend(loc="outside upper left", ncols=3)
        return _png(figure)


def few_shot(curves: Sequence[Curve]) -> bytes:
    """Accuracy by the number of labels a class, on a logarithmic axis, as a PNG file.

    Bars are one standard deviation over draws of labels; the last point is of all labels.
    """
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(5.6, 3.2), layout="constrained")
        axes = figure.subplots()
        for curve, colour in zip(curves, _colours(len(curves)), strict=True):
            labels = [point.num_labels for point in curve.points]
            means, errors = zip(*((100 * point.mean, 100 * point.std) for point in curve.points), strict=True)
            marks: dict[str, Any] = {"marker": "o", "markersize": 4, "capsize": 2}
            axes.errorbar(labels, means, errors, color=colour, label=curve.name, **marks)
        labels = [point.num_labels for point in curves[0].points]
        words = [f"all\n({p.num_labels:,})" if p.whole else f"{p.num_labels:,}" for p in curves[0].points]
        axes.set_xscale("log")
        axes.set_xticks(labels, words)
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set(xlabel="labels a class", ylabel="test images told right, %")
        axes.legend(loc="lower right")
        return _png(figure)


def write(content: bytes, path: Path) -> None:
    """Writes a file whole or not at all."""
    with replacing(path) as aside:
        aside.write_bytes(content)


def _colours(number: int) -> list[str]:
    return [COLOURS[index % len(COLOURS)] for index in range(number)]


def _png(figure: Figure) -> bytes:
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=170, facecolor="white")
    return file.getvalue()
