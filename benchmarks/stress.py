"""Every adversarial recipe on the digits, for many steps of batch 16: does it end, and does it hold?

    python benchmarks/stress.py --steps 20000 --out runs/stress

One table: steps of the generator, whether the run ended or why it stopped, the kernel distance to held-out
images (x 1000, averaged weights) at its best and at the end, and minutes. A run that is there already is not
trained again.
"""

import argparse
from pathlib import Path

from latentia import recipes
from latentia.training import TrainingStopped
from latentia.training.folder import RunFolder

BATCH = 16


def main() -> None:
    """Trains what is asked for and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--steps", type=int, default=20_000)
    parser.add_argument("--out", type=Path, default=Path("runs/stress"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("recipes", nargs="*", default=[n for n in recipes.names() if n.startswith("gan.")])
    asked = parser.parse_args()
    print("| recipe | steps | ended | kernel distance x 1000: first, best, last | minutes |", flush=True)
    print("| --- | --- | --- | --- | --- |", flush=True)
    for recipe in asked.recipes:
        print(row(recipe, asked.out / f"{recipe}-{asked.seed}", asked.steps, asked.seed), flush=True)


def row(recipe: str, out: Path, steps: int, seed: int) -> str:
    """Trains one recipe, if it is not there, and says how it went."""
    images_a_turn = BATCH * recipes.describe(recipe).arguments.get("critic_steps", {"default": 1})["default"]
    ended = "yes"
    if not out.exists():
        try:
            images = steps * images_a_turn
            settings = {"batch_size": BATCH, "seed": seed, "show": False}
            recipes.train(recipe, "digits", out=out, images=images, **settings)
        except TrainingStopped as stopped:
            ended = f"no: {stopped}"
    history = RunFolder(out).history()
    distances = [look["validation"]["kernel_distance"] for look in history if look.get("validation")]
    shown = ", ".join(f"{1000 * value:.2f}" for value in (distances[0], min(distances), distances[-1]))
    minutes = history[-1]["seconds"] / 60
    taken = history[-1]["images_seen"] // images_a_turn
    return f"| `{recipe}` | {taken:,} | {ended} | {shown} | {minutes:.1f} |"


if __name__ == "__main__":
    main()
