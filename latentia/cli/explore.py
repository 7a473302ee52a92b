"""`latentia traverse` and `manifold`: what a run's latent space holds."""

from latentia.cli.draw import picture, shown_images
from latentia.cli.flags import Count, MaybeSource, OutputFile, Run
from latentia.recipes import open_run
from latentia.report.runs import images_for
from latentia.tasks import directions
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
) -> int:
    """Change one latent at a time: each row is one image with one latent moved from low to high.

    Rows are the latents that vary most over test images; of a ladder, its groups from the top.

    Examples:
      latentia traverse runs/faces --out traversal.png
      latentia traverse runs/faces --out traversal.png --image 7 --num 5 --steps 11

    Args:
        run: Folder of the run. Its model must encode; adversarial networks cannot.
        out: Picture to write.
        data: Images to change and to find the latents with, instead of the run's own.
        image: Position of the test image that is changed, from 0.
        num: Rows, at least 1.
        steps: Images in a row, at least 2.
        reach: How far a latent moves to each side, in standard deviations over images.
    """
    opened = open_run(run)
    found = images_for(opened, data).split("test")
    images = shown_images(opened, data, min(ENOUGH, len(found)))
    if not 0 <= image < len(found):
        raise ValueError(f"--image is {image}; test images are numbered from 0 to {len(found) - 1}.")
    along = directions(opened.model, images, num)
    walks = walked(opened.model, found.images(slice(image, image + 1)), along, steps=steps, reach=reach)
    return picture(
        walks, out, steps, f"test image {image}, rows from -{reach:g} to {reach:g}: {', '.join(along.names)}"
    )


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
