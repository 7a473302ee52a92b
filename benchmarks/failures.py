"""Why GANs fail: each failure reproduced and cured, as the pictures of docs/why-gans-fail.md.

    python benchmarks/failures.py --out docs/pictures [NAME ...]

Names: dirac collapse vanishing blow_up few_images gammas. One thread, seed 0, built-in data alone. What was
measured is kept in `--runs` and is not measured again. The numbers of the page are printed as they are drawn.
"""

import argparse
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import failure_runs
import matplotlib as mpl
import numpy as np
import torch
from gaussians import MODES
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from latentia.report.plots import COLOURS, FAINT, INK

BLUE, ORANGE, GREEN, PINK, VIOLET = COLOURS[:5]
Rows = Sequence[Mapping[str, Any]]
STYLE: dict[Any, Any] = {
    "font.size": 9,
    "axes.titlesize": 9,
    "text.color": INK["light"],
    "axes.labelcolor": INK["light"],
    "axes.edgecolor": FAINT["light"],
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": FAINT["light"],
    "grid.linewidth": 0.6,
    "xtick.color": INK["light"],
    "ytick.color": INK["light"],
    "lines.linewidth": 1.6,
}


def main() -> None:
    """Measures what is not measured yet, draws, and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("docs/pictures"))
    parser.add_argument("--runs", type=Path, default=Path("runs/failures"))
    parser.add_argument("names", nargs="*", default=list(FAILURES), metavar="NAME")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    asked.runs.mkdir(parents=True, exist_ok=True)
    for name in asked.names:
        found = measured(name, asked.runs)
        for draw in FAILURES[name]:
            with mpl.rc_context(STYLE):
                save(draw(found), asked.out / f"failure-{draw.__name__.replace('_', '-')}.png")


def measured(name: str, runs: Path) -> Any:
    """What `failure_runs` finds, from the file of an earlier time if there is one."""
    file, measure = runs / f"{name}.json", getattr(failure_runs, name)
    if not file.exists():
        found = measure(runs) if name == "blow_up" else measure()
        file.write_text(json.dumps(found))
    return json.loads(file.read_text())


def save(figure: Figure, file: Path) -> None:
    """On white, as few bytes as a palette takes."""
    figure.savefig(file, dpi=140, facecolor="white")
    with Image.open(file) as picture:
        picture.convert("RGB").quantize(128, dither=Image.Dither.NONE).save(file, optimize=True)
    print(f"{file}: {file.stat().st_size / 1000:.0f} kB", flush=True)


def sheet(rows: int, columns: int, size: tuple[float, float], **settings: Any) -> tuple[Figure, Any]:
    """A figure of several panels."""
    figure = Figure(figsize=size, layout="constrained")
    return figure, figure.subplots(rows, columns, **settings)


def lines(
    axes: Axes, named: Mapping[str, tuple[Sequence[float], Sequence[float], str]], gap: float = 0.08
) -> None:
    """Lines, each named at its right end, names at least a part of the panel's height apart."""
    for places, values, colour in named.values():
        axes.plot(places, values, color=colour)
    axes.set_ylim(axes.get_ylim())  # held, for names are placed by it
    to_panel = axes.transScale + axes.transLimits
    ends = {name: to_panel.transform((own[0][-1], own[1][-1]))[1] for name, own in named.items()}
    taken = -math.inf
    for name, end in sorted(ends.items(), key=lambda item: item[1]):
        taken = max(end, taken + gap)
        axes.annotate(
            name,
            (1.02, taken),
            xycoords="axes fraction",
            color=named[name][2],
            va="center",
            annotation_clip=False,
        )


def thousands(axes: Axes) -> None:
    """Images seen along the bottom."""
    axes.set_xlabel("images seen")
    axes.xaxis.set_major_formatter(mpl.ticker.EngFormatter(sep=""))
    axes.xaxis.set_major_locator(mpl.ticker.MaxNLocator(4))


