"""Restoration: images of which something was measured, by a model that learned to, or by any that decodes."""

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from latentia._types import Given, Images, Measured
from latentia.data.degradation import Degradation, Greyed, seen
from latentia.protocols import Decodes, GenerativeModel, Restores, require
from latentia.tasks.draw import AT_ONCE
from latentia.tasks.invert import Damage, invert
from latentia.tasks.tiles import in_tiles

TILE = 512
"""Side of the tiles that a model which restores is shown of larger images, in pixels."""
LEAST_STD = 0.05
"""How far, at least, pixels of what a model makes may be off what was measured, in values from -1 to 1."""

Many = Float[Tensor, "answers batch channels height width"]


@dataclass(frozen=True, slots=True)
class Restoration:
    """What damaged images may have been.

    Attributes:
        image: The expected image of a model that restores; the likeliest found by search. In [-1, 1].
        answers: Several that may have been, as many as were asked for.
        before: How far from the measurement images and answers were measured before they were brought to
            agree: root mean square over all of them, in levels of 8 bits.
        after: The same, of what is returned. What noise there is in the measurement stays in it.
    """

    image: Images
    answers: Many
    before: float
    after: float

    @property
    def spread(self) -> Float[Tensor, "batch 1 height width"]:
        """Standard deviation of the answers at each pixel, the root mean square over channels.

        Raises:
            ValueError: If there are fewer than two answers.
        """
        if len(self.answers) < 2:
            raise ValueError(
                f"A spread needs 2 answers or more, and {len(self.answers)} were drawn. Ask for more answers."
            )
        return self.answers.var(0).mean(1, keepdim=True).sqrt()


@dataclass(frozen=True, slots=True)
class Search:
    """How images are searched for that a model makes and that would be measured so.

    Attributes:
        steps: Steps of Adam.
        restarts: Starts of the search for the best guess; an answer has one start of its own.
        pixel_std: s, how far pixels may be off; without it that of the noise, and 0.05 at least.
    """

    steps: int = 300
    restarts: int = 4
    pixel_std: float | None = None


def restore(
    model: object,
    measured: Measured,
    degradation: Degradation | None = None,
    *,
    num_answers: int = 0,
    agree: bool = True,
    tile: int = TILE,
    look_at: int | None = None,
    search: Search | None = None,
    given: Given | None = None,
    generator: torch.Generator | None = None,
    progress: bool = False,
) -> Restoration:
    """What damaged images may have been: the best guess, and several answers.

        argmin_z |A(G(z)) - y|^2 / (2 s^2) - log p(z)

    is the likeliest image where the model never learned to restore: A is the damage, y what was measured. It
    is searched for as by `invert`; an answer is one such search from a start of its own. A model that learned
    the task is asked instead. Both are then brought to agree with what was measured.

    Args:
        model: One that restores, or one that decodes, in evaluation mode.
        measured: What was measured, on the model's device (`degradation.measure`, or
            `latentia.data.degradation.measured` of pixels and where they are known). Of any size.
        degradation: What was done to the images; of a model that restores its own, and no other.
        num_answers: Answers beside the best guess, at least 0.
        agree: Whether images are brought to agree with what was measured.
        tile: Side of the overlapping tiles that a model which restores is shown of larger images, a multiple
            of 16. One that decodes makes tiles of its own size.
        look_at: Shorter side to which images are reduced before a model that colours them sees them, and
            from which its answers are enlarged: colour is smooth, and what is measured stays sharp. None to
            show them as they are.
        search: How to search, where the model never learned to restore.
        given: What a conditional model that decodes is told of each image.
        generator: Source of randomness, on the model's device.
        progress: Whether a search draws a bar.

    Raises:
        ValueError: If the model can do neither, or learned to undo another damage, or a number is out of
            range.

    Note:
        Answers of a search are local optima and no draws from a posterior: their spread is a hint.

    Source:
        Bora et al. 2017 (arXiv:1703.03208), section 3; Menon et al. 2020 (arXiv:2003.03808) for enlarging.
        Both keep to the range of the generator; that images are then made to agree is ours.
    """
    _check(num_answers, tile, look_at)
    if isinstance(model, Restores):
        degradation = _own(model, degradation)
        if look_at is not None and not isinstance(degradation, Greyed):
            raise ValueError(
                f"look_at is {look_at}, which is for colour alone: {degradation} needs images as they are."
            )
        drawn = _learned(model, measured, num_answers, tile, look_at, generator)
    else:
        if degradation is None:
            raise ValueError(
                "This model has not learned to restore, so it has to be told what was done to the images: a "
                "task on the command line, a degradation in Python."
            )
        settings = {"given": given, "generator": generator, "progress": progress}
        drawn = _searched(model, measured, degradation, num_answers, search or Search(), settings)
    return _finished(drawn, measured, degradation, agree=agree)


