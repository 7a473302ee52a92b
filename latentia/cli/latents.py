"""`latentia invert` and `neighbours`: a run's images and real ones, looked for in each other."""

import torch

from latentia._types import Images
from latentia.cli.draw import in_rows, picture, shown_images
from latentia.cli.flags import Count, Device, MaybeSource, OutputFile, Run, Switch
from latentia.cli.letters import DONE
from latentia.data import Split
from latentia.metrics import MovedNeighbours, moved_neighbours
from latentia.protocols import Encodes
from latentia.recipes import open_run
from latentia.report.runs import images_for
from latentia.tasks import invert as inverted
from latentia.tasks.draw import is_conditional

AT_ONCE = 8192
"""Training images searched in one go."""

USUAL = 200
"""Test images whose nearest training images show what a distance means."""


def invert(
    run: Run,
    *,
    out: OutputFile,
    data: MaybeSource = None,
    num: Count = 8,
    steps: Count = 200,
    restarts: Count = 4,
    pixel_std: float = 0.05,
    features: float = 0.0,
    seed: int = 0,
    device: Device = "auto",
) -> int:
    """Find the latents that make test images: rows of real images, of what was found, and of the difference.

    What a run cannot make is not found: what remains in the difference, where grey is none, is what the model
    lacks. The search starts from the encoder where there is one, and otherwise from draws.

    Examples:
      latentia invert runs/faces --out inverted.png
      latentia invert runs/faces --data me/ --num 1 --steps 1000 --restarts 16 --out me.png

    Args:
        run: Folder of the run. Its model must decode.
        out: Picture to write.
        data: Images to look for, instead of the run's own.
        num: How many images, at least 1.
        steps: Steps of the search.
        restarts: Starts of an image; the best counts.
        pixel_std: How far pixels may be off, in values from -1 to 1. More keeps latents nearer to those that
            are drawn; 0 lets them go wherever pixels fit.
        features: Weight of the distance in the features of the run's critic, beside that of pixels.
        seed: Draws the starts.
        device: Where to compute: auto, cpu, cuda, cuda:1 or mps.
    """
    opened = open_run(run, device=device)
    place = next(opened.model.parameters()).device
    real = shown_images(opened, data, num)
    given = None
    if is_conditional(opened.model):
        given = images_for(opened, data).split("test").given(slice(0, num))
    found = inverted(
        opened.model,
        real.to(place),
        start="encoder" if isinstance(opened.model, Encodes) else "prior",
        steps=steps,
        restarts=restarts,
        pixel_std=pixel_std,
        feature_weight=features,
        given=None if given is None else given.to(place),
        generator=torch.Generator(place).manual_seed(seed),
        progress=True,
    )
    images = found.images.cpu()
    rows = in_rows(min(num, 8), real, images, (images - real) / 2)
    picture(
        rows, out, min(num, 8), "rows in threes: test images, what was found for them, and the difference"
    )
    print(f"  error: {found.squared_error.mean():.4f} mean square of values in [-1, 1]")
    low, high = found.psnr.aminmax()
    print(f"  PSNR:  {found.psnr.mean():.1f} dB on average, from {low:.1f} to {high:.1f}")
    return DONE


def neighbours(
    run: Run,
    *,
    out: OutputFile,
    num: Count = 6,
    count: Count = 5,
    shift: Count = 0,
    flip: Switch = False,
    seed: int = 0,
    device: Device = "auto",
) -> int:
    """Draw images, and put beside each the training images nearest to it, the nearest first.

    The distance is the root mean square difference of pixels, of values in [-1, 1]. That of test images to
    their nearest training images is told beside it: a draw much nearer than these is likely a copy.

    Examples:
      latentia neighbours runs/faces --out neighbours.png
      latentia neighbours runs/faces --out neighbours.png --flip --shift 2

    Args:
        run: Folder of the run.
        out: Picture to write.
        num: Rows: how many images are drawn, at least 1.
        count: Training images beside each, at least 1.
        shift: Pixels that an image may have moved each way.
        flip: Whether left and right may be exchanged.
        seed: The same seed draws the same images.
        device: Where to draw: auto, cpu, cuda, cuda:1 or mps.
    """
    if min(num, count) < 1 or shift < 0:
        raise ValueError(
            f"Got --num {num}, --count {count} and --shift {shift}; expected 1 or more rows and neighbours, "
            f"and a shift of 0 or more."
        )
    opened = open_run(run, device=device)
    store = images_for(opened)
    train, test = store.split("train"), store.split("test")
    generator = torch.Generator(next(opened.model.parameters()).device).manual_seed(seed)
    with torch.no_grad():
        drawn = opened.model.sample(num, generator=generator, noise=False).cpu()
    found = _nearest(drawn, train, count, shift, flip)
    near = train.images(found.indices.flatten()).unflatten(0, found.indices.shape)
    rows = torch.cat([drawn[:, None], near], dim=1)
    seen = "each row a draw and the training images nearest to it"
    picture(rows.flatten(0, 1), out, rows.shape[1], seen)
    for row, distances in enumerate(found.distances.tolist(), start=1):
        print(f"  row {row}: {'  '.join(f'{distance:.3f}' for distance in distances)}")
    if len(test):
        usual = _nearest(test.images(slice(0, USUAL)), train, 1, shift, flip).distances.median()
        print(f"  test images: {usual:.3f} to the nearest, half of them")
    return DONE


def _nearest(queries: Images, train: Split, count: int, shift: int, flip: bool) -> MovedNeighbours:
    """The nearest of all training images, of which some are in memory at a time."""
    indices, distances = [], []
    for start in range(0, len(train), AT_ONCE):
        some = train.images(slice(start, start + AT_ONCE))
        found = moved_neighbours(queries, some, num_neighbours=count, flips=flip, max_shift=shift)
        indices.append(found.indices + start)
        distances.append(found.distances)
    nearest = torch.cat(distances, 1).sort(dim=1, stable=True)
    ordered = torch.cat(indices, 1).gather(1, nearest.indices)
    return MovedNeighbours(ordered[:, :count], nearest.values[:, :count])