def column(rows: Rows, name: str) -> list[float]:
    """One number of every row."""
    return [row[name] for row in rows]


def strip(axes: Axes, images: Sequence[Any], title: str) -> None:
    """Images of one channel side by side; a list of several rows of them makes several rows."""
    grid = np.asarray(images, dtype=float)
    grid = grid if grid.ndim == 4 else grid[None]
    padded = np.pad(grid, ((0, 0), (0, 0), (1, 0), (1, 0)), constant_values=1.0)
    axes.imshow(
        np.concatenate([np.concatenate(list(row), 1) for row in padded]), cmap="gray", vmin=-1, vmax=1
    )
    axes.set(xticks=[], yticks=[])
    axes.set_title(title, loc="left")
    axes.spines[:].set_visible(False)


def dirac(found: Mapping[str, Sequence[tuple[float, float]]]) -> Figure:
    """Trajectories of point and slope, one panel a game."""
    figure, panels = sheet(2, 4, (7.4, 4.3), sharex=True, sharey=True)
    for axes, (name, path) in zip(panels.flat, found.items(), strict=True):
        distances = [math.hypot(*place) for place in path]
        print(f"dirac: {name}: distance {distances[0]:.2f} -> {distances[-1]:.2g}")
        settled = distances[-1] < 0.02
        point, slope = np.asarray(path).T
        axes.plot(point, slope, color=GREEN if settled else ORANGE, linewidth=0.7, alpha=0.8)
        axes.plot(*path[0], "o", color=INK["light"], ms=3.5)
        axes.plot(*path[-1], "o", color=GREEN if settled else ORANGE, ms=5)
        axes.plot(0, 0, "+", color=INK["light"], ms=9)
        axes.set_title(f"{name}\n{distances[-1]:.2g} away at the end", fontsize=8)
        axes.set(xlim=(-2.6, 2.6), ylim=(-2.6, 2.6), xticks=[-2, 0, 2], yticks=[-2, 0, 2], aspect="equal")
    figure.supxlabel("the generator's point (data: 0)", fontsize=9)
    figure.supylabel("the critic's slope", fontsize=9)
    return figure


def collapse(found: Mapping[str, Rows]) -> Figure:
    """Samples of the 25 Gaussians, one row a recipe, over turns."""
    figure, panels = sheet(2, 3, (7.0, 4.9), sharex=True, sharey=True)
    for line, (recipe, rows) in zip(panels, found.items(), strict=True):
        for axes, row in zip(line, rows, strict=True):
            print(
                f"collapse: {recipe} {row['turns']}: {row['modes']} modes, {row['within']:.0%} within 3 sigma"
            )
            colour = ORANGE if recipe == "gan.minimax" else GREEN
            axes.scatter(*MODES.T.numpy(), s=60, facecolor="none", edgecolor=INK["light"], linewidth=0.5)
            axes.scatter(*np.asarray(row["points"]).T, s=2, color=colour, linewidth=0, alpha=0.5)
            axes.set(xlim=(-1.05, 1.05), ylim=(-1.05, 1.05), xticks=[], yticks=[], aspect="equal")
            axes.set_title(f"{row['turns']:,} turns: {row['modes']} modes, {row['within']:.0%}")
        line[0].set_ylabel(recipe)
    return figure