@torch.no_grad()
def _learned(
    model: Restores,
    measured: Measured,
    num_answers: int,
    tile: int,
    look_at: int | None,
    generator: torch.Generator | None,
) -> Many:
    """The expected images, and so many answers."""

    def work(part: Measured) -> Many:
        asked = [
            model.expected(part),
            *(model.answers(part, generator=generator) for _ in range(num_answers)),
        ]
        return torch.stack(asked)

    shown = measured if look_at is None else _reduced(measured, look_at)
    drawn = torch.cat([in_tiles(part, tile, work, step=16) for part in shown.split(AT_ONCE)], 1)
    if shown.shape == measured.shape:
        return drawn
    large = functional.interpolate(drawn.flatten(0, 1), measured.shape[2:], mode="bicubic")
    return large.unflatten(0, drawn.shape[:2])


def _reduced(measured: Measured, side: int) -> Float[Tensor, "batch measured rows columns"]:
    """What was measured, with a shorter side of so many pixels, unless it is no longer."""
    height, width = measured.shape[2:]
    scale = side / min(height, width)
    if scale >= 1:
        return measured
    sides = (round(height * scale), round(width * scale))
    return functional.interpolate(measured, sides, mode="bilinear", antialias=True)


def _searched(
    model: object,
    measured: Measured,
    degradation: Degradation,
    num_answers: int,
    search: Search,
    settings: dict[str, Any],
) -> Many:
    """The likeliest images that a search finds in tiles of the model's size, and so many others."""
    require(model, Decodes, task="restore")
    assert isinstance(model, GenerativeModel)
    height, width = model.image_shape[1:]
    std = max(LEAST_STD, degradation.noise_std) if search.pixel_std is None else search.pixel_std

    def work(part: Measured) -> Many:
        pixels, known = seen(part)
        damage = Damage(degradation.again, known, degradation.num_values(part))
        found = [
            invert(
                model,
                pixels,
                steps=search.steps,
                restarts=restarts,
                pixel_std=std,
                damage=damage,
                **settings,
            ).images
            for restarts in (search.restarts, *[1] * num_answers)
        ]
        return torch.stack(found)

    # What is smaller than the model's images is a part of one of which nothing else is known.
    down, right = max(0, height - measured.shape[2]), max(0, width - measured.shape[3])
    drawn = in_tiles(functional.pad(measured, (0, right, 0, down)), height, work)
    return drawn[..., : measured.shape[2], : measured.shape[3]]


@torch.no_grad()
def _finished(drawn: Many, measured: Measured, degradation: Degradation, *, agree: bool) -> Restoration:
    """Images as they are returned, and how well they agree."""
    clamped = drawn.clamp(-1, 1)
    agreed = torch.stack([degradation.agree(images, measured) for images in drawn]) if agree else clamped
    misfits = [
        torch.stack([degradation.misfit(images, measured) for images in kind]).square().mean().sqrt()
        for kind in (clamped, agreed)
    ]
    before, after = (float(misfit) for misfit in misfits)
    return Restoration(agreed[0], agreed[1:], before, after)


def _own(model: Restores, asked: Degradation | None) -> Degradation:
    """The damage that a model undoes.

    Raises:
        ValueError: If another was named.
    """
    if asked is not None and asked != model.degradation:
        raise ValueError(
            f"This model learned to undo {model.degradation}, and was asked to undo {asked}. Train one for "
            f"that, or take a run that has not learned to restore: it searches for what fits."
        )
    if isinstance(model, nn.Module) and model.training:
        raise ValueError("The model is in training mode. Call model.eval().")
    return model.degradation


def _check(num_answers: int, tile: int, look_at: int | None) -> None:
    if num_answers < 0:
        raise ValueError(f"num_answers is {num_answers}; it has to be 0 or more.")
    if tile < 16 or tile % 16:
        raise ValueError(f"tile is {tile}; it has to be a multiple of 16, such as {TILE}.")
    if look_at is not None and look_at < 8:
        raise ValueError(f"look_at is {look_at}; it is a side in pixels, 8 or more.")
