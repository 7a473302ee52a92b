"""`latentia sample`, `reconstruct` and `interpolate`: pictures from a run."""

import warnings
from pathlib import Path
from typing import Annotated, Any

import torch
import tyro

from latentia._types import Images
from latentia.cli.flags import Count, Device, MaybeGiven, MaybeSource, MaybeThreshold, OutputFile, Run
from latentia.cli.letters import DONE
from latentia.data.pictures import save
from latentia.protocols import Encodes, Restores
from latentia.recipes import open_run
from latentia.recipes.conditions import given_from
from latentia.report.runs import images_for
from latentia.tasks import Course, interpolate_draws, interpolate_images, sample_truncated
from latentia.tasks import reconstruct as reconstructed
from latentia.tasks.draw import is_conditional
from latentia.training import folder

AT_ONCE = 256
"""Images drawn in one go, so that memory does not grow with their number."""


def sample(
    run: Run,
    *,
    out: Annotated[Path, tyro.conf.arg(metavar="FILE.png|FOLDER")],
    num: Count = 64,
    seed: int = 0,
    noise: bool = True,
    temperature: float = 1.0,
    truncation: MaybeThreshold = None,
    given: MaybeGiven = None,
    device: Device = "auto",
) -> int:
    """Draw new images from a trained run.

    Examples:
      latentia sample runs/faces --num 64 --out samples.png    one picture with all of them
      latentia sample runs/faces --num 1000 --out samples      a folder with a PNG each
      latentia sample runs/faces --out means.png --no-noise    what papers of VAEs show
      latentia sample runs/digits --out sevens.png --given 7   of a class, from a conditional model
      latentia sample runs/faces --out glasses.png --given Eyeglasses=1,Male=0

    Args:
        run: Folder of the run.
        out: A .png file for one picture with all images, or a folder for one PNG an image.
        num: How many images, at least 1.
        seed: The same seed draws the same images.
        noise: Draw pixels from p(x|z) as well. Without it an explicit model shows the mean of p(x|z),
            which is smoother than what it has learned; an implicit model has no such noise.
        temperature: Scale of the noise that latents are drawn with, at least 0. Below 1 images are more
            typical and less varied; only at 1 are they draws from the model.
        truncation: Largest size of that noise, in standard deviations, above 0; what lies beyond is drawn
            again. Like a low temperature, it buys typical images with variety. Pixels are not drawn then.
        given: What a conditional model is to draw: the name of a class; or attributes and numbers, where
            those that are not named are at their mean. Without it, classes are drawn as often as each other,
            and attributes as training images have them.
        device: Where to compute: auto, cpu, cuda, cuda:1 or mps.
    """
    if num < 1:
        raise ValueError(f"--num is {num}; at least 1 image can be drawn.")
    opened = open_run(run, device=device)
    if isinstance(opened.model, Restores):
        raise ValueError(
            f"{run} restores images: `latentia restore {run} PICTURES OUT` draws answers to them."
        )
    place = next(opened.model.parameters()).device
    generator = torch.Generator(place).manual_seed(seed)
    asked = None if given is None else given_from(given, opened.facts, opened.model, num).to(place)
    if truncation is not None:
        if temperature != 1:
            raise ValueError("--temperature scales the noise that --truncation cuts. Give one of the two.")
        drawn = sample_truncated(opened.model, num, truncation, given=asked, generator=generator).cpu()
        return told(
            save(drawn, out), f"{num} means of {opened.recipe}, seed {seed}, noise within {truncation:g}"
        )
    counts = [min(AT_ONCE, num - start) for start in range(0, num, AT_ONCE)]
    settings: dict[str, Any] = {"generator": generator, "noise": noise, "temperature": temperature}
    with torch.no_grad():
        parts = [
            opened.model.sample(count, given=None if asked is None else asked[:count], **settings).cpu()
            for count in counts  # all are asked for the same
        ]
    written = save(torch.cat(parts), out)
    cooled = "" if temperature == 1 else f", temperature {temperature:g}"
    return told(written, f"{num} {'draws' if noise else 'means'} of {opened.recipe}, seed {seed}{cooled}")


