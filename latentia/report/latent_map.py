"""The map of a latent space as one HTML file: points to hover over, their images inside."""

import base64
import io
import math
from collections.abc import Mapping
from typing import Any

import torch
from jinja2 import Environment, PackageLoader, StrictUndefined
from torch.nn import functional

from latentia._types import Images
from latentia.data import Facts, Split
from latentia.data.pictures import grid
from latentia.report.plots import COLOURS
from latentia.tasks import Layout

LARGEST = 48
"""Side up to which images are kept in the page, in pixels."""


def map_page(
    title: str, layout: Layout, images: Images, names: list[str], known: Mapping[str, list[Any]]
) -> str:
    """A page that needs no network: a point an image, which is shown under the pointer.

    Args:
        title: What the map is of.
        layout: Where images lie.
        images: In [-1, 1]; larger ones are reduced to 48 pixels.
        names: Of the images.
        known: What points can be coloured by: for each word, a number or the name of a class for each image,
            None where unknown.
    """
    side = max(images.shape[-2:])
    if side > LARGEST:
        images = functional.interpolate(images, scale_factor=LARGEST / side, mode="area")
    columns, sheet = math.ceil(math.sqrt(len(images))), io.BytesIO()
    grid(images, columns=columns, padding=0, scale=1).save(sheet, "PNG")
    environment = Environment(
        loader=PackageLoader("latentia.report"), autoescape=True, undefined=StrictUndefined
    )
    return environment.get_template("map.html.jinja").render(
        title=title,
        caption=layout.caption,
        sheet=base64.b64encode(sheet.getvalue()).decode("ascii"),
        columns=columns,
        width=images.shape[-1],
        height=images.shape[-2],
        places=_rounded(layout.places),
        names=names,
        known=dict(known),
        colours=COLOURS,
    )


def known_of(split: Split, facts: Facts, rows: slice) -> dict[str, list[Any]]:
    """Classes and attributes of images as a page holds them: short numbers, None where unknown."""
    classes, attributes = split.classes(rows), split.attributes(rows)
    known: dict[str, list[Any]] = {}
    if classes is not None:
        known["class"] = [facts.classes[index] for index in classes.tolist()]
    if attributes is not None:
        known |= dict(zip(facts.attributes, _rounded(attributes.T), strict=True))
    return known


def _rounded(table: torch.Tensor) -> list[list[float | None]]:
    return [[None if number != number else round(number, 4) for number in row] for row in table.tolist()]