def vanishing(found: Mapping[str, Any]) -> Figure:
    """The generator's gradient while the critic learns; and runs of two games whose critic is ahead."""
    figure, (left, right) = sheet(1, 2, (7.4, 2.9))
    colours = dict(
        zip(found["norms"], [ORANGE, GREEN, VIOLET, PINK, COLOURS[6], BLUE, COLOURS[5]], strict=True)
    )
    left.set(xscale="log", yscale="log", xlabel="steps that the critic alone has taken")
    left.set_title("norm of the generator's gradient", loc="left")
    named = {
        name.replace("_", "-"): (*zip(*path, strict=True), colours[name])
        for name, path in found["norms"].items()
    }
    lines(left, named, gap=0.075)
    for name, path in found["norms"].items():
        print(f"vanishing: {name}: {path[0][1]:.3g} after 1 step, {path[-1][1]:.3g} after {path[-1][0]}")
    runs = found["runs"]
    right.set_yscale("log")
    right.set_title("kernel distance x 1000, 5 critic steps", loc="left")
    shown = {"minimax": ORANGE, "non_saturating": GREEN}
    lines(
        right,
        {
            n.replace("_", "-"): (column(runs[n], "images"), column(runs[n], "distance"), c)
            for n, c in shown.items()
        },
    )
    thousands(right)
    for name, rows in runs.items():
        print(f"vanishing: critic ahead, {name}: distance {rows[-1]['distance']:.3g} at the end")
    return figure


def blow_up(found: Mapping[str, Any]) -> Figure:
    """Kernel distance of three runs, with where one was rolled back, and samples of each at the end."""
    figure, (left, right) = sheet(1, 2, (7.4, 2.7), width_ratios=(3, 2))
    guarded = found["rescued"]["log"]
    looks = [row for row in guarded if "kernel_distance" in row.get("validation", {})]
    rescued = [(row["images_seen"], 1000 * row["validation"]["kernel_distance"]) for row in looks]
    series = {
        name: (column(found[name], "images"), column(found[name], "distance"), colour)
        for name, colour in (("own rate", BLUE), ("50 times", ORANGE))
    } | {"50 times, rescued": (*zip(*rescued, strict=True), GREEN)}
    left.set_yscale("log")
    lines(left, series)
    for row in guarded:
        if "rescued" in row or "stopped" in row:
            left.axvline(row["images_seen"], color=GREEN, linewidth=0.8, linestyle=":")
            print(f"blow_up: {row.get('rescued') or row['stopped']}")
    left.set_title("kernel distance x 1000", loc="left")
    thousands(left)
    rows = [found["own rate"][-1]["draws"], found["50 times"][-1]["draws"], found["rescued"]["draws"]]
    strip(right, rows, "own rate, 50 times, rescued")
    for name, (_, distances, _colour) in series.items():
        print(f"blow_up: {name}: distance {distances[-1]:.2f} at the end, {min(distances):.2f} at best")
    return figure


def few_images(found: Mapping[str, Any]) -> Figure:
    """How far scores and distance drift, by augmentation, and samples beside the nearest training image."""
    figure = Figure(figsize=(7.4, 4.4), layout="constrained")
    above, below = figure.subfigures(2, 1, height_ratios=(3, 2))
    left, right = above.subplots(1, 2)
    colours = {"none": ORANGE, "adaptive": BLUE, "always": GREEN}
    gaps, distances = {}, {}
    for name, own in found.items():
        images, far = column(own["rows"], "images"), column(own["rows"], "distance")
        trained, unseen = column(own["rows"], "trained"), column(own["rows"], "unseen")
        gaps[name] = (images, [t - u for t, u in zip(trained, unseen, strict=True)], colours[name])
        distances[name] = (images, far, colours[name])
        best = int(np.argmin(far))
        right.plot(images[best], far[best], "o", color=colours[name], ms=6)
        print(
            f"few_images: {name}: best {far[best]:.2f} at {images[best]}, last {far[-1]:.2f}; apart "
            f"by {gaps[name][1][-1]:.2f}; share {own['share']:.2f}, p {own['p_value']:.2g}: {own['verdict']}"
        )
    lines(left, gaps)
    left.set_title("critic's scores: training less held-out", loc="left")
    right.set_yscale("log")
    lines(right, distances)
    right.set_title("kernel distance x 1000", loc="left")
    thousands(left)
    thousands(right)
    for axes, name in zip(below.subplots(1, 2), ("none", "always"), strict=True):
        strip(axes, found[name]["pairs"], f"{name}: samples, nearest training images")
    return figure


