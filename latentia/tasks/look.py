"""Looking at what a model has learned: reconstructions, and ways from one image to another."""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from latentia._types import Given, Images, Latents
from latentia.protocols import Decodes, Encodes, require

Course = Literal["spherical", "linear"]
Ways = Float[Tensor, "steps_of_all_ways channels height width"]


@torch.no_grad()
def reconstruct(model: object, images: Images, *, given: Given | None = None) -> Images:
    """Images as the model keeps them: encoded, then decoded, the mean taken both times.

    Args:
        model: One that encodes and decodes, in evaluation mode.
        images: Values in [-1, 1], on the model's device.
        given: What a conditional model is told of each image.

    Returns:
        E[x | E[z | x]]: no noise enters, so that the same image always gives the same reconstruction.

    Raises:
        ValueError: If the model cannot encode or cannot decode, as adversarial networks cannot encode.
    """
    encoder = require(model, Encodes, task="reconstruct")
    decoder = require(model, Decodes, task="reconstruct")
    return decoder.decode(encoder.encode(images, given=given).mean, given=given).mean


@torch.no_grad()
def interpolate(
    model: object, start: Latents, end: Latents, steps: int, *, course: Course = "spherical"
) -> Ways:
    """Images along a way through latent space, from each start to its end.

    Args:
        model: One that decodes, in evaluation mode.
        start: Where each way begins, on the model's device.
        end: Where it ends, as many.
        steps: Images on each way, both ends included, at least 2.
        course: `spherical` keeps to the shell on which Gaussian latents lie; `linear` is the straight
            line, for latents that are not Gaussian.

    Returns:
        Means of p(x|z), one way after the other: `steps` images of the first, then of the second ...

    Raises:
        ValueError: If the model cannot decode, or there are fewer than 2 steps.
    """
    decoder = require(model, Decodes, task="interpolate")
    if steps < 2:
        raise ValueError(f"{steps} steps: a way has two ends, so at least 2.")
    move = _spherical if course == "spherical" else torch.lerp
    shares = [step / (steps - 1) for step in range(steps)]
    latents = torch.stack([move(start, end, share) for share in shares], dim=1)
    return decoder.decode(latents.flatten(0, 1)).mean


def interpolate_images(
    model: object, start: Images, end: Images, steps: int, *, course: Course = "spherical"
) -> Ways:
    """Images along a way between real images: between the means of their posteriors.

    Args:
        model: One that encodes and decodes, in evaluation mode.
        start: Image at which each way begins, in [-1, 1].
        end: Image at which it ends, as many.
        steps: Images on each way, both reconstructed ends included, at least 2.
        course: As for `interpolate`.

    Returns:
        Means of p(x|z), one way after the other.

    Raises:
        ValueError: If the model cannot encode or decode, or there are fewer than 2 steps.
    """
    encoder = require(model, Encodes, task="interpolate between images")
    with torch.no_grad():
        start_latents, end_latents = encoder.encode(start).mean, encoder.encode(end).mean
    return interpolate(model, start_latents, end_latents, steps, course=course)


def _spherical(start: Latents, end: Latents, share: float) -> Latents:
    """The point at a share of the great circle between two directions; length changes along with it.

    sin((1 - t) w) / sin(w) start + sin(t w) / sin(w) end, with w the angle between the two

    Where both point the same way, or opposite ways, so that no great circle is singled out, it is the
    straight line.

    Source:
        Shoemake 1985, "Animating rotation with quaternion curves", section 3.3.
    """
    cosine = torch.cosine_similarity(start, end, dim=1).clamp(-1, 1).unsqueeze(1)
    angle = cosine.acos()
    sine = angle.sin()
    degenerate = sine < 1e-4
    safe = sine.masked_fill(degenerate, 1)
    curved = ((1 - share) * angle).sin() / safe * start + (share * angle).sin() / safe * end
    return torch.where(degenerate, start.lerp(end, share), curved)
