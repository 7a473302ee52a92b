"""`latentia edit`: something about images turned up and down."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, NamedTuple

import torch
import tyro

from latentia._types import Given, Images
from latentia.cli.changes import given_for, named_directions, with_effects
from latentia.cli.draw import told
from latentia.cli.flags import Count, Device, MaybeCount, MaybeFile, Run, Switch
from latentia.data.pictures import grid
from latentia.data.pictures import save as save_picture
from latentia.data.reading import image_files, read_images
from latentia.protocols import Decodes, require
from latentia.recipes import open_run
from latentia.report.runs import images_for
from latentia.tasks import Method, example_direction
from latentia.tasks import edit as edited
from latentia.tasks.draw import is_conditional
from latentia.tasks.latents import latents_of
from latentia.training import folder

Words = tuple[str, ...]
Files = Annotated[tuple[Path, ...], tyro.conf.arg(metavar="FILE ...")]

ROWS = 8
"""Images that are edited where nobody says how many."""


class Shown(NamedTuple):
    """Images to edit, with their names and what a conditional model is told of them."""

    names: list[str]
    images: Images
    given: Given | None


def edit(
    run: Run,
    data: Annotated[str | None, tyro.conf.Positional, tyro.conf.arg(metavar="DATA")] = None,
    *,
    out: Annotated[Path, tyro.conf.arg(metavar="FILE.png|FOLDER")],
    direction: Annotated[Words, tyro.conf.arg(metavar="NAME ...")] = (),
    plus: Files = (),
    minus: Files = (),
    method: Method = "mean",
    apart: Annotated[Words, tyro.conf.arg(metavar="NAME ...")] = (),
    strength: float = 3.0,
    steps: Count = 7,
    num: MaybeCount = None,
    together: Switch = False,
    keep_residual: bool = True,
    save: MaybeFile = None,
    seed: int = 0,
    device: Device = "auto",
) -> int:
    """Turn something about images up and down: in a picture of strengths, or each image in a file.

    A direction is an attribute or a class of the run's data, principal-1, principal-2 ... (found without
    labels), a .safetensors file that --save wrote, or what tells examples from others (--plus, --minus).

    Examples:
      latentia edit runs/faces --direction Eyeglasses Smiling --apart Male --out sheet.png
      latentia edit runs/faces photos/ --direction Eyeglasses --strength 2 --out edited
      latentia edit runs/faces women/ --plus glasses-*.png --minus none-*.png --strength 1 --out sheet.png

    Args:
        run: Folder of the run. Its model must decode; where it does not encode, images are inverted.
        data: Images to edit: a folder of any number, one file, or a source as of `latentia train`; the run's
            own test images without it.
        out: A .png file for one picture, a row an image and a column a strength, 0 in the middle; or a folder
            for each image at the strength, in a PNG file of its name.
        direction: What to change; several only in a picture.
        plus: Example images that have it, instead of a name.
        minus: Example images that have it not.
        method: How labels give a direction: mean (difference of means), logistic or svm (normals).
        apart: Attributes that shall not change: their directions are projected out.
        strength: How far, in standard deviations of images along the direction; of examples 1 is their
            difference. Below 0 is the other way.
        steps: Columns, an odd number from 3.
        num: How many images; 8 in a picture or of a source, all of a folder into a folder.
        together: Edit the mean of the images, without residual: with examples, the vector arithmetic of
            Radford et al. 2015.
        keep_residual: Put back what the model's reconstruction loses of an image.
        save: Keep the direction in this .safetensors file; it holds for these weights alone.
        seed: Draws the starts of inversions, and what directions of a model without encoder are found with.
        device: Where to compute: auto, cpu, cuda, cuda:1 or mps.
    """
    sheet = bool(out.suffix)
    _check(direction, plus, minus, sheet=sheet, steps=steps, save=save)
    opened = open_run(run, device=device)
    model = opened.model
    require(model, Decodes, task="edit")
    place = next(model.parameters()).device
    generator = torch.Generator(place).manual_seed(seed)
    shown = images_to_edit(opened, data, num if num is not None or not sheet else ROWS)
    images, given = shown.images.to(place), None if shown.given is None else shown.given.to(place)
    if plus:
        examples = [read_images(some, opened.facts, opened.preparation).to(place) for some in (plus, minus)]
        found = [example_direction(model, *examples, generator=generator)]
    else:
        found = named_directions(opened, direction, method, apart, generator)
    found = with_effects(opened, found, generator)
    if save is not None:
        print(f"{found[0].save(save)}: the direction {found[0].name}.")
    strengths = torch.linspace(-strength, strength, steps).tolist() if sheet else [strength]
    latents = latents_of(model, images, given=given, generator=generator, progress=True)
    if together:
        images, latents, keep_residual = images[:1], latents.mean(0, keepdim=True), False
        given = None if given is None else given[:1]
    moved = [
        edited(model, images, one, strengths, keep_residual=keep_residual, latents=latents, given=given).cpu()
        for one in found
    ]
    if sheet:
        what = f"a row an image, strengths from {-strength:g} to {strength:g}: "
        written = save_picture(torch.cat(moved), out, columns=steps)
        return told(written, what + ", then ".join(one.name for one in found))
    _write_each(moved[0], ["mean"] if together else shown.names, out)
    return told(out, f"{len(moved[0])} images, {found[0].name} at {strength:g}")


def images_to_edit(run: folder.Run, data: str | None, num: int | None) -> Shown:
    """Images of a folder, a file, or of the test split of a source.

    Args:
        run: Its images have the shape that others are brought to.
        data: Where they are; the run's own without it.
        num: How many, the first ones; None for all of a folder, 8 of a source.

    Raises:
        ValueError: If none are asked for, or the model has to be told what files do not say.
    """
    if num is not None and num < 1:
        raise ValueError(f"--num is {num}; at least 1 image can be edited.")
    if data is not None and (Path(data).is_dir() or Path(data).is_file()) and data != run.source:
        if is_conditional(run.model):
            raise ValueError(
                f"{run.path} has to be told something of every image, which files do not say. Edit its own "
                f"test images: leave {data} out."
            )
        root = Path(data)
        files = image_files(root)[:num] if root.is_dir() else [root]
        names = [str(file.relative_to(root)) if root.is_dir() else file.name for file in files]
        return Shown(names, read_images(files, run.facts, run.preparation), None)
    test = images_for(run, data).split("test")
    rows = slice(0, num or ROWS)
    return Shown(test.names[rows], test.images(rows), given_for(run, test, rows))


def _check(
    direction: Words,
    plus: Sequence[Path],
    minus: Sequence[Path],
    *,
    sheet: bool,
    steps: int,
    save: Path | None,
) -> None:
    if bool(direction) == bool(plus or minus):
        raise ValueError(
            "Say what to change, in one way: --direction with names of attributes or classes, principal-1 or "
            "a file; or example images with --plus and --minus."
        )
    if bool(plus) != bool(minus):
        raise ValueError("Examples need both: --plus for images that have it, --minus for images without.")
    if len(direction) > 1 and (not sheet or save is not None):
        raise ValueError(
            f"A folder and --save take one direction, and {len(direction)} are named. Name one, or write a "
            f"picture: --out FILE.png."
        )
    if sheet and (steps < 3 or steps % 2 == 0):
        raise ValueError(f"--steps is {steps}; with 0 in the middle it is an odd number from 3.")
    if save is not None and save.suffix != ".safetensors":
        raise ValueError(f"--save is {save}; a direction is kept in a .safetensors file.")


def _write_each(images: Images, names: Sequence[str], out: Path) -> None:
    """Each image into a PNG file of its name.

    Raises:
        ValueError: If two names differ in their endings alone.
    """
    files = [(out / name).with_suffix(".png") for name in names]
    if len(set(files)) < len(files):
        twice = next(file for file in files if files.count(file) > 1)
        raise ValueError(f"Two images would be written to {twice}: give files names that differ.")
    for file, image in zip(files, images.split(1), strict=True):
        file.parent.mkdir(parents=True, exist_ok=True)
        grid(image, padding=0, scale=1).save(file)