def reconstruct(run: Run, *, out: OutputFile, data: MaybeSource = None, num: Count = 16) -> int:
    """Encode and decode test images; each row of real images stands above its reconstructions.

    Examples:
      latentia reconstruct runs/faces --out reconstructions.png
      latentia reconstruct runs/faces --data other-photos/ --out others.png

    Args:
        run: Folder of the run. Its model must encode; adversarial networks cannot.
        out: Picture to write.
        data: Images to reconstruct instead of the run's own.
        num: How many images, at least 1.
    """
    opened = open_run(run)
    real = shown_images(opened, data, num)
    given = images_for(opened, data).split("test").given(slice(0, num))
    columns = min(num, 8)
    rows = in_rows(columns, real, reconstructed(opened.model, real, given=given))
    return picture(rows, out, columns, "rows in pairs: test images, and their reconstructions below them")


def interpolate(
    run: Run,
    *,
    out: OutputFile,
    data: MaybeSource = None,
    num: Count = 8,
    steps: Count = 9,
    course: Course = "spherical",
    seed: int = 0,
) -> int:
    """Walk through latent space: each row goes from one image to another.

    Where the model encodes, both ends are test images; otherwise, and where the model has to be told what
    images show, they are draws from its prior, of one kind each way.

    Examples:
      latentia interpolate runs/faces --out ways.png
      latentia interpolate runs/faces --out ways.png --num 4 --steps 15 --seed 3

    Args:
        run: Folder of the run. Its model must decode.
        out: Picture to write.
        data: Images to go between, instead of the run's own.
        num: Rows, at least 1.
        steps: Images on each way, both ends included, at least 2.
        course: `spherical` goes along an arc, at the length that latents have; `linear` straight on.
        seed: Draws the ends, where the model does not encode.
    """
    opened = open_run(run)
    if isinstance(opened.model, Encodes) and not is_conditional(opened.model):
        images = shown_images(opened, data, 2 * num)
        rows = interpolate_images(opened.model, images[0::2], images[1::2], steps, course=course)
        ends = "test images"
    else:
        generator = torch.Generator(next(opened.model.parameters()).device).manual_seed(seed)
        rows = interpolate_draws(opened.model, num, steps, course=course, generator=generator)
        ends = f"draws from the prior, seed {seed}"
        if data is not None:
            warnings.warn(f"--data is ignored: {opened.recipe} cannot go between images.", stacklevel=1)
    return picture(rows, out, steps, f"each row between two {ends}")


def shown_images(run: folder.Run, source: str | None, num: int) -> Images:
    """The first images of the test split.

    Raises:
        ValueError: If it holds fewer.
    """
    split = images_for(run, source).split("test")
    if not 1 <= num <= len(split):
        raise ValueError(
            f"{num} test images were asked for; there are {len(split)}. Ask for 1 or more of them."
        )
    return split.images(slice(0, num))


def in_rows(columns: int, *kinds: Images) -> torch.Tensor:
    """A row of each kind below one of the kind before it, the last ones filled up with white."""
    white = torch.ones(-len(kinds[0]) % columns, *kinds[0].shape[1:])
    rows = zip(*(torch.cat([images, white]).split(columns) for images in kinds), strict=True)
    return torch.cat([row for of_each in rows for row in of_each])


def picture(images: torch.Tensor, out: Path, columns: int, what: str) -> int:
    """Write images as one picture, and say what it shows."""
    if not out.suffix:
        raise ValueError(f"--out is {out}, but one picture is written here. Name it, for example {out}.png.")
    return told(save(images, out, columns=columns), what)


def told(written: Path, what: str) -> int:
    """Say what was written where."""
    print(f"{written}: {what}.")
    return DONE
