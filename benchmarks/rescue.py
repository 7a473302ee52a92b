"""Runs that are made to diverge, with rescues and without; and whether sound runs are left alone.

    python benchmarks/rescue.py --out runs/rescue
    python benchmarks/rescue.py --out runs/rescue --sound

The first trains `gan.r3` on the digits at its own learning rate and at 50 times that, which kills its
generator: did the run end, how often and why was it rolled back, and how far are samples from held-out images
in the end (kernel distance x 1000, averaged weights)? The second trains every recipe with its defaults: none
may be rolled back. A run that is there already is not trained again.
"""

import argparse
from contextlib import suppress
from pathlib import Path

from latentia import recipes
from latentia.training import RunFolder, TrainingStopped

BATCH, RATE, FACTOR = 16, 1e-3, 50


def main() -> None:
    """Trains what is asked for and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--steps", type=int, default=1_000)
    parser.add_argument("--out", type=Path, default=Path("runs/rescue"))
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1, 2])
    parser.add_argument("--sound", action="store_true", help="every recipe with its defaults, first seed")
    asked = parser.parse_args()
    print("| recipe | rate | rescues | seed | ended | rolled back | kernel distance x 1000 |", flush=True)
    print("| --- | --- | --- | --- | --- | --- | --- |", flush=True)
    if asked.sound:
        for recipe in recipes.names():
            print(row(asked.out, recipe, 3, asked.seeds[0], asked.steps), flush=True)
        return
    for rate, rescues in ((RATE, 3), (FACTOR * RATE, 0), (FACTOR * RATE, 3)):
        for seed in asked.seeds:
            print(row(asked.out, "gan.r3", rescues, seed, asked.steps, rate=rate), flush=True)


def row(out: Path, recipe: str, rescues: int, seed: int, steps: int, **arguments: float) -> str:
    """Trains one run, if it is not there, and says how it went."""
    defaults = recipes.describe(recipe).arguments
    rate = arguments.get("rate", defaults.get("rate", {}).get("default")) or "its own"
    folder = out / f"{recipe}-{rate}-{rescues}-{seed}"
    if not folder.exists():
        settings = {"seed": seed, "rescues": rescues, "show": False, **arguments}
        if "batch_size" in defaults:
            settings["batch_size"] = BATCH
        with suppress(TrainingStopped):  # the log says so
            recipes.train(recipe, "digits", out=folder, images=steps * BATCH, **settings)
    history = RunFolder(folder).history()
    ended = next((row["stopped"] for row in history if "stopped" in row), "yes")
    told = (
        "; ".join(row["rescued"].partition(" (rescue")[0] for row in history if "rescued" in row) or "never"
    )
    distances = [look["validation"] for look in history if "kernel_distance" in look.get("validation", {})]
    distance = f"{1000 * distances[-1]['kernel_distance']:.2f}"
    return f"| `{recipe}` | {rate} | {rescues} | {seed} | {ended} | {told} | {distance} |"


if __name__ == "__main__":
    main()
