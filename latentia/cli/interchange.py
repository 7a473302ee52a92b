"""`latentia export`: models for other libraries."""

from pathlib import Path
from typing import Annotated, Literal

import tyro

from latentia.cli.flags import Folder, Run
from latentia.cli.letters import DONE
from latentia.interchange import export_autoencoder
from latentia.recipes import open_run

To = Annotated[Literal["diffusers"], tyro.conf.arg(metavar="LIBRARY")]


def export(run: Run, *, out: Folder, to: To = "diffusers") -> int:
    """Write a run's image autoencoder in the layout of another library.

    The folder holds config.json and diffusion_pytorch_model.safetensors, as AutoencoderKL of diffusers reads
    them; the averaged weights, without critic and prior.

    Examples:
      latentia export runs/faces --out faces-vae
      latentia export runs/faces --out faces-vae --to diffusers

    Args:
        run: Folder of a run of hybrid.autoencoder_kl.
        out: A folder that is new or empty.
        to: Whose layout: diffusers.
    """
    opened = open_run(run)
    folder = export_autoencoder(opened.model, out)
    size = sum(file.stat().st_size for file in Path(folder).iterdir())
    print(f"{folder}: the autoencoder of {opened.recipe}, {opened.weights}, {size / 2**20:.1f} MiB.")
    return DONE
