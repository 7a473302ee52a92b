"""Inversion: the latents from which a model would make a given image."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from tqdm import tqdm

from latentia._types import Given, Images, Known, Latents, PerImage
from latentia.distributions import AutoregressiveCodes, CodedNormal, Density, Distribution
from latentia.protocols import Decodes, Describes, Encodes, require
from latentia.tasks.draw import AT_ONCE, noise_for

CANDIDATES = 256
"""Draws from the prior among which the starts of an image are chosen."""

Start = Literal["prior", "encoder"] | Latents
Starts = Float[Tensor, "starts_of_all_images latents"]
Made = Float[Tensor, "made channels height width"]


@dataclass(frozen=True, slots=True)
class Damage:
    """What images have gone through that are looked for.

    Attributes:
        again: The same, done to other images, without noise; differentiable.
        known: Where the result is known.
        num_values: Independent numbers that are known of an image.
    """

    again: Callable[[Tensor], Tensor]
    known: Known
    num_values: float

    def of(self, rows: slice) -> "Damage":
        """That of some of the images."""
        return replace(self, known=self.known[rows])


@dataclass(frozen=True, slots=True)
class Inversion:
    """Images as a model can make them, and from what.

    Attributes:
        latents: What was found, one vector an image.
        images: Means of p(x|z) there.
        squared_error: Mean squared difference from the image that was looked for, of values in [-1, 1]; of
            damaged images from what is seen of them.
    """

    latents: Latents
    images: Images
    squared_error: PerImage

    @property
    def psnr(self) -> PerImage:
        """The same as a signal-to-noise ratio, 10 log10(2^2 / error), decibels: higher is nearer."""
        return 10 * torch.log10(4 / self.squared_error)


def invert(
    model: object,
    images: Images,
    *,
    start: Start = "prior",
    steps: int = 200,
    restarts: int = 4,
    rate: float = 0.1,
    pixel_std: float = 0.05,
    feature_weight: float = 0.0,
    given: Given | None = None,
    damage: Damage | None = None,
    generator: torch.Generator | None = None,
    progress: bool = False,
) -> Inversion:
    """Latents from which a model makes images as near as it can to given ones.

        argmin_z |x - G(z)|^2 / D - (2 s^2 / D) log p(z),   G(z) = E[x|z], D values an image

    That is the most likely z if pixels differ from G(z) by Gaussian noise of deviation s. Adam descends from
    several starts at once, its rate falling to 0 along half a cosine, and keeps the best point of each
    image. Nothing of the model changes.

    Args:
        model: One that decodes, in evaluation mode.
        images: Values in [-1, 1], of the model's shape, on its device.
        start: `prior` starts from the nearest of 256 draws; `encoder` from the mean of q(z|x), and further
            starts from draws of it; latents are where to start, one vector an image.
        steps: Steps of Adam, at least 0; each decodes every start of every image once.
        restarts: Starts of an image, at least 1; of latents that are handed in there is one.
        rate: Largest learning rate, in units of the latents.
        pixel_std: s, how far pixels may be off, 0 or more. The larger, the nearer to the middle of the prior
            are the latents; at 0 they go wherever pixels fit best.
        feature_weight: Weight of the squared distance between the features of both images, a mean over the
            levels of the model's critic, each in units of what the level has; 0 for pixels alone.
        given: What a conditional model is told of each image.
        damage: What the images have gone through; the model's own go through it before they are compared.
        generator: Draws the starts, on the model's device.
        progress: Whether to draw a bar.

    Raises:
        ValueError: If the model cannot do it or is in training mode, or a number or a shape is wrong.

    Note:
        What a model cannot make is not found: the error that remains says how much of an image the model
        lacks, together with what the search missed. Categories among latents keep the values of their start.

    Source:
        Creswell & Bharath 2018 (arXiv:1611.05644), equations 3 and 4; Lipton & Tripathi 2017
        (arXiv:1702.04782). They start from one draw; the choice among draws is ours.
    """
    decoder = require(model, Decodes, task="invert")
    if feature_weight:
        require(model, Describes, task="invert with feature_weight")
    restarts = 1 if isinstance(start, Tensor) else restarts
    _check_numbers(steps, restarts, rate=rate, pixel_std=pixel_std, feature_weight=feature_weight)
    _check(decoder, images, given, start)
    size = max(1, AT_ONCE // restarts)
    portions = [slice(first, first + size) for first in range(0, len(images), size)]
    latents, made = list[Latents](), list[Images]()
    with tqdm(total=len(portions) * steps, disable=not progress, unit=" steps", leave=False) as bar:
        for rows in portions:
            told = None if given is None else given[rows]
            seen = None if damage is None else damage.of(rows)
            target = _Target(decoder, images[rows], told, pixel_std, feature_weight, seen)
            starts = start[rows] if isinstance(start, Tensor) else target.starts(start, restarts, generator)
            latents.append(_descend(target, starts, steps, rate, bar.update))
            made.append(target.made(latents[-1]).detach())
    return Inversion(torch.cat(latents), torch.cat(made), _squared_error(torch.cat(made), images))


class _Target:
    """Some images that are looked for, and how far from them latents lead.

    Latents stand in rounds over all images: one start of each, then another of each ...
    """

    def __init__(
        self,
        decoder: Decodes,
        images: Images,
        given: Given | None,
        pixel_std: float,
        feature_weight: float,
        damage: Damage | None = None,
    ) -> None:
        self.decoder, self.images, self.given, self.damage = decoder, images, given, damage
        self.prior_weight = 2 * pixel_std**2 / (images[0].numel() if damage is None else damage.num_values)
        self.feature_weight = feature_weight
        with torch.no_grad():
            self.prior = decoder.prior(given=given)
            self.levels = self.features(images) if feature_weight else ()

    def made(self, latents: Latents) -> Images:
        """What the model makes of latents."""
        return self.decoder.decode(latents, given=_in_rounds(self.given, len(latents))).mean

    def features(self, images: Images) -> tuple[Tensor, ...]:
        """What the critic makes of images."""
        critic = require(self.decoder, Describes, task="invert with feature_weight")
        return critic.features(images, given=_in_rounds(self.given, len(images)))

    def losses(self, latents: Latents) -> PerImage:
        """What is to be made small, of every vector."""
        made = self.made(latents)
        losses = self._errors(made)
        losses = losses + self.prior_weight * _surprise(self.prior, latents)
        if self.feature_weight:
            levels = zip(self.features(made), self.levels, strict=True)
            losses = losses + self.feature_weight * torch.stack([_relative(*pair) for pair in levels]).mean(0)
        return losses

    def _errors(self, made: Images) -> PerImage:
        """Squared errors of what the model makes, which stands in rounds, as far as images are known."""
        wanted = _in_rounds(self.images, len(made))
        if self.damage is None:
            return _squared_error(made, wanted)
        known = _in_rounds(self.damage.known, len(made))
        squares = (known * (self.damage.again(made) - wanted).square()).flatten(1).sum(1)
        return squares / (wanted.shape[1] * known.flatten(1).sum(1)).clamp_min(1)

    def _distances(self, images: Images, made: Made, place: int) -> Float[Tensor, "images made"]:
        """From images, the first of which has that place among all, to what the model makes."""
        if self.damage is None:
            return torch.cdist(images.flatten(1), made.flatten(1))
        apart, known = self.damage.again(made), self.damage.known[place : place + len(images)]
        rows = zip(images, known, strict=True)
        return torch.stack([(where * (apart - one)).flatten(1).norm(dim=1) for one, where in rows])

    @torch.no_grad()
    def starts(
        self, kind: Literal["prior", "encoder"], number: int, generator: torch.Generator | None
    ) -> Starts:
        """Where to start, in rounds."""
        if kind == "prior":
            return self._nearest_draws(number, generator)
        encoder = require(self.decoder, Encodes, task="invert from the encoder")
        posterior = encoder.encode(self.images, given=self.given)
        draws = [posterior.draw(noise_for(posterior, len(self.images), generator)) for _ in range(number - 1)]
        return torch.cat([posterior.mean, *draws])

    def _nearest_draws(self, number: int, generator: torch.Generator | None) -> Starts:
        """The nearest of some draws from the prior, by pixels, each image's made with what it is given."""
        candidates = self.prior.draw(noise_for(self.prior, max(CANDIDATES, number), generator))
        told = [None] if self.given is None else self.given.split(1)
        distances = list[Tensor]()
        for images, one in zip(self.images.split(-(-len(self.images) // len(told))), told, strict=True):
            made = self.decoder.decode(candidates, given=_in_rounds(one, len(candidates))).mean
            distances.append(self._distances(images, made, len(distances)))
        nearest = torch.cat(distances).topk(number, dim=1, largest=False).indices
        return candidates[nearest.T.flatten()]


def _descend(target: _Target, starts: Starts, steps: int, rate: float, tell: Callable[[], object]) -> Latents:
    """The best point of each image on the ways down from its starts."""
    latents = starts.detach().clone().requires_grad_()
    best, least = starts.detach().clone(), torch.full_like(starts[:, 0], math.inf)
    adam = torch.optim.Adam([latents], lr=rate)
    moves, bounds = _freedom(target.prior, starts)
    for step in range(steps + 1):
        losses = target.losses(latents)
        with torch.no_grad():
            nearer = losses < least
            best[nearer], least[nearer] = latents[nearer], losses[nearer]
        if step == steps:
            break
        (gradient,) = torch.autograd.grad(losses.sum(), latents)  # of latents alone: the model gets none
        latents.grad = gradient * moves
        adam.param_groups[0]["lr"] = rate * (1 + math.cos(math.pi * step / steps)) / 2
        adam.step()
        with torch.no_grad():
            latents.copy_(latents.clamp(-bounds, bounds))
        tell()
    num_images = len(target.images)
    chosen = least.view(-1, num_images).argmin(0) * num_images + torch.arange(num_images, device=least.device)
    return best[chosen]


def _freedom(prior: Distribution, like: Latents) -> tuple[Tensor, Tensor]:
    """Which latents may move, 1 or 0, and how far from 0."""
    moves, bounds = torch.ones_like(like[0]), torch.full_like(like[0], math.inf)
    if isinstance(prior, CodedNormal):
        noise, categories, numbers = prior.codes.split(moves)
        moves = torch.cat([noise, *map(torch.zeros_like, categories), numbers])
        bounds[len(bounds) - len(numbers) :] = 1
    return moves, bounds


def _surprise(prior: Distribution, latents: Latents) -> Tensor:
    """-log p(z) up to a constant, nats; 0 where the prior has no density."""
    if isinstance(prior, CodedNormal):
        return prior.codes.split(latents)[0].square().sum(1) / 2
    return -prior.log_prob(latents) if isinstance(prior, Density) else latents.new_zeros(len(latents))


def _squared_error(found: Tensor, wanted: Tensor) -> PerImage:
    return (found - wanted).square().flatten(1).mean(1)


def _relative(found: Tensor, wanted: Tensor) -> PerImage:
    """Squared distance of features, in units of those that are wanted, which are repeated in rounds."""
    wanted = _in_rounds(wanted, len(found))
    return _squared_error(found, wanted) / wanted.square().flatten(1).mean(1).clamp_min(1e-12)


def _in_rounds(told: Any, count: int) -> Any:
    """Told for as many as there are, in rounds over all images; None stays None."""
    return None if told is None else told.repeat(count // len(told), *[1] * (told.dim() - 1))


def _check_numbers(steps: int, restarts: int, **positive: float) -> None:
    if steps < 0 or restarts < 1:
        raise ValueError(
            f"Got {steps} steps from {restarts} starts; at least 0 steps and 1 start are needed."
        )
    for name, value in positive.items():
        if not 0 <= value < math.inf:
            raise ValueError(f"{name} is {value}; it has to be a finite number of 0 or more.")


def _check(decoder: Decodes, images: Images, given: Tensor | None, start: Start) -> None:
    """Refuses what cannot be inverted.

    Raises:
        ValueError: If it cannot.
    """
    if isinstance(decoder, nn.Module) and decoder.training:
        raise ValueError(
            "The model is in training mode, where images depend on the batch. Call model.eval()."
        )
    prior = decoder.prior(given=given)
    if isinstance(prior, AutoregressiveCodes):
        raise ValueError(
            "Latents of this model are entries of a codebook, between which there is nothing to search. Its "
            "encoder finds them: use `reconstruct`."
        )
    if not len(images) or (given is not None and len(given) != len(images)):
        told = "" if given is None else f", and was told of {len(given)}"
        raise ValueError(f"Got {len(images)} images{told}; expected at least 1, and each told of.")
    with torch.no_grad():
        made = decoder.decode(prior.mean[:1], given=None if given is None else given[:1]).mean
    if made.shape[1:] != images.shape[1:]:
        raise ValueError(
            f"Got images of shape {tuple(images.shape[1:])}; this model makes {tuple(made.shape[1:])} "
            f"(channels, height, width). Prepare them as the run's own."
        )
    expected = (len(images), prior.mean.shape[1])
    if isinstance(start, Tensor) and start.shape != expected:
        raise ValueError(
            f"Got starts of shape {tuple(start.shape)}; expected {expected}, one vector an image."
        )
