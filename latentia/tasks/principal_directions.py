"""Directions without labels: those in which latents of images vary most, or in which images change most."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from latentia._types import Images, Latents
from latentia.protocols import Decodes, Encodes, require
from latentia.tasks.direction import Direction, Vector, fingerprint, of_one_deviation
from latentia.tasks.draw import conditions_for, noise_for
from latentia.tasks.latents import decoded, latents_of

POINTS = 16
"""Draws around which the changes of images are averaged."""
BIT = 0.1
"""How far a latent is moved to see what it changes."""


def principal_directions(
    model: nn.Module,
    images: Images,
    num_directions: int,
    *,
    generator: torch.Generator | None = None,
) -> list[Direction]:
    """The main directions of a latent space, the first one first, each a standard deviation of latents long.

    Where a model encodes they are the principal components of its posterior means. Where it only decodes they
    are those in which its images change most, on average over draws:

        the leading eigenvectors of E_z [J(z)^T J(z)],   J = dG/dz

    Their signs are such that the largest part of each is positive.

    Args:
        model: One that encodes or decodes, in evaluation mode.
        images: Images to encode, on the model's device, at least 2; not looked at where it only decodes.
        num_directions: How many, from 1 to the number of latents.
        generator: Draws the points, on the model's device.

    Raises:
        ValueError: If the model can do neither, or a number is out of range.

    Source:
        Wang & Ponce 2021 (arXiv:2101.06006), section 2, who take exact derivatives; ours are differences.
        Härkönen et al. 2020 (arXiv:2004.02546) look at the first layer instead, which not every model has.
    """
    if isinstance(model, Encodes):
        latents = latents_of(model, images).cpu()
        if len(latents) < 2:
            raise ValueError(f"{len(latents)} images do not vary; show at least 2.")
        axes = torch.linalg.svd(latents - latents.mean(0), full_matrices=False)[2]
        words = "principal component of posterior means"
    else:
        latents, change = _changes(model, generator)
        axes = torch.linalg.eigh(change).eigenvectors.T.flip(0)
        words = "direction of largest change of images"
    if not 1 <= num_directions <= len(axes):
        raise ValueError(
            f"Asked for principal direction {num_directions}; there are {len(axes)}, counted from 1."
        )
    mark = fingerprint(model)
    return [
        Direction(f"principal-{index}", of_one_deviation(_signed(axis), latents), mark, words)
        for index, axis in enumerate(axes[:num_directions], start=1)
    ]


def _changes(
    model: nn.Module, generator: torch.Generator | None
) -> tuple[Latents, Float[Tensor, "latents latents"]]:
    """Draws from the prior, and the mean of J^T J over some of them."""
    decoder = require(model, Decodes, task="find principal directions")
    with torch.no_grad():
        given = conditions_for(model, 1000, generator)
        prior = decoder.prior(given=given)
        latents = prior.draw(noise_for(prior, 1000, generator))
    moves = BIT * torch.eye(latents.shape[1], device=latents.device)
    total = torch.zeros_like(moves)
    for index, point in enumerate(latents[:POINTS]):
        around = torch.cat([point[None], point + moves])
        told = None if given is None else given[index].expand(len(around))
        images = decoded(model, around, told).flatten(1)
        slopes = (images[1:] - images[0]) / BIT
        total += slopes @ slopes.T / POINTS
    return latents.cpu(), total.cpu()


def _signed(axis: Vector) -> Vector:
    return axis * axis[axis.abs().argmax()].sign()
