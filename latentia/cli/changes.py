"""What changes images: directions by the words that ask for them, and what each of them changes."""

import re
import warnings
from collections.abc import Mapping, Sequence

import torch

from latentia._types import Given, Latents
from latentia.data import ImageStore, Split
from latentia.protocols import Decodes, Encodes, require
from latentia.report.runs import images_for
from latentia.tasks import (
    AttributeReader,
    Attributes,
    Direction,
    Method,
    attribute_directions,
    measure_effect,
    principal_directions,
)
from latentia.tasks.attributes import FEWEST
from latentia.tasks.draw import conditions_for, is_conditional, noise_for
from latentia.tasks.latents import latents_of
from latentia.training import folder

LEARNED = 4000
"""Training images that directions are learned from."""
READ = 2000
"""Training images that the reader of attributes learns from."""
MEASURED = 64
"""Images, or draws, that the effect of a direction is measured on."""


def named_directions(
    run: folder.Run, names: Sequence[str], method: Method, apart: Sequence[str], generator: torch.Generator
) -> list[Direction]:
    """The directions of some words, in their order: files, principal-1 ..., attributes, classes."""
    train, rows, place = images_for(run).split("train"), slice(0, LEARNED), generator.device
    files = {name: Direction.load(name) for name in names if name.endswith(".safetensors")}
    if files and apart:
        warnings.warn("--apart is ignored for files, which hold directions as they were found.", stacklevel=2)
    images = train.images(rows).to(place)
    ranks = {name: int(match[1]) for name in names if (match := re.fullmatch(r"principal-(\d+)", name))}
    principal = (
        principal_directions(run.model, images, max(ranks.values()), generator=generator) if ranks else []
    )
    labels = [name for name in names if name not in files and name not in ranks]
    given = given_for(run, train, rows)
    told = (
        attribute_directions(
            run.model,
            images,
            Attributes.of(train, run.facts, rows),
            labels,
            method=method,
            apart=apart,
            given=None if given is None else given.to(place),
            generator=generator,
        )
        if labels
        else []
    )
    found = (
        files
        | {name: principal[rank - 1] for name, rank in ranks.items()}
        | dict(zip(labels, told, strict=True))
    )
    return [found[name] for name in names]


def with_effects(
    run: folder.Run, directions: Sequence[Direction], generator: torch.Generator
) -> list[Direction]:
    """Directions with what strength 1 of each changes, which is printed."""
    store = images_for(run)
    latents, given = _somewhere(run, store.split("train"), generator)
    reader = reader_for(run, store)
    measured = [measure_effect(run.model, one, latents, reader, given=given) for one in directions]
    for one in measured:
        print(f"  {one.name} ({one.method}): {effect_in_words(one.effect, [one.name])}")
    attributes = "" if reader is None else "; attributes as read, in standard deviations over images"
    print(f"  each at strength 1: picture in values from -1 to 1{attributes}")
    return measured


def given_for(run: folder.Run, split: Split, rows: slice) -> Given | None:
    """What a run's model is told of images of a store; None where it is told nothing."""
    return split.given(rows) if is_conditional(run.model) else None


def reader_for(run: folder.Run, store: ImageStore) -> AttributeReader | None:
    """A reader of what is known of a run's images; None where nothing, or of too few, is known."""
    if not (run.facts.attributes or run.facts.classes):
        return None
    train, rows = store.split("train"), slice(0, READ)
    attributes = Attributes.of(train, run.facts, rows)
    if attributes.complete().sum() < FEWEST:
        return None
    return AttributeReader(train.images(rows), attributes)


def effect_in_words(effect: Mapping[str, float], first: Sequence[str] = (), most: int = 4) -> str:
    """What a step changes: the picture, attributes that are asked for, and those that change most."""
    others = sorted(effect.keys() - {"picture", *first}, key=lambda name: -abs(effect[name]))
    read = [name for name in (*first, *others[:most]) if name in effect]
    return ", ".join([f"picture {effect['picture']:.3f}", *(f"{name} {effect[name]:+.2f}" for name in read)])


def _somewhere(run: folder.Run, train: Split, generator: torch.Generator) -> tuple[Latents, Given | None]:
    """Latents that effects are measured at: of training images, or draws where the model does not encode."""
    model, rows = run.model, slice(0, MEASURED)
    if isinstance(model, Encodes):
        given = given_for(run, train, rows)
        given = None if given is None else given.to(generator.device)
        return latents_of(model, train.images(rows).to(generator.device), given=given), given
    given = conditions_for(model, MEASURED, generator)
    prior = require(model, Decodes, task="edit").prior(given=given)
    return prior.draw(noise_for(prior, MEASURED, generator)), given
