"""What a recipe that restores is told: the task, and its settings."""

from typing import Any, Literal

import torch
from torch import nn

from latentia.data import Facts
from latentia.data.degradation import Blurred, Degradation, Downscaled, Greyed, Noisy
from latentia.data.holes import Hidden, Hole
from latentia.models import Restorer
from latentia.networks.restoring import RestoringNetwork
from latentia.recipes.ranges import above_zero, at_least
from latentia.training import Adam, Plan

Task = Literal["upscale", "colourise", "inpaint", "denoise", "deblur"]
Factor = Literal[2, 4, 8]
LatentGrids = Literal[1, 2, 3]

SETTINGS: dict[str, tuple[str, ...]] = {
    "upscale": ("factor",),
    "colourise": (),
    "inpaint": ("hole", "side"),
    "denoise": ("noise",),
    "deblur": ("blur",),
}
"""What each task can be told."""
COARSE_PATCH, FINE_PATCH, FINE_BELOW = 4, 2, 48
"""Sides of patches, of images from 48 px on and below."""


def degradation_of(
    task: Task,
    side_of_images: int,
    *,
    factor: Factor | None = None,
    hole: Hole | None = None,
    side: int | None = None,
    noise: float | None = None,
    blur: float | None = None,
) -> Degradation:
    """What is done to images before a task undoes it.

    Args:
        task: What is to be undone.
        side_of_images: Shorter side of the images, in pixels.
        factor: Of `upscale`: how many times smaller images become; 4 without it.
        hole: Of `inpaint`: what hides parts; `any` without it.
        side: Of `inpaint`: longest side of a box in pixels; half of the image's without it.
        noise: Of `denoise`: largest standard deviation of noise, in values from -1 to 1; 0.2 without it.
        blur: Of `deblur`: standard deviation of the blur, in pixels; 1.5 without it.

    Raises:
        ValueError: If a setting is of another task, or out of range.

    Example:
        >>> degradation_of("upscale", 64, factor=2)
        Downscaled(factor=2)
    """
    given = {"factor": factor, "hole": hole, "side": side, "noise": noise, "blur": blur}
    for name, value in given.items():
        if value is not None and name not in SETTINGS[task]:
            of = next(other for other, names in SETTINGS.items() if name in names)
            has = ", ".join(f"--{own}" for own in SETTINGS[task]) or "none"
            raise ValueError(
                f"{name} is {value}, a setting of the task {of}, and the task is {task}, whose settings are: "
                f"{has}. Leave it out, or choose `--task {of}`."
            )
    if task == "upscale":
        return Downscaled(factor or 4)
    if task == "colourise":
        return Greyed()
    if task == "inpaint":
        return Hidden(hole or "any", _side(side, side_of_images))
    if task == "denoise":
        above_zero(noise=0.2 if noise is None else noise)
        return Noisy(0.2 if noise is None else noise)
    above_zero(blur=1.5 if blur is None else blur)
    return Blurred(1.5 if blur is None else blur)


def restorer_plan(
    facts: Facts,
    degradation: Degradation,
    answers: nn.Module,
    *,
    width: int,
    depth: int,
    patch: int,
    rate: float,
    batch_size: int,
    half_life: int,
    cool_down: float,
    optimisers: dict[str, Adam],
) -> Plan:
    """A restorer and how it is trained, whatever draws its answers.

    Args:
        facts: Facts of the data.
        degradation: What is done to images.
        answers: What draws answers.
        width: Channels of the first grid of the expectation's network.
        depth: Its residual blocks a grid.
        patch: Side of its patches.
        rate: Learning rate of the expectation's Adam.
        batch_size: Images a step.
        half_life: Images after which a step counts half in the averaged weights.
        cool_down: Part of the run, at its end, over which the learning rates fall.
        optimisers: Of the other players.

    Raises:
        ValueError: If an argument is out of range, or images without colour are to be coloured.
    """
    at_least(1, batch_size=batch_size, half_life=half_life)
    above_zero(rate=rate)
    if isinstance(degradation, Greyed) and facts.channels != 3:
        raise ValueError(
            f"The task is to colour, and {facts.name} has images without colour. Train on images in colour "
            f"(`--channels rgb` where only some are grey)."
        )
    channels = facts.channels
    model = Restorer(
        image_shape=facts.image_shape,
        degradation=degradation,
        expectation=RestoringNetwork(2 * channels + 1, channels, width=width, patch=patch, depth=depth),
        answers=answers,
    )
    return Plan(
        model,
        optimisers={"expectation": Adam(rate=rate, clip=1.0)} | optimisers,
        batch_size=batch_size,
        half_life=half_life,
        warm_up=50 * batch_size,
        cool_down=cool_down,
    )


def network_settings(facts: Facts, width: int, depth: int, patch: int | None) -> dict[str, int]:
    """Settings that all networks of a restorer share, with the patch that follows from the image size.

    Raises:
        ValueError: If one is below 1.
    """
    if patch is None:
        patch = FINE_PATCH if min(facts.height, facts.width) < FINE_BELOW else COARSE_PATCH
    at_least(1, width=width, depth=depth, patch=patch)
    return {"width": width, "depth": depth, "patch": patch}


def degrades(facts: Facts, task: Task, **settings: Any) -> Degradation:
    """What a recipe's task does to images of the data.

    Raises:
        ValueError: If a setting is of another task, out of range, or does not fit the images.
    """
    degradation = degradation_of(task, min(facts.height, facts.width), **settings)
    if isinstance(degradation, Downscaled):
        degradation.again(torch.zeros(1, *facts.image_shape))  # refuses sides that do not divide
    return degradation


def _side(side: int | None, side_of_images: int) -> int:
    side = side_of_images // 2 if side is None else side
    if not 1 <= side < side_of_images:
        raise ValueError(
            f"side is {side}; a hole is 1 px or more, and smaller than the images, which have "
            f"{side_of_images} px."
        )
    return side
