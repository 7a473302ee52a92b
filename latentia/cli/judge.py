"""`latentia evaluate`, `latentia compare` and `latentia leaderboard`: numbers, the report, a ranking."""

import json as jsonlib
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import tyro

from latentia.cli.flags import (
    Count,
    Device,
    MaybeCount,
    MaybeFile,
    MaybeSource,
    OutputFile,
    Run,
    Runs,
    Switch,
)
from latentia.cli.letters import DONE, say
from latentia.metrics import Finding
from latentia.recipes import open_run
from latentia.report.leaderboard import rank
from latentia.report.runs import compare_runs, diagnose_run, evaluate_run, record

Features = Annotated[str, tyro.conf.arg(metavar="SPACE")]


def evaluate(
    run: Run,
    *,
    data: MaybeSource = None,
    json: Switch = False,
    num_samples: MaybeCount = None,
    num_draws: Count = 64,
    features: Features = "auto",
    seed: int = 0,
    diagnose: Switch = False,
    device: Device = "auto",
) -> int:
    """Measure a run: likelihood where it has one, quality and variety of samples, copies.

    Every number comes with its interval and the protocol that one needs to repeat it. Numbers on the run's
    own images go on its card, README.md in its folder.

    Examples:
      latentia evaluate runs/faces
      latentia evaluate runs/faces --data other-photos/ --json
      latentia evaluate runs/faces --diagnose

    Args:
        run: Folder of the run.
        data: Images to measure on instead of the run's own.
        json: Print the numbers as JSON, and nothing else, to stdout.
        num_samples: Images of each set that is compared; as many as the data allow, at most 1,000, when
            left out.
        num_draws: Draws an image for the bound on the likelihood of explicit models, at least 1.
        features: Where distances between images are taken: `domain`, a small network trained once on the
            images; `random`, an untrained one; `pixels`, their principal components; `inception` or
            `inception:FILE`, the network of the FID; `dinov2:FOLDER`. `auto` is `domain` for images with
            classes, and `random` for others.
        seed: Seed of all that is drawn for measuring.
        diagnose: Say instead, in plain words, what is wrong with an explicit model and what to try: a
            posterior that collapsed, a variance that ran away, a decoder that does not listen, overfitting.
        device: Where to compute: auto, cpu, cuda, cuda:1 or mps.
    """
    if diagnose:
        findings = diagnose_run(open_run(run, device=device), data, seed=seed)
        print(jsonlib.dumps([asdict(f) for f in findings], indent=2) if json else _told(findings))
        return DONE
    opened = open_run(run, device=device)
    settings = {"num_samples": num_samples, "num_draws": num_draws, "features": features, "seed": seed}
    evaluation = evaluate_run(opened, data, **settings)
    if data is None:
        record(opened, evaluation, settings)
    print(jsonlib.dumps(evaluation.to_json(), indent=2) if json else evaluation)
    return DONE


def _told(findings: list[Finding]) -> str:
    wrong = sum(not finding.healthy for finding in findings)
    verdict = f"{wrong} of {len(findings)} checks ask for a look." if wrong else "Healthy, by every check."
    return "\n".join([*map(str, findings), verdict])


