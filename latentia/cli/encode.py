"""`latentia encode` and `features`: what a run makes of images, for other programs."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save_file
from torch import Tensor

from latentia._types import Given, Images
from latentia.cli.flags import Count, Data, Device, OutputFile, Run
from latentia.cli.letters import DONE
from latentia.data.contents import SPLITS
from latentia.data.replacing import replacing
from latentia.distributions import Normal
from latentia.protocols import Encodes, require
from latentia.recipes import open_run
from latentia.report.runs import images_for
from latentia.tasks import FeatureReader
from latentia.training import folder

AT_ONCE = 256


@torch.no_grad()
def encode(run: Run, data: Data, *, out: OutputFile) -> int:
    """Write the latents of all images: the mean of q(z|x), and its deviation where q is Gaussian.

    Row i of `mean` and `std` belongs to the i-th of `names`, `splits` and `classes` (empty where there are
    none); a .safetensors file holds these as JSON in its metadata. Neither kind needs pickle to be read.

    Examples:
      latentia encode runs/faces photos/ --out latents.npz
      latentia encode runs/faces photos/ --out latents.safetensors

    Args:
        run: Folder of the run. Its model must encode; adversarial networks cannot.
        data: Images, prepared as the run's own.
        out: A .npz or .safetensors file.
    """
    _require_known(out)
    opened = open_run(run)
    encoder = require(opened.model, Encodes, task="encode")

    def latents(images: Images, given: Given | None) -> dict[str, Tensor]:
        posterior = encoder.encode(images, given=given)
        if not isinstance(posterior, Normal):
            return {"mean": posterior.mean}
        return {"mean": posterior.mean, "std": posterior.log_std.exp().expand_as(posterior.mean)}

    arrays, num_images = _of_all(opened, data, latents, out)
    print(f"{out}: {', '.join(arrays)} of {num_images:,} images, {arrays['mean'].shape[1]} latents each.")
    return DONE


def features(
    run: Run,
    data: Data,
    *,
    out: OutputFile,
    layers: tuple[str, ...] = (),
    grid: Count = 4,
    device: Device = "auto",
) -> int:
    """Write what a run's critic or encoder makes of all images, to learn something else from.

    Row i of `features` belongs to the i-th of `names`, `splits` and `classes`, as `latentia encode` writes
    them. What the layers hold is laid side by side, in the order that is printed.

    Examples:
      latentia features runs/faces photos/ --out features.npz
      latentia features runs/faces photos/ --out features.npz --layers critic.2 --grid 1

    Args:
        run: Folder of the run. Its model needs a critic or an encoder, and is told nothing of images.
        data: Images, prepared as the run's own.
        out: A .npz or .safetensors file.
        layers: Names of layers: critic.0, critic.1 ... from the image on, modules of an encoder, latents.
            All levels of the critic, the encoder's map at each resolution and the latents without it.
        grid: Cells a side to which maps are pooled, by the maximum.
        device: Where to compute: auto, cpu, cuda, cuda:1 or mps.
    """
    _require_known(out)
    opened = open_run(run, device=device)
    reader = FeatureReader(opened.model, layers or None, grid=grid)
    place = next(opened.model.parameters()).device

    def described(images: Images, given: Given | None) -> dict[str, Tensor]:
        return {"features": reader(images.to(place)).cpu()}

    arrays, num_images = _of_all(opened, data, described, out)
    print(f"{out}: {arrays['features'].shape[1]:,} features of each of {num_images:,} images:")
    print("\n".join(f"  {width:6,}  {name}" for name, width in zip(reader.names, reader.widths, strict=True)))
    return DONE


def _require_known(out: Path) -> None:
    if out.suffix not in (".npz", ".safetensors"):
        raise ValueError(f"--out is {out}; numbers of images are written to a .npz or a .safetensors file.")


def _of_all(
    run: folder.Run, data: str, of_some: Callable[[Images, Given | None], dict[str, Tensor]], out: Path
) -> tuple[dict[str, np.ndarray], int]:
    """Numbers of all images of a source, which are written; they, and of how many images."""
    store = images_for(run, data)
    known: dict[str, list[str]] = {"names": [], "splits": [], "classes": []}
    found = dict[str, list[np.ndarray]]()
    for name in SPLITS:
        split = store.split(name)
        known["names"] += split.names
        known["splits"] += [name] * len(split)
        known["classes"] += store.class_names(split)
        for start in range(0, len(split), AT_ONCE):
            rows = slice(start, start + AT_ONCE)
            for key, numbers in of_some(split.images(rows), split.given(rows)).items():
                found.setdefault(key, []).append(numbers.numpy())
    arrays = {key: np.concatenate(parts) for key, parts in found.items()}
    _write(out, arrays, known)
    return arrays, len(known["names"])


def _write(out: Path, arrays: dict[str, np.ndarray], known: dict[str, list[str]]) -> None:
    """Writes a file whole or not at all."""
    with replacing(out) as aside:
        if out.suffix == ".npz":
            words = {key: np.array(values) for key, values in known.items()}
            np.savez(aside, allow_pickle=False, **words, **arrays)
        else:
            save_file(arrays, aside, {key: json.dumps(values) for key, values in known.items()})
