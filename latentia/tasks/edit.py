"""Edits: something about images turned up and down, by moving their latents; and arithmetic with images."""

from collections.abc import Sequence
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor, nn

from latentia._types import Given, Images, Latents
from latentia.protocols import Decodes, require
from latentia.tasks.attributes import AttributeReader
from latentia.tasks.direction import Direction, fingerprint
from latentia.tasks.latents import decoded, latents_of

Edited = Float[Tensor, "strengths_of_all_images channels height width"]
Plus = Float[Tensor, "plus channels height width"]
Minus = Float[Tensor, "minus channels height width"]
Start = Float[Tensor, "start channels height width"]
Walks = Float[Tensor, "images_of_all_walks channels height width"]


@torch.no_grad()
def edit(
    model: nn.Module,
    images: Images,
    direction: Direction,
    strengths: Sequence[float],
    *,
    keep_residual: bool = True,
    latents: Latents | None = None,
    given: Given | None = None,
    generator: torch.Generator | None = None,
) -> Edited:
    """Real images, moved along a direction by several strengths.

        G(z + s d)                      the model's picture of the edited image
        x + G(z + s d) - G(z)           with its residual: what the model cannot make of x stays as it was

    Args:
        model: One that decodes, in evaluation mode.
        images: Values in [-1, 1], on the model's device.
        direction: What to change, found in the same weights.
        strengths: How much, in units of the direction; 0 changes nothing, below 0 is the other way.
        keep_residual: Whether what reconstruction loses of an image is put back. The result is sharper, and
            shows a shadow of what was there before where an edit moves edges far.
        latents: Of the images, where they are known already; else as `latents_of` finds them.
        given: What a conditional model is told of each image.
        generator: Draws the starts of an inversion.

    Returns:
        For the first image one for each strength, then for the second ...; in [-1, 1] with the residual.

    Raises:
        ValueError: If the model cannot decode, or the direction is of other weights.

    Source:
        Larsen et al. 2016 (arXiv:1512.09300), figure 5; the residual is ours.
    """
    require(model, Decodes, task="edit")
    vector = direction.vector_for(model)
    if latents is None:
        latents = latents_of(model, images, given=given, generator=generator)
    moved = _decoded_walks(model, latents, vector, strengths, given)
    if not keep_residual:
        return moved
    residual = images - decoded(model, latents, given)
    return (moved + residual.repeat_interleave(len(strengths), 0)).clamp(-1, 1)


def example_direction(
    model: nn.Module,
    plus: Plus,
    minus: Minus,
    *,
    generator: torch.Generator | None = None,
) -> Direction:
    """From some examples to others: strength 1 is the difference of their mean latents.

    Args:
        model: One that encodes or can be inverted, in evaluation mode.
        plus: Images that have it, on the model's device. Three are better than one (Radford et al. 2015).
        minus: Images that have it not, and are alike otherwise.
        generator: Draws the starts of an inversion.

    Raises:
        ValueError: If there are no examples, or their latents cannot be had.
    """
    if not (len(plus) and len(minus)):
        raise ValueError(
            f"Got {len(plus)} examples with and {len(minus)} without; at least 1 each is needed."
        )
    of_plus, of_minus = (latents_of(model, some, generator=generator).mean(0) for some in (plus, minus))
    words = f"mean of {len(plus)} examples less mean of {len(minus)} others"
    return Direction("examples", (of_plus - of_minus).cpu(), fingerprint(model), words)


@torch.no_grad()
def arithmetic(
    model: nn.Module,
    plus: Plus,
    minus: Minus,
    start: Start,
    *,
    generator: torch.Generator | None = None,
) -> Images:
    """`man with glasses - man + woman`: the vector arithmetic of images.

        G(mean z(plus) - mean z(minus) + mean z(start))

    Args:
        model: One that decodes, and encodes or can be inverted, in evaluation mode.
        plus: Images such as of men with glasses, on the model's device; three average out what is their own.
        minus: Such as of men without.
        start: Such as of women without.
        generator: Draws the starts of an inversion.

    Returns:
        Four images: the mean of each of the three groups, decoded, and the result.

    Source:
        Radford et al. 2015 (arXiv:1511.06434), section 6.3.2 and figure 7.
    """
    means = [latents_of(model, group, generator=generator).mean(0) for group in (plus, minus, start)]
    return decoded(model, torch.stack([*means, means[0] - means[1] + means[2]]))


def measure_effect(
    model: nn.Module,
    direction: Direction,
    latents: Latents,
    reader: AttributeReader | None = None,
    *,
    given: Given | None = None,
) -> Direction:
    """A direction with what strength 1 changes, on average over some latents and from -1/2 to 1/2.

    Args:
        model: One that decodes, in evaluation mode.
        direction: What to measure.
        latents: Where to measure it, on the model's device: of real images, or draws.
        reader: Reads attributes off images; without one, only the change of the picture is told.
        given: What a conditional model is told of each of the latents.
    """
    walks = _decoded_walks(model, latents, direction.vector_for(model), (-0.5, 0.5), given)
    return replace(direction, effect=change_a_step(walks, 2, reader))


def change_a_step(walks: Walks, steps: int, reader: AttributeReader | None = None) -> dict[str, float]:
    """How much images change from one step of a walk to the next, on average.

    Args:
        walks: `steps` images of the first walk, then of the second ...
        steps: Images on each walk, at least 2.
        reader: Reads attributes off images.

    Returns:
        `picture`, the root mean square of the change of values in [-1, 1]; and for every attribute that the
        reader knows the change of what it reads, in standard deviations over images.

    Example:
        >>> change_a_step(torch.tensor([-1.0, -0.5, 0.0]).reshape(3, 1, 1, 1), 3)
        {'picture': 0.5}
    """
    by_walk = walks.unflatten(0, (-1, steps))
    moved = by_walk.diff(dim=1).square().flatten(2).mean(2).sqrt()
    effect = {"picture": moved.mean().item()}
    if reader is not None:
        read = reader(walks.clamp(-1, 1)).unflatten(0, (-1, steps))
        change = ((read[:, -1] - read[:, 0]) / (steps - 1)).mean(0)
        effect |= dict(zip(reader.names, change.tolist(), strict=True))
    return effect


def _decoded_walks(
    model: nn.Module,
    latents: Latents,
    vector: Float[Tensor, " latents"],
    strengths: Sequence[float],
    given: Given | None,
) -> Walks:
    steps = torch.tensor(strengths, dtype=latents.dtype, device=latents.device)
    moved = latents[:, None] + steps[:, None] * vector
    told = None if given is None else given.repeat_interleave(len(steps), 0)
    return decoded(model, moved.flatten(0, 1), told)
