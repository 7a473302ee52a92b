"""What 1,024 latents keep of faces of 64 px: image autoencoders at a quarter of the size against a plain VAE.

    python benchmarks/reconstruction.py DATA_ROOT --out runs/reconstruction --minutes 20

Rows train side by side, one thread each. A run that is there already is not trained again. The picture, if
asked for, has test images in its first row, and below them each model's reconstructions. Needs
`lfw-64/lfw-64.zip` under DATA_ROOT (see docs/data.md).
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

import torch

from latentia import recipes
from latentia.data import ImageStore, prepare
from latentia.data.pictures import save
from latentia.metrics import Estimate, RandomFeatures, measure_reconstruction
from latentia.tasks import reconstruct
from latentia.training import Run

ROWS = {
    "vae.sigma": "vae.sigma --num-latents 1024",
    "autoencoder_kl": "hybrid.autoencoder_kl",
    "autoencoder_kl, L1 alone": "hybrid.autoencoder_kl --perceptual 0 --adversarial 0",
    "vqgan": "hybrid.vqgan",
}
IMAGES, SHOWN = 1000, 8


def train(names: list[str], source: str, out: Path, minutes: float) -> None:
    """Trains what is not there yet."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    running = {}
    for name in names:
        if not folder(out, name).exists():
            recipe, *flags = ROWS[name].split()
            words = ["train", recipe, source, *flags, "--out", folder(out, name), "--minutes", minutes]
            with (out / f"{folder(out, name).name}.log").open("w") as log:
                command = [sys.executable, "-m", "latentia", *map(str, words)]
                running[name] = subprocess.Popen(command, stderr=log, stdout=log, env=environment)
    failed = [name for name, process in running.items() if process.wait()]
    if failed:
        raise SystemExit(f"Training of {', '.join(failed)} failed; see the logs in {out}.")


def folder(out: Path, name: str) -> Path:
    """The folder of a row's run."""
    return out / name.replace(", ", "-").replace(" ", "-")


def row(name: str, run: Run, store: ImageStore) -> str:
    """One line of the table."""
    images = store.split("test").images(slice(0, IMAGES))
    kept = measure_reconstruction(run.model, images, RandomFeatures(store.facts.channels))

    def told(estimate: Estimate, digits: int, scale: float = 1.0) -> str:
        return f"{scale * estimate.value:.{digits}f} ± {1.96 * scale * estimate.error:.{digits}f}"

    cells = [
        name,
        f"{run.images_seen:,}",
        f"{sum(p.numel() for p in run.model.parameters()):,}",
        told(kept.psnr, 2),
        told(kept.ssim, 3),
        told(kept.sharpness, 3),
        told(kept.distance, 1, 1000.0),
    ]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Trains, and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("data_root", type=Path)
    parser.add_argument("rows", nargs="*", default=list(ROWS), help="; ".join(ROWS))
    parser.add_argument("--out", type=Path, default=Path("runs/reconstruction"))
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--picture", type=Path)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    source = str(options.data_root / "lfw-64" / "lfw-64.zip")
    store = prepare(source, progress=False)  # once, before all rows read it
    train(options.rows, source, options.out, options.minutes)
    runs = {name: recipes.open_run(folder(options.out, name)) for name in options.rows}
    print(
        "| model | images seen | parameters | PSNR, dB | SSIM | Laplacian energy / real | distance x 1000 |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for name, run in runs.items():
        print(row(name, run, store), flush=True)
    if options.picture:
        images = store.split("test").images(slice(0, SHOWN))
        shown = [images, *(reconstruct(run.model, images).clamp(-1, 1) for run in runs.values())]
        save(torch.cat(shown), options.picture, columns=SHOWN)


if __name__ == "__main__":
    main()