def compare(
    runs: Runs,
    *,
    out: OutputFile,
    data: MaybeSource = None,
    num_samples: MaybeCount = None,
    num_draws: Count = 64,
    features: Features = "auto",
    seed: int = 0,
    watch: Switch = False,
    device: Device = "auto",
) -> int:
    """Compare runs, explicit and implicit ones side by side, in one HTML file that opens offline.

    The numbers go beside it as JSON, and the table as Markdown.

    Examples:
      latentia compare runs/vae runs/gan --out report.html
      latentia compare runs/* --data other-photos/ --out others.html
      latentia compare runs/vae runs/gan --out report.html --watch

    Args:
        runs: Folders of the runs, at least one.
        out: The .html file to write.
        data: Images to measure on instead of those of the first run.
        num_samples: Images of each set that is compared; as many as the data allow, at most 1,000, when
            left out.
        num_draws: Draws an image for the bound on the likelihood of explicit models, at least 1.
        features: Where distances between images are taken: `domain`, a small network trained once on the
            images; `random`, an untrained one; `pixels`, their principal components; `inception` or
            `inception:FILE`, the network of the FID; `dinov2:FOLDER`. `auto` is `domain` for images with
            classes, and `random` for others.
        seed: Seed of all that is drawn for measuring.
        watch: Write the report anew as the runs go on, until all have ended; a browser that shows it follows.
        device: Where to compute: auto, cpu, cuda, cuda:1 or mps.
    """
    if out.suffix.lower() not in (".html", ".htm"):
        raise ValueError(
            f"--out is {out}, but the report is one HTML file. Name it {out.stem or 'report'}.html."
        )
    settings = {"num_samples": num_samples, "num_draws": num_draws, "features": features, "seed": seed}
    seen: list[int] = []
    while True:
        opened = [open_run(run, device=device) for run in runs]
        going_on = watch and not all(run.ended for run in opened)
        if seen != (seen := [run.images_seen for run in opened]) or not going_on:
            report = compare_runs(opened, data, **settings)
            report.save(out, refresh=REFRESH if going_on else None)
            print(f"{out}: the report on {len(runs)} run{'s' if len(runs) > 1 else ''}.")
        if not going_on:
            break
        say(f"Watching; {sum(seen):,} images seen so far. Ctrl-C ends it.")
        time.sleep(REFRESH)
    say("Open it in a browser; it needs no network.")
    return DONE


REFRESH = 30  # seconds between looks at runs that go on


def leaderboard(
    folder: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="FOLDER")],
    *,
    out: MaybeFile = None,
    num_samples: MaybeCount = None,
    num_draws: Count = 64,
    features: Features = "auto",
    seed: int = 0,
    device: Device = "auto",
) -> int:
    """Rank all runs in a folder, a table for each data set.

    A run is measured once; its numbers are kept on its card, and measured anew when the run has gone on or
    they are asked for otherwise.

    Examples:
      latentia leaderboard runs/
      latentia leaderboard runs/ --out ranking.md

    Args:
        folder: Runs are looked for in it and in the folders inside.
        out: A .md or .json file to write, instead of printing Markdown.
        num_samples: Images of each set that is compared; as many as the data allow, at most 1,000, when
            left out.
        num_draws: Draws an image for the bound on the likelihood of explicit models, at least 1.
        features: Where distances between images are taken, as `latentia evaluate` has it.
        seed: Seed of all that is drawn for measuring.
        device: Where to compute: auto, cpu, cuda, cuda:1 or mps.
    """
    if out is not None and out.suffix not in (".md", ".json"):
        raise ValueError(f"--out is {out}, expected a .md or a .json file.")
    boards = rank(
        _runs_in(folder, device), num_samples=num_samples, num_draws=num_draws, features=features, seed=seed
    )
    as_json = out is not None and out.suffix == ".json"
    text = (
        jsonlib.dumps([b.to_json() for b in boards], indent=2)
        if as_json
        else "\n\n".join(b.markdown for b in boards)
    )
    if out is None:
        print(text)
    else:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(text + "\n", encoding="utf-8")
        print(f"{out}: {sum(len(board.runs) for board in boards)} runs.")
    return DONE


def _runs_in(folder: Path, device: str) -> list[Any]:
    """All runs that can be opened; what is wrong with the others is said."""
    opened = []
    for file in sorted(folder.rglob("run.json")):
        try:
            opened.append(open_run(file.parent, device=device))
        except ValueError as letter:
            say(f"Left out: {letter}")
    if not opened:
        raise ValueError(
            f"There is no run in {folder}, expected folders with a run.json: `latentia train` makes them."
        )
    return opened
