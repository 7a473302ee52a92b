"""`latentia demo`: from images to a trained VAE, a trained GAN and one report."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import torch
import tyro

from latentia import recipes
from latentia.cli.flags import Device, Folder
from latentia.cli.letters import DONE, INTERRUPTED, say
from latentia.data import ImageStore, prepare
from latentia.report.runs import compare_runs
from latentia.training.folder import Run


@dataclass(frozen=True, slots=True)
class Contender:
    """What the demo trains, and for how long.

    Attributes:
        recipe: Name of the recipe.
        images: Images to see on the built-in digits, so that every machine draws the same pictures.
        minutes: Minutes to train on anything else.
        arguments: The recipe's own on the digits, where its defaults are not meant.
    """

    recipe: str
    images: int
    minutes: float
    arguments: Mapping[str, Any] = field(default_factory=dict)


DIGITS = "digits"

# So much that the whole demo, report included, takes less than four minutes on two cores.
CONTENDERS = {
    "vae": Contender("vae.gaussian", 150_000, 1.2, {"network": "mlp", "num_latents": 32, "rate": 2e-3}),
    "gan": Contender("gan.dcgan", 600_000, 1.5, {"width": 64, "batch_size": 64, "rate": 1e-3}),
}
MEASURED: Mapping[str, Any] = {"num_draws": 64}  # how the report measures, as `compare_runs` takes it


def demo(
    folder: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="FOLDER")] = DIGITS,
    *,
    out: Folder = Path("runs/demo"),
    device: Device = "auto",
) -> int:
    """Train a VAE and a GAN on the same images, measure both, and write one report.

    It takes about two minutes on two cores, on pictures of your own about four. Run again, it goes on
    where it was stopped.

    Examples:
      latentia demo                                handwritten digits
      latentia demo photos/ --out runs/photos      your own pictures

    Args:
        folder: A folder of images, or anything else that `latentia data` reads.
        out: Where the two runs and report.html go.
        device: Where to compute: auto, cpu, cuda, cuda:1 or mps.
    """
    started = time.perf_counter()
    if folder == DIGITS:
        # Images of 8 x 8 gain nothing from a second thread, and beside another busy program the two
        # wait for each other: 24 s instead of 1.1 s for the same training, measured on two cores.
        torch.set_num_threads(1)
    store = prepare(folder)
    trained = []
    for name, contender in CONTENDERS.items():
        run = _trained(contender, folder, out / name, store, device)
        if run.interrupted:
            say(f"Stopped and saved. `latentia demo {folder} --out {out}` goes on.")
            return INTERRUPTED
        trained.append(run)
    say("Measuring both and writing the report.")
    compare_runs(trained, **MEASURED).save(out / "report.html")
    minutes = (time.perf_counter() - started) / 60
    print(f"The report is in {out / 'report.html'}, after {minutes:.1f} minutes. Open it in a browser. Next:")
    print(f"  latentia sample {out / 'vae'} --num 64 --out samples.png")
    print("  latentia demo FOLDER --out runs/mine")
    return DONE


def _trained(contender: Contender, source: str, path: Path, store: ImageStore, device: str) -> Run:
    """The run of a contender: as it is where it is done, gone on with, or begun."""
    if not path.exists():
        options: dict[str, Any] = {"minutes": contender.minutes}
        if source == DIGITS:
            options = {"images": contender.images, **contender.arguments}
        return recipes.train(contender.recipe, source, out=path, device=device, **options)
    run = recipes.open_run(path, device=device)
    if run.facts.fingerprint != store.facts.fingerprint:
        raise ValueError(
            f"{path} was trained on {run.source}, which is not {source}. Choose a new folder with --out."
        )
    if _is_done(run):
        say(f"{contender.recipe} is trained already: {path}.")
        return run
    say(f"Going on with {contender.recipe} in {path}.")
    return recipes.resume(path, device=device)


def _is_done(run: Run) -> bool:
    planned = run.description
    if planned.images is not None:
        return run.images_seen >= planned.images
    return planned.minutes is not None and run.seconds >= 60 * planned.minutes
