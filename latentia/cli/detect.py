"""`latentia detect`: which images are unusual, how sure one may be of it, and how well it works."""

from pathlib import Path
from typing import Annotated, Literal

import tyro

from latentia.cli.flags import Count, Data, Device, MaybeCount, MaybeFile, OutputFile, Run
from latentia.cli.letters import DONE, say
from latentia.recipes import open_run
from latentia.report import task_figures
from latentia.report import unusual as report
from latentia.tasks import CAVEAT, Complexity, Score


def detect(
    run: Run,
    data: Data,
    *,
    out: OutputFile,
    score: Score | Literal["auto"] = "auto",
    complexity: Complexity = "none",
    background: Annotated[Path | None, tyro.conf.arg(metavar="RUN")] = None,
    unusual: Annotated[tuple[str, ...], tyro.conf.arg(metavar="CLASS")] = (),
    picture: MaybeFile = None,
    held_out: Count = 1_000,
    num: MaybeCount = None,
    steps: Count = 200,
    seed: int = 0,
    device: Device = "auto",
) -> int:
    """List images by how unusual a run finds them, the most unusual first, as a CSV file.

    Every score stands beside those of the run's own held-out images: the p value is the share of them that
    score as high. At p <= 0.01 one usual image in a hundred is called unusual. A likelihood alone judges
    poorly: it prefers plain images wherever they come from. Correct it with the length of a PNG file, or with
    a run on other images, or choose another score.

    Examples:
      latentia detect runs/parts camera/ --out scores.csv --complexity png
      latentia detect runs/parts camera/ --out scores.csv --score reconstruction --picture scores.png
      latentia detect runs/parts tested/ --out scores.csv --unusual scratched bent   how well is each found?

    Args:
        run: Folder of the run, which has learned usual images.
        data: Images, prepared as the run's own.
        out: The .csv file: name, split, class, score (higher is more unusual) and p value.
        score: likelihood, in nats; reconstruction or inversion, the mean squared error that encoding and
            decoding, or a search among latents, leaves. auto is the first that the model can.
        complexity: png subtracts from a likelihood what the image takes as a PNG file.
        background: Folder of a run on other images, whose log-likelihood is added to the score.
        unusual: Classes of DATA that are to be found: says how well they are told from its other classes.
        picture: A .png file with the distribution of scores.
        held_out: The run's own held-out images to compare with, at most; 0 for none.
        num: Images of each split at most, drawn at random; all without it.
        steps: Steps of an inversion, which takes about a tenth of a second an image.
        seed: Of what is drawn.
        device: Where to compute: auto, cpu, cuda, cuda:1 or mps.
    """
    if out.suffix != ".csv" or (picture is not None and picture.suffix != ".png"):
        raise ValueError(f"--out is {out}, and --picture {picture}; expected a .csv file and a .png file.")
    found = report.detect(
        open_run(run, device=device),
        data,
        score=score,
        complexity=complexity,
        background=None if background is None else open_run(background, device=device),
        unusual=unusual,
        held_out=held_out,
        num=num,
        steps=steps,
        seed=seed,
        progress=True,
    )
    task_figures.write(found.as_csv().encode(), out)
    print(f"{out}: {len(found.images):,} images.", *found.summary(), sep="\n")
    if picture is not None:
        task_figures.write(task_figures.histograms(found), picture)
        print(f"{picture}: the distribution of scores.")
    if found.raw:
        say(CAVEAT, "`--complexity png` or `--background RUN` corrects for it.")
    return DONE
