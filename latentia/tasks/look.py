"""Looking at what a model has learned: reconstructions, and ways from one image to another."""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from latentia._types import Given, Images, Latents
from latentia.distributions import CodedNormal
from latentia.protocols import Decodes, Encodes, require
from latentia.tasks.draw import conditions_for, noise_for
from latentia.tasks.latents import latents_of

Course = Literal["spherical", "linear"]
Points = Float[Tensor, "ways steps latents"]
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
    model: object,
    start: Latents,
    end: Latents,
    steps: int = 9,
    *,
    course: Course = "spherical",
    given: Given | None = None,
) -> Ways:
    """Images along a way through latent space, from each start to its end.

    Args:
        model: One that decodes, in evaluation mode.
        start: Where each way begins, on the model's device.
        end: Where it ends, as many.
        steps: Images on each way, both ends included, at least 2.
        course: `spherical` keeps to the shell on which Gaussian latents lie; `linear` is the straight
            line, for latents that are not Gaussian.
        given: What a conditional model is told of each way.

    Returns:
        Means of p(x|z), one way after the other: `steps` images of the first, then of the second ...

    Raises:
        ValueError: If the model cannot decode, there are fewer than 2 steps, or an arc is asked for through
            latents of which some are categories.
    """
    decoder = require(model, Decodes, task="interpolate")
    if course == "spherical" and isinstance(decoder.prior(given=given), CodedNormal):
        raise ValueError(
            "Some latents of this model are categories and numbers between -1 and 1, which lie on no sphere. "
            "Go between draws with `interpolate_draws`, or take course='linear', which mixes categories."
        )
    return _decoded(decoder, arcs(start, end, steps, course=course), given)


def interpolate_images(
    model: object,
    start: Images,
    end: Images,
    steps: int = 9,
    *,
    course: Course = "spherical",
    given: Given | None = None,
    generator: torch.Generator | None = None,
) -> Ways:
    """Images along a way between real images: between the means of their posteriors, or what inversion finds.

    Args:
        model: One that decodes, in evaluation mode. Where it does not encode, the images are inverted.
        start: Image at which each way begins, in [-1, 1].
        end: Image at which it ends, as many.
        steps: Images on each way, both reconstructed ends included, at least 2.
        course: As for `interpolate`.
        given: What a conditional model is told of each way.
        generator: Draws the starts of an inversion.

    Returns:
        Means of p(x|z), one way after the other.

    Raises:
        ValueError: If the model cannot decode, or there are fewer than 2 steps.
    """
    require(model, Decodes, task="interpolate between images")
    start_latents, end_latents = (
        latents_of(model, images, given=given, generator=generator) for images in (start, end)
    )
    return interpolate(model, start_latents, end_latents, steps, course=course, given=given)


@torch.no_grad()
def interpolate_draws(
    model: object,
    num_ways: int,
    steps: int = 9,
    *,
    course: Course = "spherical",
    given: Given | None = None,
    generator: torch.Generator | None = None,
) -> Ways:
    """Images along ways between draws from the prior, whatever the prior is.

    The way leads through the noise that latents are made of, which is Gaussian under every prior. On its arc
    every image is as likely as a draw: categories switch, and numbers keep to their range.

    Args:
        model: One that decodes, in evaluation mode.
        num_ways: How many ways, at least 1.
        steps: Images on each way, both ends included, at least 2.
        course: As for `interpolate`.
        given: What a conditional model is told of each way; without it that is drawn.
        generator: Source of randomness, on the model's device.

    Returns:
        Means of p(x|z), one way after the other.

    Raises:
        ValueError: If the model cannot decode, or there are too few ways or steps.
    """
    decoder = require(model, Decodes, task="interpolate")
    if num_ways < 1:
        raise ValueError(f"Asked for {num_ways} ways; ask for at least 1.")
    given = conditions_for(model, num_ways, generator) if given is None else given
    prior = decoder.prior(given=given)
    start, end = noise_for(prior, 2 * num_ways, generator).chunk(2)
    noise = arcs(start.flatten(1), end.flatten(1), steps, course=course)
    latents = prior.draw(noise.unflatten(-1, prior.noise_shape).flatten(0, 1))
    return _decoded(decoder, latents.unflatten(0, (num_ways, steps)), given)


def arcs(start: Latents, end: Latents, steps: int = 9, *, course: Course = "spherical") -> Points:
    """Points on a way from each start to its end, both exact.

        (1 - t)|a| + t|b|  times  cos(t w) a/|a| + sin(t w) n

    Here w is the angle between a and b, and n the unit vector at right angles to a in the plane of both:
    equal steps are equal angles, and the length changes evenly. Opposite ends single out no great circle:
    the way then leads over the axis that is most at right angles to them. An end of length 0 has the
    direction of the other.

    Args:
        start: Where each way begins.
        end: Where it ends, as many.
        steps: Points on each way, both ends included, at least 2.
        course: `linear` is the straight line instead.

    Raises:
        ValueError: If there are fewer than 2 steps, or the ends differ in shape.

    Source:
        Shoemake 1985, "Animating rotation with quaternion curves", section 3.3; for latents White 2016
        (arXiv:1609.04468), section 2.1. There a and b themselves are mixed, whose angles are even only where
        their lengths are equal.

    Example:
        >>> arcs(torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 2.0]]), 3)
        tensor([[[1.0000, 0.0000],
                 [1.0607, 1.0607],
                 [0.0000, 2.0000]]])
    """
    if steps < 2:
        raise ValueError(f"{steps} steps: a way has two ends, so at least 2.")
    if start.shape != end.shape:
        raise ValueError(
            f"The starts have shape {tuple(start.shape)} and the ends {tuple(end.shape)}; each way has one "
            f"of both."
        )
    share = torch.linspace(0, 1, steps, dtype=start.dtype, device=start.device)[1:-1, None]
    between = _on_arc if course == "spherical" else torch.lerp
    inner = between(start[:, None], end[:, None], share)
    return torch.cat([start[:, None], inner, end[:, None]], dim=1)


def _on_arc(start: Tensor, end: Tensor, share: Tensor) -> Tensor:
    a, b = (functional.normalize(vectors, dim=-1) for vectors in (start, end))
    a, b = torch.where(start.any(-1, keepdim=True), a, b), torch.where(end.any(-1, keepdim=True), b, a)
    # Exact for all angles, unlike the arccosine, which has no digits left near 0 and pi.
    angle = 2 * torch.atan2((a - b).norm(dim=-1, keepdim=True), (a + b).norm(dim=-1, keepdim=True))
    aside = _across(b, a)
    axis = torch.zeros_like(a).scatter(-1, a.abs().argmin(-1, keepdim=True), 1)
    aside = torch.where(aside.norm(dim=-1, keepdim=True) < 1e-5, _across(axis, a), aside)
    normal = functional.normalize(_across(aside, a), dim=-1)  # once more, for what rounding left along a
    length = start.norm(dim=-1, keepdim=True).lerp(end.norm(dim=-1, keepdim=True), share)
    return length * ((share * angle).cos() * a + (share * angle).sin() * normal)


def _across(vectors: Tensor, unit: Tensor) -> Tensor:
    """What of the vectors is at right angles to a unit vector."""
    return vectors - (vectors * unit).sum(-1, keepdim=True) * unit


def _decoded(decoder: Decodes, latents: Points, given: Given | None) -> Ways:
    told = None if given is None else given.repeat_interleave(latents.shape[1], dim=0)
    return decoder.decode(latents.flatten(0, 1), given=told).mean
