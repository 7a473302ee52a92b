"""Flags, help and refusals of a command, read off a function's signature and its docstring."""

import inspect
import re
from collections.abc import Callable, Sequence
from dataclasses import make_dataclass
from pathlib import Path
from typing import Annotated, Any, get_args

import tyro

from latentia.data import Preparation

# What flags hold, and the word that stands for it in help.
Run = Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]
Runs = Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]
Source = Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="SOURCE")]
Data = Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="DATA")]
MaybeSource = Annotated[str | None, tyro.conf.arg(metavar="SOURCE")]
OutputFile = Annotated[Path, tyro.conf.arg(metavar="FILE")]
MaybeFile = Annotated[Path | None, tyro.conf.arg(metavar="FILE")]
Folder = Annotated[Path, tyro.conf.arg(metavar="DIR")]
Count = Annotated[int, tyro.conf.arg(metavar="N")]
MaybeCount = Annotated[int | None, tyro.conf.arg(metavar="N")]
MaybeMinutes = Annotated[float | None, tyro.conf.arg(metavar="M")]
MaybeThreshold = Annotated[float | None, tyro.conf.arg(metavar="T")]
MaybeGiven = Annotated[str | None, tyro.conf.arg(metavar="CLASS|NAME=NUMBER,...")]
MaybeShare = Annotated[float | None, tyro.conf.arg(metavar="SHARE")]
Device = Annotated[str, tyro.conf.arg(metavar="DEVICE")]
Prepared = Annotated[Preparation, tyro.conf.arg(name="")]  # each of its fields is a flag
Switch = tyro.conf.FlagCreatePairsOff[bool]

AS_IT_COMES = Preparation()


def call(function: Callable[..., int], prog: str, words: Sequence[str]) -> int:
    """Call a command with its arguments read from words.

    Args:
        function: Its parameters are the flags; what its docstring says before `Args:` is the help's text.
        prog: What the user typed to get here, for usage and examples.
        words: The words after it.

    Returns:
        The exit code.

    Raises:
        SystemExit: With 0 after help, with 2 after words that do not fit.
    """
    return tyro.cli(function, prog=prog, description=_text_before_arguments(function), args=list(words))


def keywords(recipe: Callable[..., Any]) -> type:
    """A dataclass whose fields are the recipe's keyword-only parameters, with its docstring.

    Args:
        recipe: Its first, positional parameters are what a run gives it; they are no flags.
    """
    parameters = inspect.signature(recipe).parameters.values()
    own = [(p.name, _with_metavar(p.annotation), p.default) for p in parameters if p.kind is p.KEYWORD_ONLY]
    made = make_dataclass("Keywords", own, frozen=True)
    one_line_each = re.sub(r"\n {8,}", " ", inspect.getdoc(recipe) or "")  # help keeps the breaks it finds
    made.__doc__ = one_line_each
    return made


def _with_metavar(annotation: Any) -> Any:
    """`int | None` is shown as INT: who does not want it leaves the flag out."""
    kinds = [kind for kind in get_args(annotation) if kind is not type(None)]
    if len(kinds) == 1 and len(get_args(annotation)) == 2 and isinstance(kinds[0], type):
        return Annotated[annotation, tyro.conf.arg(metavar=kinds[0].__name__.upper())]
    return annotation


def flag_names(function: Callable[..., Any]) -> set[str]:
    """The flags that a function's parameters become: `num_layers` is `--num-layers`."""
    return {"--" + name.replace("_", "-") for name in inspect.signature(function).parameters}


def switches(function: Callable[..., Any]) -> set[str]:
    """The flags among `flag_names` that no value follows, and their opposites."""
    parameters = inspect.signature(function).parameters.values()
    names = [p.name.replace("_", "-") for p in parameters if p.annotation in (bool, Switch)]
    return {f"--{no}{name}" for name in names for no in ("", "no-")}


def sentence(function: Callable[..., Any]) -> str:
    """The first sentence of a function's docstring, on one line."""
    return " ".join((inspect.getdoc(function) or "").split("\n\n")[0].split())


def _text_before_arguments(function: Callable[..., Any]) -> str:
    return (inspect.getdoc(function) or "").split("\nArgs:\n")[0].strip()
