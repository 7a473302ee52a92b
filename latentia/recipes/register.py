"""Which recipes there are, found rather than listed."""

import difflib
import inspect
import typing
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from latentia.data import Facts
from latentia.protocols import Decodes, Encodes, ExplicitModel
from latentia.recipes import ae, gan, hybrid, vae
from latentia.training import Plan

Recipe = Callable[..., Plan]

WORDS: dict[type, str] = {float: "a number", int: "a whole number", bool: "True or False", str: "a text"}
FAMILIES = {"ae": ae, "vae": vae, "gan": gan, "hybrid": hybrid}


def names() -> list[str]:
    """Names of all recipes, by family."""
    return list(_recipes())


def find(name: str) -> Recipe:
    """The recipe of a name.

    Raises:
        ValueError: If there is none: names the nearest.
    """
    recipes = _recipes()
    if name in recipes:
        return recipes[name]
    near = difflib.get_close_matches(name, recipes, n=3, cutoff=0.4)
    meant = f" Perhaps you meant {' or '.join(near)}." if near else ""
    raise ValueError(f"There is no recipe '{name}'.{meant} The recipes are: {', '.join(recipes)}.")


def bind(name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """All arguments of a recipe: those given, and the defaults of the others.

    Raises:
        ValueError: If the recipe has no such argument, or a value of it is not of its type.
    """
    parameters = configuration(find(name))
    for argument, value in arguments.items():
        if argument not in parameters:
            near = difflib.get_close_matches(argument, parameters, n=2, cutoff=0.4)
            meant = f" Perhaps you meant {' or '.join(near)}." if near else ""
            raise ValueError(
                f"{name} has no argument '{argument}'.{meant} Its arguments are: {', '.join(parameters)}."
            )
        _check_type(name, parameters[argument], value)
    return {key: arguments.get(key, p.default) for key, p in parameters.items()}


def configuration(recipe: Recipe) -> dict[str, inspect.Parameter]:
    """The keyword-only parameters of a recipe: its flags, and the fields of its form."""
    parameters = inspect.signature(recipe).parameters.values()
    return {p.name: p for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY}


@dataclass(frozen=True, slots=True)
class Description:
    """What there is to know of a recipe before using it.

    Attributes:
        name: Its name.
        sentence: The first sentence of its docstring.
        source: The paper it follows.
        density: `exact`, `lower bound`, or `none` for implicit models.
        can: What its models can do besides drawing images.
        arguments: Name, type and default of each argument.
    """

    name: str
    sentence: str
    source: str
    density: str
    can: tuple[str, ...]
    arguments: dict[str, dict[str, Any]]


def describe(name: str) -> Description:
    """Describes a recipe, from its signature, its docstring, and a small model that it builds."""
    recipe = find(name)
    sentence, source = told(name)
    model = recipe(small_facts()).model
    capabilities = {"encode": Encodes, "decode": Decodes, "log_prob": ExplicitModel}
    return Description(
        name=name,
        sentence=sentence,
        source=source,
        density=model.density if isinstance(model, ExplicitModel) else "none",
        can=tuple(verb for verb, capability in capabilities.items() if isinstance(model, capability)),
        arguments={
            key: {"type": inspect.formatannotation(p.annotation), "default": p.default}
            for key, p in configuration(recipe).items()
        },
    )


def told(name: str) -> tuple[str, str]:
    """What the docstring of a recipe tells: its first sentence, and the paper that it follows."""
    documentation = inspect.getdoc(find(name)) or ""
    source = documentation.partition("Source:\n")[2].partition("\n\n")[0]
    return documentation.splitlines()[0], " ".join(source.split())


def _recipes() -> dict[str, Recipe]:
    return {
        f"{family}.{name}": function
        for family, module in FAMILIES.items()
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if name in module.__all__
    }


def _check_type(recipe: str, parameter: inspect.Parameter, value: Any) -> None:
    wanted = parameter.annotation
    parts = [wanted, *typing.get_args(wanted)]
    literal = next((part for part in parts if typing.get_origin(part) is typing.Literal), None)
    if literal is not None:
        choices = typing.get_args(literal)
        fits = value in choices or (value is None and literal is not wanted)  # of `Literal[2, 4] | None`
        words = " or ".join(map(repr, choices))
    else:
        kinds = typing.get_args(wanted) or (wanted,)  # of `int | None`, both
        accepted = (int, *kinds) if float in kinds else kinds
        fits = isinstance(value, accepted) and (bool in kinds or not isinstance(value, bool))
        words = next((word for kind, word in WORDS.items() if kind in kinds), str(wanted))
    if not fits:
        raise ValueError(f"{recipe}: {parameter.name} is {value!r}; it has to be {words}.")


def small_facts() -> Facts:
    """Facts of data that is small, to build small models for."""
    return Facts(
        name="small",
        fingerprint="",
        channels=1,
        height=8,
        width=8,
        levels=2,
        num_train=16,
        num_validation=1,
        num_test=1,
        classes=("one", "other"),
    )
