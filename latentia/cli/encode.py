"""`latentia encode`: the latents of images, for other programs."""

import json
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save_file

from latentia.cli.flags import Data, OutputFile, Run
from latentia.cli.letters import DONE
from latentia.data.contents import SPLITS
from latentia.distributions import Normal
from latentia.protocols import Encodes, require
from latentia.recipes import open_run
from latentia.report.runs import images_for

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
    if out.suffix not in (".npz", ".safetensors"):
        raise ValueError(f"--out is {out}; latents are written to a .npz or a .safetensors file.")
    opened = open_run(run)
    encoder = require(opened.model, Encodes, task="encode")
    store = images_for(opened, data)
    names, splits, found = list[str](), list[str](), dict[str, list[np.ndarray]]()
    for name in SPLITS:
        split = store.split(name)
        names += split.names
        splits += [name] * len(split)
        for start in range(0, len(split), AT_ONCE):
            posterior = encoder.encode(split.images(slice(start, start + AT_ONCE)))
            found.setdefault("mean", []).append(posterior.mean.numpy())
            if isinstance(posterior, Normal):
                std = posterior.log_std.exp().expand_as(posterior.mean)
                found.setdefault("std", []).append(std.numpy())
    arrays = {key: np.concatenate(parts) for key, parts in found.items()}
    _write(out, arrays, names, splits)
    print(f"{out}: {', '.join(arrays)} of {len(names):,} images, {arrays['mean'].shape[1]} latents each.")
    return DONE


def _write(out: Path, arrays: dict[str, np.ndarray], names: list[str], splits: list[str]) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    if out.suffix == ".npz":
        np.savez(out, allow_pickle=False, names=np.array(names), splits=np.array(splits), **arrays)
    else:
        save_file(arrays, out, {"names": json.dumps(names), "splits": json.dumps(splits)})
