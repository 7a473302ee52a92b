"""`latentia compress` and `decompress`: what bits/dim are worth, as a file."""

import math
from pathlib import Path
from typing import Annotated

import torch
import tyro

from latentia.cli.flags import Count, Data, OutputFile, Run
from latentia.cli.letters import DONE
from latentia.data.pictures import save
from latentia.protocols import ExplicitModel, require
from latentia.recipes import open_run
from latentia.report.runs import images_for
from latentia.tasks import Packed
from latentia.tasks import compress as packed_bytes
from latentia.tasks import decompress as unpacked

AT_ONCE = 256
NUM_DRAWS = 16


def compress(run: Run, data: Data, *, out: OutputFile, num: Count = 1000) -> int:
    """Compress test images losslessly, and compare the size of the file with what the model claims.

    Needs the library constriction: pip install 'latentia[compress]'. The file is read on the kind of machine
    that wrote it, with the same run and the same version of PyTorch.

    Examples:
      latentia compress runs/digits digits --out digits.lat
      latentia decompress runs/digits digits.lat --out digits

    Args:
        run: Folder of the run. Its model must have Gaussian latents in one group.
        data: Images: their test part, prepared as the run's own.
        out: File to write.
        num: How many images at most.
    """
    opened = open_run(run)
    model = require(opened.model, ExplicitModel, task="compress")
    split = images_for(opened, data, measured=True).split("test")
    if num < 1:
        raise ValueError(f"--num is {num}; at least 1 image can be compressed.")
    images = split.images(slice(0, num))
    content = packed_bytes(model, images)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(content)
    packed = Packed.from_bytes(content)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        parts = [
            model.log_weights(part, NUM_DRAWS, generator=generator).mean(0) for part in images.split(AT_ONCE)
        ]
    claimed = -torch.cat(parts).mean().item() / math.log(2) / images[0].numel()
    print(f"{out}: {len(images)} images in {len(content):,} bytes.")
    print(f"  the file:          {packed.bits_per_dim:.4f} bits/dim")
    print(f"  the images alone:  {packed.net_bits_per_dim:.4f} bits/dim, without header and starting bits")
    print(f"  the model's bound: {claimed:.4f} bits/dim, mean of {NUM_DRAWS} draws an image")
    return DONE


def decompress(
    run: Run,
    file: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="FILE")],
    *,
    out: Annotated[Path, tyro.conf.arg(metavar="FILE.png|FOLDER")],
) -> int:
    """Turn compressed images back into pictures, bit for bit.

    Examples:
      latentia decompress runs/digits digits.lat --out digits       a folder with a PNG each
      latentia decompress runs/digits digits.lat --out digits.png   one picture with all of them

    Args:
        run: Folder of the run that compressed them.
        file: What `latentia compress` wrote.
        out: A folder for one PNG an image, in the order of the test part, or a .png file for one picture.
    """
    images = unpacked(open_run(run).model, file.read_bytes())
    print(f"{save(images, out)}: {len(images)} images.")
    return DONE
