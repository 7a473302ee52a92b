"""`latentia encode` and `features`: what a run makes of images, for other programs."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save_file
from torch import Tensor

from latentia._types import Given, Images
from latentia.cli.flags import Data, OutputFile, Run
from latentia.cli.letters import DONE
from latentia.data.contents import SPLITS
from latentia.distributions import Normal
from latentia.protocols import Describes, Encodes, require
from latentia.recipes import open_run
from latentia.report.runs import images_for
from latentia.training import folder

AT_ONCE = 256


@torch.no_grad()
def encode(run: Run, data: Data, *, out: OutputFile) -> int:
    """Write the latents of all images: the mean of q(z|x), and its deviation where q is Gaussian.

    Row i of `mean` and `std` belongs to the i-th of `names` and `splits`; a .safetensors file holds these
    two as JSON in its metadata. Neither kind of file needs pickle to be read.

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


@torch.no_grad()
def features(run: Run, data: Data, *, out: OutputFile, level: int = -1) -> int:
    """Write what a level of the run's critic makes of all images, to learn something else from.

    Row i of `features` belongs to the i-th of `names` and `splits`, as `latentia encode` writes them. Of maps
    the mean over places is taken.

    Examples:
      latentia features runs/faces photos/ --out features.npz
      latentia features runs/faces photos/ --out features.npz --level 0

    Args:
        run: Folder of the run. Its model must have a critic: one of the adversarial networks.
        data: Images, prepared as the run's own.
        out: A .npz or .safetensors file.
        level: Which level, from 0, the one next to the image; -1 is the deepest.
    """
    _require_known(out)
    opened = open_run(run)
    critic = require(opened.model, Describes, task="features")

    def described(images: Images, given: Given | None) -> dict[str, Tensor]:
        levels = critic.features(images, given=given)
        if not -len(levels) <= level < len(levels):
            raise ValueError(f"--level is {level}; this critic has levels 0 to {len(levels) - 1}.")
        return {"features": levels[level].flatten(2).mean(2) if levels[level].dim() > 2 else levels[level]}

    arrays, num_images = _of_all(opened, data, described, out)
    print(f"{out}: {arrays['features'].shape[1]} features of each of {num_images:,} images.")
    return DONE


def _require_known(out: Path) -> None:
    if out.suffix not in (".npz", ".safetensors"):
        raise ValueError(f"--out is {out}; numbers of images are written to a .npz or a .safetensors file.")


def _of_all(
    run: folder.Run, data: str, of_some: Callable[[Images, Given | None], dict[str, Tensor]], out: Path
) -> tuple[dict[str, np.ndarray], int]:
    """Numbers of all images of a source, which are written; they, and of how many images."""
    store = images_for(run, data)
    names, splits, found = list[str](), list[str](), dict[str, list[np.ndarray]]()
    for name in SPLITS:
        split = store.split(name)
        names += split.names
        splits += [name] * len(split)
        for start in range(0, len(split), AT_ONCE):
            rows = slice(start, start + AT_ONCE)
            for key, numbers in of_some(split.images(rows), split.given(rows)).items():
                found.setdefault(key, []).append(numbers.numpy())
    arrays = {key: np.concatenate(parts) for key, parts in found.items()}
    _write(out, arrays, names, splits)
    return arrays, len(names)


def _write(out: Path, arrays: dict[str, np.ndarray], names: list[str], splits: list[str]) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    if out.suffix == ".npz":
        np.savez(out, allow_pickle=False, names=np.array(names), splits=np.array(splits), **arrays)
    else:
        save_file(arrays, out, {"names": json.dumps(names), "splits": json.dumps(splits)})
