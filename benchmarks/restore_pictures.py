"""The pictures of docs/restore.md: sprites damaged, restored, and how answers differ.

    python benchmarks/restore_pictures.py DATA_ROOT --minutes 15 --out runs/restore --pictures docs/pictures

Trains a restorer on crawl-sprites (CC0), a run a task, unless it is there already, and draws test images
that nothing chose. Rows: what was measured (grey where something is hidden), the expected image, two answers,
the spread of eight (white: a standard deviation of 32 levels or more), and what was there.
"""

import argparse
from pathlib import Path
from typing import Any

import torch

from latentia import recipes
from latentia._types import Images
from latentia.cli.restore import WHITE
from latentia.data.degradation import seen
from latentia.data.pictures import save
from latentia.protocols import Restores, require, told_of
from latentia.tasks import restore

TASKS: dict[str, tuple[str, dict[str, Any]]] = {
    "upscale": ("gan.restore", {"factor": 4}),
    "colourise": ("vae.restore", {}),
    "inpaint": ("vae.restore", {"hole": "box", "side": 14}),
}
COLUMNS, ANSWERS = 10, 8


def rows(run: Any) -> Images:
    """The rows of a run's picture."""
    test = recipes.prepared_data(run.description, show=False).split("test")
    real = test.images(torch.linspace(0, len(test) - 1, COLUMNS).long())
    generator = torch.Generator().manual_seed(0)
    measured = told_of(require(run.model, Restores, task="restore"), real, generator=generator)
    assert measured is not None
    found = restore(run.model, measured, num_answers=ANSWERS, generator=generator)
    pixels, _ = seen(measured)
    spread = (2 * found.spread / WHITE - 1).clamp(max=1).expand_as(real)
    return torch.cat([pixels, found.image, *found.answers[:2], spread, real])


def main() -> None:
    """Trains what is not there, and writes a picture a task."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("data_root", type=Path)
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--out", type=Path, default=Path("runs/restore"))
    parser.add_argument("--pictures", type=Path, default=Path("docs/pictures"))
    options = parser.parse_args()
    for task, (recipe, settings) in TASKS.items():
        path = options.out / f"sprites-{task}"
        if not path.exists():
            source = options.data_root / "crawl-sprites"
            recipes.train(recipe, source, out=path, minutes=options.minutes, task=task, **settings)
        print(save(rows(recipes.open_run(path)), options.pictures / f"restore-{task}.png", columns=COLUMNS))


if __name__ == "__main__":
    main()
