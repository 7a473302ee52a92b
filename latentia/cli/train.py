"""`latentia train` and `latentia resume`."""

from collections.abc import Callable, Sequence
from difflib import get_close_matches
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

import tyro

from latentia import recipes
from latentia.cli.flags import (
    AS_IT_COMES,
    Count,
    Device,
    Folder,
    MaybeCount,
    MaybeMinutes,
    MaybeShare,
    Prepared,
    Run,
    Switch,
    call,
    flag_names,
    keywords,
    sentence,
    switches,
)
from latentia.cli.letters import DONE, INTERRUPTED, WRONG_USE, nearest, say
from latentia.data import Preparation
from latentia.protocols import Restores
from latentia.recipes.budget import DEFAULT_IMAGES
from latentia.recipes.choosing import AUTO
from latentia.training import folder
from latentia.training.processes import Processes
from latentia.training.rescue import RESCUES


def train(words: Sequence[str]) -> int:
    """Train the recipe that stands anywhere among the words, on the data that the words name.

    Where they name data and no recipe, `gan.auto` chooses one.

    Args:
        words: `[RECIPE] DATA --out RUN` and flags: those of every run, of the data, and of the recipe.

    Returns:
        The exit code.
    """
    names = recipes.names()
    name = next((word for word in words if word in names), None)
    rest = list(words)
    if name is not None:
        rest.remove(name)
    elif not {"--help", "-h"} & set(words) and len(alone := _alone(words)) == 1 and _is_data(*alone):
        name = AUTO
        say(f"No recipe was named, so {AUTO} chooses one.")
    else:
        return _without_recipe(words)
    try:
        return call(command(name), f"latentia train {name}", rest)
    except SystemExit as stop:
        if stop.code == WRONG_USE:
            _say_whose_flags(name, rest)
        raise


HELP = """{sentence}

Examples:
  latentia train {name} digits --out runs/digits
  latentia train {name} photos/ --out runs/photos --minutes 10 --size 32

Args:
    data: A folder of images, a zip or tar of one, an IDX, .npy or .npz file, or a name such as digits or
        mnist. `latentia data DATA` shows what is in it.
    out: Folder of the run: weights, logs, samples. It must not hold another run.
    images: How many images training draws, repeats counted; {default:,} when left out.
    minutes: Stop after so many minutes instead. The run can be resumed.
    seed: Everything random follows from it.
    device: auto (the best there is), cpu, cuda, cuda:1 or mps.
    micro_batches: Pieces that each batch is divided into, to save memory.
    keep_best: Keep the best weights, by validation images, beside the last ones, and use them from then on.
    patience: End once nothing better was found over this part of the run, at most 1; the best is kept too.
    rescues: How often to go back to a good state where training breaks, and on more carefully; 0 stops.
    balance: Show every class as often as the largest in training, its images repeated: for rare classes.
    classical: Shift, turn and scale images a little each time that they are shown: for few images.
    preparation: How the source becomes images.
    arguments: The recipe's own.
"""
"""The help of training one recipe."""


def command(name: str) -> Callable[..., int]:
    """The function whose signature is the command line of training one recipe."""
    recipe = recipes.find(name)
    own = keywords(recipe)

    def train_recipe(
        data: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="DATA")],
        *,
        out: Folder,
        images: MaybeCount = None,
        minutes: MaybeMinutes = None,
        seed: int = 0,
        device: Device = "auto",
        micro_batches: Count = 1,
        keep_best: Switch = False,
        patience: MaybeShare = None,
        rescues: Count = RESCUES,
        balance: Switch = False,
        classical: Switch = False,
        preparation: Prepared = AS_IT_COMES,
        arguments: Annotated[Any, tyro.conf.arg(name="", constructor=own)],
    ) -> int:
        run = recipes.train(
            name,
            data,
            out=out,
            images=images,
            minutes=minutes,
            seed=seed,
            preparation=preparation,
            device=device,
            micro_batches=micro_batches,
            keep_best=keep_best,
            patience=patience,
            rescues=rescues,
            balance=balance,
            classical=classical,
            **vars(arguments),
        )
        return closing(run)

    train_recipe.__doc__ = HELP.format(sentence=sentence(recipe), name=name, default=DEFAULT_IMAGES)
    taken = flag_names(train_recipe) | {"--" + field.replace("_", "-") for field in Preparation.__slots__}
    assert not taken & flag_names(own), f"{name} takes a flag that every run has: {taken & flag_names(own)}"
    return train_recipe


