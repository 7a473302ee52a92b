"""`latentia score`: the most unusual images first."""

import csv
from pathlib import Path
from typing import Annotated

import torch
import tyro

from latentia.cli.flags import Data, OutputFile, Run
from latentia.cli.letters import DONE, say
from latentia.data.contents import SPLITS
from latentia.recipes import open_run
from latentia.report.runs import images_for
from latentia.tasks import CAVEAT, Complexity, anomaly_scores, log_likelihoods

SHOWN = 5


def score(
    run: Run,
    data: Data,
    *,
    out: OutputFile,
    complexity: Complexity = "none",
    background: Annotated[Path | None, tyro.conf.arg(metavar="RUN")] = None,
) -> int:
    """List images by how unusual a run finds them, the most unusual first, as a CSV file.

    A likelihood alone judges poorly: it prefers plain images wherever they come from. Correct it with the
    length of a PNG file, or with a run on other images.

    Examples:
      latentia score runs/parts camera/ --out scores.csv --complexity png
      latentia score runs/parts camera/ --out scores.csv --background runs/anything

    Args:
        run: Folder of the run. Its model must be explicit.
        data: Images, prepared as the run's own.
        out: The .csv file: name, split, score (higher is more unusual) and log-likelihood, in nats.
        complexity: png subtracts from the score what the image takes as a PNG file.
        background: Folder of a run on other images, whose log-likelihood is added to the score.
    """
    opened = open_run(run)
    model = opened.model
    other = None if background is None else open_run(background).model
    store = images_for(opened, data, measured=True)
    rows = list[tuple[str, str, float, float]]()
    for name in SPLITS:
        split = store.split(name)
        if not len(split):
            continue
        images = split.images(slice(0, len(split)))
        given = split.given(slice(0, len(split)))
        scores = anomaly_scores(model, images, complexity=complexity, background=other, given=given)
        numbers = torch.stack([scores, log_likelihoods(model, images, given=given)], dim=1).tolist()
        rows += [(image, name, *pair) for image, pair in zip(split.names, numbers, strict=True)]
    rows.sort(key=lambda row: -row[2])
    out.parent.mkdir(parents=True, exist_ok=True)
    with out.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["name", "split", "score", "log_likelihood"])
        writer.writerows(rows)
    print(f"{out}: {len(rows):,} images. The most unusual:")
    for image, split_name, value, _ in rows[:SHOWN]:
        print(f"  {value:10.1f}  {image} ({split_name})")
    if complexity == "none" and background is None:
        say(CAVEAT, "`--complexity png` or `--background RUN` corrects for it.")
    return DONE