def which_gamma(found: Mapping[str, Rows]) -> Figure:
    """Distance over the run, slope at the end over gamma, and samples of each."""
    figure, panels = sheet(1, 3, (7.4, 2.7), width_ratios=(2.2, 2, 2.4))
    gammas = [float(name) for name in found]
    distances = [np.mean(column(rows[-5:], "distance")) for rows in found.values()]
    slopes = [rows[-1]["slope"] for rows in found.values()]
    colours = dict(zip(found, (ORANGE, VIOLET, GREEN, BLUE, PINK), strict=True))
    panels[0].set_yscale("log")
    lines(
        panels[0],
        {f"{float(n):g}": (column(r, "images"), column(r, "distance"), colours[n]) for n, r in found.items()},
    )
    panels[0].set_title("kernel distance x 1000", loc="left")
    thousands(panels[0])
    panels[1].plot(gammas, slopes, "o-", color=BLUE, ms=4)
    panels[1].set(xscale="log", yscale="log", xlabel="gamma")
    panels[1].set_xticks(gammas, [f"{gamma:g}" for gamma in gammas], minor=False)
    panels[1].xaxis.set_minor_locator(mpl.ticker.NullLocator())
    panels[1].set_title("slope at the reals", loc="left")
    strip(panels[2], [rows[-1]["draws"] for rows in found.values()], "samples")
    for place, gamma in enumerate(gammas):
        panels[2].annotate(
            f"{gamma:g}", (-1, 9 * place + 4.5), ha="right", va="center", annotation_clip=False
        )
        rows = found[list(found)[place]]
        late = column(rows[-10:], "raw")
        print(
            f"gamma {gamma:g}: distance {distances[place]:.3f}, slope {slopes[place]:.3f}, raw late "
            f"{np.mean(late):.3f} +- {np.std(late):.3f}"
        )
    return figure


def wrong_weights(found: Mapping[str, Rows]) -> Figure:
    """One run, looked at in three ways."""
    figure, axes = sheet(1, 1, (7.0, 3.0))
    rows = found["1.0"][3:]
    images = column(rows, "images")
    ways = {
        "raw, training mode": ("batch", PINK),
        "raw, eval()": ("raw", ORANGE),
        "averaged, eval()": ("distance", GREEN),
    }
    axes.set_yscale("log")
    lines(axes, {name: (images, column(rows, key), colour) for name, (key, colour) in ways.items()})
    axes.set_title("kernel distance x 1000 of one run", loc="left")
    thousands(axes)
    for name, (key, _) in ways.items():
        late = column(rows[-10:], key)
        print(
            f"weights: {name}: {np.mean(late):.3f} +- {np.std(late):.3f}, {min(late):.3f} to {max(late):.3f}"
        )
    return figure


def losses_say_nothing(found: Mapping[str, Rows]) -> Figure:
    """The critic's loss, and the distance, of a good run and of one that failed."""
    figure, (left, right) = sheet(1, 2, (7.4, 2.7))
    shown = {"gamma 100": ("100.0", ORANGE), "gamma 1": ("1.0", GREEN)}
    terms = {}
    distances = {}
    for name, (key, colour) in shown.items():
        rows = found[key][1:]
        terms[name] = (column(rows, "images"), [row["terms"]["critic/pair"] for row in rows], colour)
        distances[name] = (column(rows, "images"), column(rows, "distance"), colour)
        print(f"losses: {name}: critic {terms[name][1][-1]:.3f}, distance {distances[name][1][-1]:.3f}")
    lines(left, terms)
    right.set_yscale("log")
    lines(right, distances)
    left.set_title("the critic's loss", loc="left")
    right.set_title("kernel distance x 1000", loc="left")
    for axes in (left, right):
        thousands(axes)
    return figure


FAILURES = {
    "dirac": (dirac,),
    "collapse": (collapse,),
    "vanishing": (vanishing,),
    "blow_up": (blow_up,),
    "few_images": (few_images,),
    "gammas": (which_gamma, wrong_weights, losses_say_nothing),
}

if __name__ == "__main__":
    main()