def resume(
    run: Run, *, images: MaybeCount = None, minutes: MaybeMinutes = None, device: Device = "auto"
) -> int:
    """Go on with a run that was stopped, or train a finished one longer.

    Examples:
      latentia resume runs/faces                   finish what the run had planned
      latentia resume runs/faces --images 2000000  go on to this total
      latentia resume runs/faces --minutes 10      go on for ten minutes at most

    Args:
        run: Folder of the run.
        images: The new total of images, those already seen included; what was planned when left out.
        minutes: Stop after so many more minutes.
        device: auto (the best there is), cpu, cuda, cuda:1 or mps.
    """
    return closing(recipes.resume(run, images=images, minutes=minutes, device=device))


def closing(run: folder.Run) -> int:
    """Say where a run is and what to do next.

    Returns:
        The exit code.
    """
    if Processes.join().rank:
        return INTERRUPTED if run.interrupted else DONE  # one process speaks for all
    stopped = "stopped and saved" if run.interrupted else "saved"
    print(f"The run is {stopped} in {run.path}, after {run.images_seen:,} images; see README.md. Next:")
    if run.interrupted:
        print(f"  latentia resume {run.path}")
    if isinstance(run.model, Restores):
        print(f"  latentia restore {run.path} PICTURES {run.path}/restored")
    else:
        print(f"  latentia sample {run.path} --num 64 --out {run.path}/samples.png")
        print(f"  latentia evaluate {run.path}")
    return INTERRUPTED if run.interrupted else DONE


def _alone(words: Sequence[str]) -> list[str]:
    """The words that are neither flags nor the values of flags, where no recipe was named."""
    valueless = switches(command(AUTO)) | switches(keywords(recipes.find(AUTO)))
    return [
        word
        for before, word in pairwise(["", *words])
        if word[:1] != "-" and (before[:2] != "--" or "=" in before or before.replace("_", "-") in valueless)
    ]


def _is_data(word: str) -> bool:
    """Whether a word that stands where a recipe or data could is no mistyped recipe."""
    return Path(word).exists() or not get_close_matches(word, recipes.names())


def _without_recipe(words: Sequence[str]) -> int:
    """Help that lists the recipes, or a letter on the word that should have been one."""
    names = recipes.names()
    if "--help" in words or "-h" in words:
        print(
            "usage: latentia train [RECIPE] DATA --out RUN [--images N | --minutes M] [flags]\n\n"
            f"Without a recipe, {AUTO} chooses one. Recipes:"
        )
        width = max(map(len, names)) + 2
        for name in names:
            print(f"  {name:<{width}}{sentence(recipes.find(name))}")
        print(
            "\nExamples:\n  latentia train photos/ --out runs/photos --minutes 10\n"
            "  latentia train vae.gaussian photos/ --out runs/photos --minutes 10\n\n"
            "`latentia train RECIPE --help` shows a recipe's flags."
        )
        return DONE
    word = next(iter(_alone(words)), None)
    problem = "No data was named." if word is None else f"There is no recipe '{word}'{nearest(word, names)}"
    say(
        f"{problem} Recipes: {', '.join(names)}.",
        "For example: latentia train vae.gaussian photos/ --out runs/photos",
        f"Without a recipe, {AUTO} chooses one: latentia train photos/ --out runs/photos",
    )
    return WRONG_USE


def _say_whose_flags(name: str, words: Sequence[str]) -> None:
    """Where a refused flag belongs to other recipes, say to which."""
    others = {other: flag_names(keywords(recipes.find(other))) for other in recipes.names() if other != name}
    known = flag_names(command(name)) | flag_names(keywords(recipes.find(name)))
    for flag in (word.split("=")[0].replace("_", "-") for word in words if word.startswith("--")):
        owners = [other for other, flags in others.items() if flag in flags]
        if owners and flag not in known:
            say(f"{flag} is a flag of {', '.join(owners)}; {name} has no use for it.")
