"""Looking around in latent space: one latent at a time, and two latents as a map."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from latentia._types import Given, Images, Latents
from latentia.protocols import Decodes, Encodes, require
from latentia.tasks.latents import decoded, latents_of
from latentia.tasks.principal_directions import principal_directions

Walks = Float[Tensor, "images_of_all_walks channels height width"]


@runtime_checkable
class Grouped(Protocol):
    """A model whose flat latents are groups, one after another, as those of a ladder are."""

    group_sizes: Sequence[int]


@dataclass(frozen=True, slots=True)
class Directions:
    """Directions in latent space along which images differ.

    Attributes:
        names: What each one is, such as `latent 3`.
        vectors: One standard deviation over images or draws along each direction, (directions, latents).
        centre: The mean over images or of the prior, (1, latents).
    """

    names: list[str]
    vectors: Tensor
    centre: Latents


@torch.no_grad()
def directions(
    model: nn.Module, images: Images, num_directions: int, *, generator: torch.Generator | None = None
) -> Directions:
    """The directions of latent space in which a model keeps most of what tells these images apart.

    Those are the latents whose posterior means vary most over images. One latent among the thousands of a
    ladder says little, so of latents in groups it is the first principal direction of each group. A model
    that only decodes has no such means: for it they are the directions in which its images change most.

    Args:
        model: One that encodes or decodes, in evaluation mode.
        images: At least 2, in [-1, 1], on the model's device; not looked at where it only decodes.
        num_directions: How many at most: the most active latents first, or the top groups first.
        generator: Makes the draws around which images change, on the model's device.

    Raises:
        ValueError: If the model can do neither, or there are too few images.
    """
    if isinstance(model, Decodes) and not isinstance(model, Encodes):
        centre = model.prior().mean[:1]
        found = principal_directions(model, images, min(num_directions, centre.shape[1]), generator=generator)
        vectors = torch.stack([direction.vector for direction in found]).to(centre.device)
        return Directions([direction.name for direction in found], vectors, centre)
    encoder = require(model, Encodes, task="traverse")
    if len(images) < 2 or num_directions < 1:
        raise ValueError(
            f"Got {len(images)} images and {num_directions} directions; what varies over images is found "
            f"with at least 2 images and 1 direction."
        )
    means = latents_of(encoder, images)
    centre = means.mean(0, keepdim=True)
    if isinstance(model, Grouped) and len(model.group_sizes) > 1:
        names, vectors = _of_groups(means - centre, model.group_sizes[:num_directions])
    else:
        deviations = means.std(0)
        order = deviations.argsort(descending=True)[:num_directions]
        names, vectors = [f"latent {index}" for index in order.tolist()], deviations.diag()[order]
    return Directions(names, vectors, centre)


@torch.no_grad()
def traverse(
    model: object,
    start: Images,
    along: Directions,
    *,
    steps: int = 9,
    reach: float = 3.0,
    given: Given | None = None,
    generator: torch.Generator | None = None,
) -> Walks:
    """One image, changed along one direction of latent space after another.

    Along each direction the image loses its own value and takes those from `-reach` to `reach` standard
    deviations of what images have there; everything else about it stays.

    Args:
        model: One that decodes, in evaluation mode. Where it does not encode, the image is inverted.
        start: The one image to change, of shape (1, channels, height, width).
        along: As `directions` finds them.
        steps: Images along each, at least 2.
        reach: How far to each side, in standard deviations over images.
        given: What a conditional model is told of the image.
        generator: Draws the starts of an inversion.

    Returns:
        Means of p(x|z), `steps` images along the first direction, then along the second ...

    Raises:
        ValueError: If the model cannot decode, or there are fewer than 2 steps.
    """
    require(model, Decodes, task="traverse")
    if steps < 2:
        raise ValueError(f"{steps} steps: a traversal has two ends, so at least 2.")
    latents = latents_of(model, start, given=given, generator=generator)
    unit = torch.nn.functional.normalize(along.vectors, dim=1)
    own = (latents - along.centre) @ unit.T  # (1, directions)
    without = latents - own.T * unit  # (directions, latents)
    positions = torch.linspace(-reach, reach, steps, device=latents.device)
    moved = without.unsqueeze(1) + positions.view(1, -1, 1) * along.vectors.unsqueeze(1)
    told = None if given is None else given.expand(moved.shape[0] * steps, *given.shape[1:])
    return decoded(model, moved.flatten(0, 1), told)


@torch.no_grad()
def manifold(model: object, side: int = 20) -> Walks:
    """The whole of a latent space of two dimensions, as a square map of decoded images.

    Coordinates are spaced so that each image stands for the same share of the prior's probability: the
    quantiles (i - 1/2) / side of each latent, sent through the prior.

    Args:
        model: One that decodes from 2 latents, in evaluation mode.
        side: Images in a row, at least 2.

    Returns:
        Means of p(x|z), row by row: the first latent rises to the right, the second downwards.

    Raises:
        ValueError: If the model cannot decode, its latents are not two, or the map is too small.

    Source:
        Kingma & Welling 2014 (arXiv:1312.6114), figure 4.
    """
    decoder = require(model, Decodes, task="manifold")
    prior = decoder.prior()
    if prior.noise_shape != (2,):
        raise ValueError(
            f"A map shows latent spaces of 2 dimensions, and this model's noise has shape "
            f"{prior.noise_shape}. Train one with --num-latents 2, or look at this one with `traverse`."
        )
    if side < 2:
        raise ValueError(f"The side is {side}; a map has at least 2 images in a row.")
    quantiles = torch.special.ndtri((torch.arange(side, device=prior.mean.device) + 0.5) / side)
    second, first = torch.meshgrid(quantiles, quantiles, indexing="ij")
    return decoded(model, prior.draw(torch.stack([first.flatten(), second.flatten()], dim=1)))


def _of_groups(centred: Latents, sizes: Sequence[int]) -> tuple[list[str], Tensor]:
    """One vector a group: its first principal direction, as long as a standard deviation along it."""
    num_images, num_latents = centred.shape
    vectors, end = [], 0
    for size in sizes:
        _, values, axes = torch.linalg.svd(centred[:, end : end + size], full_matrices=False)
        vector = centred.new_zeros(num_latents)
        vector[end : end + size] = values[0] / (num_images - 1) ** 0.5 * axes[0]
        vectors.append(vector)
        end += size
    return [f"group {index + 1}" for index in range(len(sizes))], torch.stack(vectors)
