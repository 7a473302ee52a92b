"""What of the data a model is told, and how a person names it."""

import math
from typing import Literal

import torch
from torch import nn

from latentia._types import Given
from latentia.data import Facts
from latentia.networks import Attributes, Classes, Condition

Kind = Literal["auto", "classes", "attributes"]


def condition_of(facts: Facts, told: Kind, recipe: str) -> Condition:
    """The condition of a model that is told what the data says of its images.

    Args:
        facts: Facts of the data.
        told: Its classes, its attributes, or `auto` for whichever it has.
        recipe: Name of the recipe, for the letter.

    Raises:
        ValueError: If the data does not have them.
    """
    has_classes, has_attributes = len(facts.classes) > 1, bool(facts.attributes)
    if told != "attributes" and has_classes:
        return Classes(len(facts.classes))
    if told != "classes" and has_attributes and not facts.classes:
        return Attributes(len(facts.attributes), facts.num_train, facts.attribute_values)
    if told == "attributes" and has_attributes:
        raise ValueError(
            f"{recipe} is told the attributes of images, and {facts.name} has classes too, which come before "
            f"them. Leave the column of words out of the table, or choose `--told classes`."
        )
    wanted = "classes or attributes" if told == "auto" else told
    there = f"{len(facts.attributes)} attributes" if has_attributes else "no attributes"
    ways = (
        [
            f"{'choose `--told attributes`, ' if has_attributes else ''}put the images of each class in a "
            f"folder of their own (`--labels folders`)"
        ]
        if told != "attributes"
        else []
    )
    raise ValueError(
        f"{recipe} is told the {wanted} of images, and {facts.name} has "
        f"{'one class' if facts.classes else 'no classes'} and {there}. To have some, "
        f"{', or '.join([*ways, 'give a table (`--labels FILE.csv`)'])}; or choose a recipe that is told "
        f"nothing, such as gan.r3 or vae.beta."
    )


def given_from(text: str, facts: Facts, model: nn.Module, num_images: int) -> Given:
    """What a person asks for in words, for a number of images: the same for all of them.

    Args:
        text: Name of a class; or attributes and numbers, as `Eyeglasses=1,Male=0`, where those that are not
            named are unknown, which a model takes for their mean.
        facts: Facts of the data that the model learned from.
        model: The model.
        num_images: How many images.

    Raises:
        ValueError: If the model is told nothing, or there is no such class or attribute, or no number.

    Example:
        >>> from latentia.recipes.register import find, small_facts
        >>> facts = small_facts()
        >>> given_from("other", facts, find("vae.conditional")(facts).model, 3)
        tensor([1, 1, 1])
    """
    condition = getattr(model, "condition", None)
    if condition is None:
        raise ValueError(
            f"Got --given {text}, and this model is told nothing of images. Leave it out, or train one that "
            f"is: vae.conditional or gan.conditional."
        )
    if isinstance(condition, Classes):
        return torch.full((num_images,), _place(text, facts.classes, "class"))
    row = torch.full((len(facts.attributes),), math.nan)
    for part in text.split(","):
        name, _, number = (word.strip() for word in part.partition("="))
        place = _place(name, facts.attributes, "attribute")
        try:
            row[place] = float(number)
        except ValueError as error:
            raise ValueError(
                f"Got {part.strip()!r} for the attribute {name}; write a number behind it, as in `{name}=1`."
            ) from error
    return row.expand(num_images, -1)


def _place(name: str, names: tuple[str, ...], kind: str) -> int:
    if name not in names:
        raise ValueError(f"The data has no {kind} {name!r}. It has: {', '.join(names)}.")
    return names.index(name)
