"""`latentia traverse` and `manifold`: what a run's latent space holds."""

import torch

from latentia.cli.changes import effect_in_words, given_for, reader_for
from latentia.cli.draw import picture, shown_images
from latentia.cli.flags import Count, MaybeSource, OutputFile, Run
from latentia.cli.letters import DONE
from latentia.recipes import open_run
from latentia.report.runs import images_for
from latentia.tasks import change_a_step, directions
from latentia.tasks import manifold as mapped
from latentia.tasks import traverse as walked

ENOUGH = 1000
"""Test images with which the most active latents are found."""


def traverse(
    run: Run,
    *,
    out: OutputFile,
    data: MaybeSource = None,
    image: Count = 0,
    num: Count = 10,
    steps: Count = 9,
    reach: float = 3.0,
    seed: int = 0,
) -> int:
    """Change one latent at a time: each row is one image with one latent moved from low to high.

    Rows are the latents that vary most over test images; of a ladder, its groups from the top; of a model
    that does not encode, the directions in which its images change most, and the image is inverted. What a
    step changes is printed: the picture, and attributes or classes where the data has some.

    Examples:
      latentia traverse runs/faces --out traversal.png
      latentia traverse runs/faces --out traversal.png --image 7 --num 5 --steps 11

    Args:
        run: Folder of the run. Its model must decode.
        out: Picture to write.
        data: Images to change and to find the latents with, instead of the run's own.
        image: Position of the test image that is changed, from 0.
        num: Rows, at least 1.
        steps: Images in a row, at least 2.
        reach: How far a latent moves to each side, in standard deviations over images.
        seed: Draws the starts of an inversion.
    """
    opened = open_run(run)
    found = images_for(opened, data).split("test")
    images = shown_images(opened, data, min(ENOUGH, len(found)))
    if not 0 <= image < len(found):
        raise ValueError(f"--image is {image}; test images are numbered from 0 to {len(found) - 1}.")
    generator, row = torch.Generator().manual_seed(seed), slice(image, image + 1)
    given = given_for(opened, found, row)
    along = directions(opened.model, images, num, generator=generator)
    walks = walked(
        opened.model,
        found.images(row),
        along,
        steps=steps,
        reach=reach,
        given=given,
        generator=generator,
    )
    picture(walks, out, steps, f"test image {image}, each row from -{reach:g} to {reach:g}")
    reader = reader_for(opened, images_for(opened))
    for name, walk in zip(along.names, walks.split(steps), strict=True):
        print(f"  {name}: {effect_in_words(change_a_step(walk, steps, reader))} a step")
    return DONE


def manifold(run: Run, *, out: OutputFile, side: Count = 20) -> int:
    """Draw the whole of a latent space of two dimensions, as a map of decoded images.

    Examples:
      latentia manifold runs/two --out map.png             after `latentia train ... --num-latents 2`
      latentia manifold runs/two --out map.png --side 10

    Args:
        run: Folder of the run. Its model must have two latents.
        out: Picture to write.
        side: Images in a row and in a column, at least 2.
    """
    opened = open_run(run)
    return picture(
        mapped(opened.model, side),
        out,
        side,
        "the first latent rises to the right, the second downwards, at equal steps of probability",
    )
