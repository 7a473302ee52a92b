"""`latentia evaluate` and `latentia compare`: numbers, and the report."""

import json as jsonlib
from dataclasses import asdict

from latentia.cli.flags import Count, Device, MaybeCount, MaybeSource, OutputFile, Run, Runs, Switch
from latentia.cli.letters import DONE, say
from latentia.metrics import Finding
from latentia.recipes import open_run
from latentia.report.runs import compare_runs, diagnose_run, evaluate_run


def evaluate(
    run: Run,
    *,
    data: MaybeSource = None,
    json: Switch = False,
    num_samples: MaybeCount = None,
    num_draws: Count = 64,
    seed: int = 0,
    diagnose: Switch = False,
    device: Device = "auto",
) -> int:
    """Measure a run: likelihood where it has one, sample quality, coverage, nearness to training images.

    Every number comes with the protocol that one needs to repeat it.

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
        seed: Seed of all that is drawn for measuring.
        diagnose: Say instead, in plain words, what is wrong with an explicit model and what to try: a
            posterior that collapsed, a variance that ran away, a decoder that does not listen, overfitting.
        device: Where to compute: auto, cpu, cuda, cuda:1 or mps.
    """
    if diagnose:
        findings = diagnose_run(open_run(run, device=device), data, seed=seed)
        print(jsonlib.dumps([asdict(f) for f in findings], indent=2) if json else _told(findings))
        return DONE
    evaluation = evaluate_run(
        open_run(run, device=device), data, num_samples=num_samples, num_draws=num_draws, seed=seed
    )
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
    seed: int = 0,
    device: Device = "auto",
) -> int:
    """Compare runs, explicit and implicit ones side by side, in one HTML file that opens offline.

    Examples:
      latentia compare runs/vae runs/gan --out report.html
      latentia compare runs/* --data other-photos/ --out others.html

    Args:
        runs: Folders of the runs, at least one.
        out: The .html file to write.
        data: Images to measure on instead of those of the first run.
        num_samples: Images of each set that is compared; as many as the data allow, at most 1,000, when
            left out.
        num_draws: Draws an image for the bound on the likelihood of explicit models, at least 1.
        seed: Seed of all that is drawn for measuring.
        device: Where to compute: auto, cpu, cuda, cuda:1 or mps.
    """
    if out.suffix.lower() not in (".html", ".htm"):
        raise ValueError(
            f"--out is {out}, but the report is one HTML file. Name it {out.stem or 'report'}.html."
        )
    opened = [open_run(run, device=device) for run in runs]
    report = compare_runs(opened, data, num_samples=num_samples, num_draws=num_draws, seed=seed)
    report.save(out)
    print(f"{out}: the report on {len(runs)} run{'s' if len(runs) > 1 else ''}.")
    say("Open it in a browser; it needs no network.")
    return DONE
