"""`latentia probe`: which gamma?"""

from collections.abc import Callable, Sequence
from typing import Annotated, Any

import tyro

from latentia import recipes
from latentia.cli.flags import (
    AS_IT_COMES,
    Data,
    Device,
    Folder,
    MaybeCount,
    MaybeMinutes,
    Prepared,
    call,
    flag_names,
    keywords,
)
from latentia.cli.letters import DONE, WRONG_USE, nearest, say
from latentia.recipes.budget import DEFAULT_IMAGES
from latentia.recipes.probe import FACTORS, Probed
from latentia.report.wording import with_error

DEFAULT = "gan.r3"


def probe(words: Sequence[str]) -> int:
    """Train the recipe among the words, `gan.r3` without one, a few times: which value of an argument?

    Args:
        words: `[RECIPE] DATA --out DIR` and flags.

    Returns:
        The exit code.
    """
    names, rest = recipes.names(), list(words)
    name = next((word for word in words if word in names), DEFAULT)
    if name in rest:
        rest.remove(name)
    elif words and words[0].partition(".")[0] in {known.partition(".")[0] for known in names}:
        say(f"There is no recipe '{words[0]}'{nearest(words[0], names)}")
        return WRONG_USE
    return call(command(name), f"latentia probe {name}", rest)


def command(name: str) -> Callable[..., int]:
    """The function whose signature is the command line of probing one recipe."""
    own = keywords(recipes.find(name))

    def probe_recipe(
        data: Data,
        *,
        out: Folder,
        argument: str = "gamma",
        factors: tuple[float, ...] = FACTORS,
        images: MaybeCount = None,
        minutes: MaybeMinutes = None,
        seed: int = 0,
        device: Device = "auto",
        preparation: Prepared = AS_IT_COMES,
        arguments: Annotated[Any, tyro.conf.arg(name="", constructor=own)],
    ) -> int:
        found = recipes.probe(
            name,
            data,
            out=out,
            argument=argument,
            factors=factors,
            images=images,
            minutes=minutes,
            seed=seed,
            preparation=preparation,
            device=device,
            **vars(arguments),
        )
        _tell(argument, found)
        return DONE

    probe_recipe.__doc__ = f"""Train {name} a few times, briefly, with an argument times 0.1, 1 and 10.

All runs have one seed and see as many images; held-out images say which is nearest to them.

Examples:
  latentia probe photos/ --out runs/probe --minutes 2 --network convolutional
  latentia probe {name} digits --out runs/probe --argument rate --factors 0.3 1 3

Args:
    data: As of `latentia train`.
    out: Folder that the runs' folders are put into.
    argument: Which argument of the recipe is tried; a number above 0.
    factors: What it is multiplied by.
    images: How many images each run draws, repeats counted; {DEFAULT_IMAGES:,} when left out.
    minutes: Minutes that each run takes, instead.
    seed: Everything random follows from it.
    device: auto (the best there is), cpu, cuda, cuda:1 or mps.
    preparation: How the source becomes images.
    arguments: The recipe's own.
"""
    taken = flag_names(probe_recipe) & flag_names(own)
    assert not taken, f"{name} takes a flag that every probe has: {taken}"
    return probe_recipe


def _tell(argument: str, found: Sequence[Probed]) -> None:
    """A line for each value, the nearest first, and which it is."""
    print(f"{argument:>10}  kernel distance x 1000")
    for probed in found:
        distance = type(probed.distance)(1000 * probed.distance.value, 1000 * probed.distance.error)
        print(f"{probed.value:>10g}  {with_error(distance, 2):<22}  {probed.run.path}")
    best = found[0]
    rivals = [p for p in found[1:] if p.distance.interval[0] < best.distance.interval[1]]
    doubt = f", not told apart from {', '.join(f'{p.value:g}' for p in rivals)}" if rivals else ""
    print(f"Nearest to held-out images: {argument} {best.value:g}{doubt}.")
    print(f"Next: latentia train with --{argument.replace('_', '-')} {best.value:g}, other flags as here")
