"""Labelled images for a classifier, from a model that is told classes: made, doubted, and accounted for."""

import warnings
from typing import Literal

import torch
from torch import nn

from latentia._types import Images
from latentia.data import ImageStore
from latentia.data.classical import Classical
from latentia.data.labels import UNLABELLED
from latentia.metrics.classifier import Examples, learn_classifier, steps_for
from latentia.metrics.copies import FEWEST_UNSEEN, NEIGHBOURHOOD, CopyTest
from latentia.metrics.usefulness import exposure
from latentia.networks import Classes
from latentia.protocols import GenerativeModel
from latentia.tasks.draw import Conditional
from latentia.tasks.synthesis import Make, Stream, Synthesised, draw_lots, keep_good
from latentia.tasks.variation import Variation

Way = Literal["draw", "vary"]
"""How images are made."""
SURE = 0.5
"""Probability of its class from which on an image is kept."""


def augment(
    model: GenerativeModel,
    store: ImageStore,
    *,
    per_class: int | None = None,
    balance: bool = False,
    way: Way = "draw",
    agreement: float = SURE,
    usual: float = 0.01,
    flip: bool = False,
    temperature: float = 1.0,
    noise: bool = False,
    seed: int = 0,
    progress: bool = False,
) -> Synthesised:
    """Makes labelled images, and keeps those that show their class and copy nothing.

    A classifier that has learned from the training images alone must give an image's class a probability of
    `agreement`; and its nearest training image must not be unusually near (`CopyTest`).

    Args:
        model: In evaluation mode: one that is told classes, to draw from; or one that encodes and decodes,
            to vary images with, told classes or nothing.
        store: Labelled images with the same classes; training images teach the classifier, validation images
            (or test images, where there are fewer than 50 of them) say what distance is usual.
        per_class: Images of each class, at least 1; or instead of it:
        balance: Whether to fill every class up to the largest.
        way: `draw` draws images from the model; `vary` moves training images towards others of
            their class (`Variation`).
        agreement: Least probability of the class, 0 to 1; 0 keeps whatever is drawn.
        usual: Share of unseen images that would be called copies, above 0 and below 1; 0 does not look.
        flip: Whether mirror images show the same, for the classifier and for copies.
        temperature: Scale of the noise that latents are drawn with.
        noise: Whether pixels are drawn from p(x|z); without it the means of explicit models are taken.
        seed: Seed of draws and classifier.
        progress: Whether bars are shown.

    Returns:
        What was kept; a class may have fewer images than were wanted, where ten times as many draws did not
        give more.

    Raises:
        ValueError: If the model cannot do it, or is told other classes than the data has; if an argument is
            out of range; or if nothing is kept.

    Note:
        Labels are what the model was told, and the filter knows no more than the training images do. Whether
        a classifier gains by it is a question for `measure_usefulness`.
    """
    wanted = _wanted(store, per_class, balance)
    require_classes(model, store.facts.classes, way)
    if not 0 <= agreement <= 1 or not 0 <= usual < 1:
        raise ValueError(
            f"agreement is {agreement} and usual {usual}; a probability lies from 0 to 1, and a share of "
            f"unseen images from 0, which does not look for copies, to below 1."
        )
    device, show = _device(model), progress
    judge = _judge(store, flip=flip, seed=seed, device=device, progress=show) if agreement else None
    test = _copy_test(store, usual, flip=flip)
    make: Make
    if way == "vary":
        if noise or temperature != 1:
            warnings.warn("noise and temperature are ignored: images are varied, not drawn.", stacklevel=2)
        make, source = Variation(model, store.split("train")).draw, torch.device("cpu")
    else:
        make, source = _drawn(model, temperature, noise), device
    streams = [Stream(make, index, seed, source) for index in range(len(wanted))]
    lots = draw_lots(streams, wanted, judge, agreement, test, show)
    made = keep_good(lots, wanted, seed)
    if not len(made):
        raise ValueError(
            f"None of {sum(made.drawn):,} draws was kept: {sum(made.doubted):,} did not look like their "
            f"class to a classifier of the training images, {sum(made.copied):,} were copies. Train the "
            f"model longer, or ask for less: --agreement 0.3, --usual 0."
        )
    return made


