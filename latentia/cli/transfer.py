"""`latentia transfer`: what the features of a run are worth once there are a few labels."""

import csv
import io
from collections.abc import Sequence
from functools import partial

from latentia.cli.flags import Count, Data, Device, MaybeFile, Run, Switch
from latentia.cli.letters import DONE
from latentia.recipes import open_run
from latentia.recipes.opening import untrained
from latentia.report.runs import images_for
from latentia.report.task_figures import few_shot, write
from latentia.tasks import Curve, Probe, curve_table
from latentia.tasks import transfer as measure


def transfer(
    run: Run,
    data: Data,
    *,
    out: MaybeFile = None,
    layers: tuple[str, ...] = (),
    grid: Count = 4,
    probe: Probe = "svm",
    labels: tuple[int, ...] = (),
    seeds: Count = 5,
    supervised: Switch = False,
    device: Device = "auto",
) -> int:
    """Learn the classes of DATA from what a run's critic or encoder sees, with few labels and with all.

    Prints how many test images are told right: from the run's features, from the pixels themselves, and
    from the same network without training. All three learn from the same labels, which are drawn from all
    but the test images.

    Examples:
      latentia transfer runs/clothes fashion-mnist --out curve.png
      latentia transfer runs/clothes photos/ --labels 5 20 --supervised    folders of photos/ are classes
      latentia features runs/clothes photos/ --out features.npz            the features themselves

    Args:
        run: Folder of the run. Its model needs a critic or an encoder, and is told no classes.
        data: Images with classes, prepared as the run's own.
        out: A .png file for the curves, or a .csv file for the numbers.
        layers: Names of layers, as `latentia features` prints them; all levels of the critic, the encoder's
            map at each resolution and the latents without it.
        grid: Cells a side to which maps are pooled, by the maximum.
        probe: svm is a linear support vector machine a class; nearest asks neighbours. What they are set
            to is chosen by cross-validation on the labels at hand.
        labels: Labels a class; 10, 100 and 1000 without it, as far as there are so many. All come last.
        seeds: Draws of labels at each number.
        supervised: Whether the same network is also taught the labels, anew for each draw. Takes minutes.
        device: Where to compute: auto, cpu, cuda, cuda:1 or mps.
    """
    if out is not None and out.suffix not in (".png", ".csv"):
        raise ValueError(f"--out is {out}; curves are written to a .png or a .csv file.")
    opened = open_run(run, device=device)
    store = images_for(opened, data)
    curves = measure(
        opened.model,
        store,
        layers=layers or None,
        grid=grid,
        probe=probe,
        sizes=labels or None,
        seeds=seeds,
        untrained=partial(untrained, opened, device=device),
        supervised=supervised,
        progress=True,
    )
    print(f"{store.facts.name}: test images told right, in %; {seeds} draws of labels; probe: {probe}")
    print(curve_table(curves))
    if out is not None:
        write(few_shot(curves) if out.suffix == ".png" else _as_csv(curves), out)
        print(f"{out}: accuracy by the number of labels.")
    return DONE


def _as_csv(curves: Sequence[Curve]) -> bytes:
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["what", "features", "labels_a_class", "all", "draw", "accuracy"])
    for curve in curves:
        for point in curve.points:
            for draw, accuracy in enumerate(point.accuracies):
                row = [curve.name, curve.num_features, point.num_labels, int(point.whole), draw, accuracy]
                writer.writerow(row)
    return file.getvalue().encode()
