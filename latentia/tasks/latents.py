"""Between images and latents, whatever the model: encoded or searched for, and decoded in portions."""

import torch
from torch import Tensor

from latentia._types import Given, Images, Latents
from latentia.protocols import Decodes, Encodes, require
from latentia.tasks.draw import AT_ONCE
from latentia.tasks.invert import invert


def latents_of(
    model: object,
    images: Images,
    *,
    given: Given | None = None,
    steps: int = 200,
    generator: torch.Generator | None = None,
    progress: bool = False,
) -> Latents:
    """The latents of real images: the mean of q(z|x) where the model encodes, else what inversion finds.

    Args:
        model: One that encodes or decodes, in evaluation mode.
        images: Values in [-1, 1], on the model's device.
        given: What a conditional model is told of each image.
        steps: Steps of an inversion; each decodes four candidates of every image.
        generator: Draws the starts of an inversion, on the model's device.
        progress: Whether an inversion draws a bar.

    Raises:
        ValueError: If the model can neither encode nor be inverted.
    """
    if not isinstance(model, Encodes):
        with torch.enable_grad():  # a search descends, also where the caller wants no gradient
            found = invert(model, images, given=given, steps=steps, generator=generator, progress=progress)
        return found.latents
    told = portions(given, len(images))
    with torch.no_grad():
        parts = zip(images.split(AT_ONCE), told, strict=True)
        return torch.cat([model.encode(part, given=some).mean for part, some in parts])


@torch.no_grad()
def decoded(model: object, latents: Latents, given: Given | None = None) -> Images:
    """Means of p(x|z), computed in portions.

    Raises:
        ValueError: If the model cannot decode.
    """
    decoder = require(model, Decodes, task="decode latents")
    parts = zip(latents.split(AT_ONCE), portions(given, len(latents)), strict=True)
    return torch.cat([decoder.decode(part, given=some).mean for part, some in parts])


def portions(given: Given | None, count: int) -> list[Tensor | None]:
    """What is told of each portion of so many images."""
    return [None] * max(1, -(-count // AT_ONCE)) if given is None else list(given.split(AT_ONCE))