def require_classes(model: object, classes: tuple[str, ...], way: Way = "draw") -> None:
    """Refuses a model that cannot be asked for an image of a class of the data.

    Raises:
        ValueError: If it is told nothing and images are to be drawn, or attributes, or other classes.
    """
    condition = model.condition if isinstance(model, Conditional) else None
    if condition is None and way == "vary":
        return
    if not isinstance(condition, Classes):
        told = "attributes" if condition is not None else "nothing of images"
        raise ValueError(
            f"augment needs a model that is told the class of an image, and this {type(model).__name__} is "
            f"told {told}. Train vae.conditional, gan.conditional or gan.auxiliary on the labelled images"
            f"{', with --told classes' if condition is not None else ''}."
        )
    if condition.num_classes != len(classes):
        raise ValueError(
            f"The model knows {condition.num_classes} classes, and the data has {len(classes)}. Hand in the "
            f"data that it was trained on, or labelled as that was."
        )


def _drawn(model: GenerativeModel, temperature: float, noise: bool) -> Make:
    """What draws images of a class from a model."""

    def make(index: int, number: int, generator: torch.Generator) -> Images:
        given = torch.full((number,), index, device=generator.device)
        return model.sample(number, given=given, generator=generator, noise=noise, temperature=temperature)

    return make


def _wanted(store: ImageStore, per_class: int | None, balance: bool) -> tuple[int, ...]:
    """How many images of each class to make; none of what is not labelled."""
    if (per_class is None) == (not balance):
        raise ValueError(
            "Say how many images to make: --per-class N for as many of each class, or --balance to fill "
            "every class up to the largest; not both."
        )
    if len(store.facts.classes) < 2:
        raise ValueError(
            f"{store.facts.name} has {len(store.facts.classes)} classes; at least 2 are needed. Put the "
            f"images of each class in a folder of their own (--labels folders), or give a table "
            f"(--labels FILE.csv)."
        )
    if per_class is not None and per_class < 1:
        raise ValueError(f"{per_class} images of each class were asked for; ask for at least 1.")
    classes = Examples.of_split(store.split("train")).classes
    there = classes.bincount(minlength=len(store.facts.classes)).tolist()
    labelled = [0 if name == UNLABELLED else n for name, n in zip(store.facts.classes, there, strict=True)]
    wanted = [0 if not n else per_class or max(labelled) - n for n in labelled]
    if not any(wanted):
        raise ValueError(
            f"Every class of {store.facts.name} has {max(labelled):,} training images already. Ask for more "
            f"with --per-class N."
        )
    return tuple(wanted)


def _judge(store: ImageStore, *, flip: bool, seed: int, device: torch.device, progress: bool) -> nn.Module:
    """A classifier of the training images, every class shown as often, with classical augmentation."""
    real = Examples.of_split(store.split("train"))
    none = real.classes[:0]
    weights = exposure(real.classes, none, len(store.facts.classes), share=0.0, balanced=True)
    return learn_classifier(
        real,
        weights,
        len(store.facts.classes),
        steps=steps_for(len(real)),
        classical=Classical(flip=flip),
        seed=seed,
        device=device,
        progress=progress,
    )


def _copy_test(store: ImageStore, usual: float, *, flip: bool) -> CopyTest | None:
    """What tells copies; None where it is not wanted, or there are too few images to say what is usual."""
    if not usual:
        return None
    train = store.split("train")
    held_out = max(store.split("validation"), store.split("test"), key=len)
    if len(store.split("validation")) >= FEWEST_UNSEEN:
        held_out = store.split("validation")
    if len(train) <= NEIGHBOURHOOD or len(held_out) < FEWEST_UNSEEN:
        warnings.warn(
            f"copies are not looked for: there are {len(train)} training and {len(held_out)} held-out "
            f"images, and more than {NEIGHBOURHOOD} and at least {FEWEST_UNSEEN} are needed.",
            stacklevel=3,
        )
        return None
    return CopyTest(train, held_out, usual=usual, flips=flip)


def _device(model: GenerativeModel) -> torch.device:
    return next(model.parameters()).device
