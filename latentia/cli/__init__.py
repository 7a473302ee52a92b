"""The command line: `latentia COMMAND ...`.

This module finds the command and reports how it went; it imports nothing heavy, so that `latentia --help`
answers at once. A command lives in the module that the table names, is a plain function, and gets its flags
from its signature and its docstring.
"""

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NamedTuple

from latentia import __version__
from latentia.cli.letters import DONE, WRONG_USE, Failure, nearest, notes_on_stderr


class Command(NamedTuple):
    """Where a command lives, and one sentence on what it does."""

    module: str
    sentence: str


COMMANDS = {
    "demo": Command("demo", "Train a VAE and a GAN on digits, or on your folder, and write a report."),
    "data": Command("look", "Look at a source of images: count, sizes, classes, bad files."),
    "recipes": Command("look", "List the models that can be trained."),
    "train": Command("train", "Train a recipe on images."),
    "resume": Command("train", "Go on with a run that was stopped, or train it longer."),
    "probe": Command("probe", "Try a few values of an argument, such as gamma, in short runs."),
    "sample": Command("draw", "Draw new images from a run."),
    "reconstruct": Command("draw", "Encode and decode test images: real above reconstructed."),
    "interpolate": Command("draw", "Walk through a run's latent space from image to image."),
    "invert": Command("latents", "Find the latents that make an image: real, found, difference."),
    "neighbours": Command("latents", "Draw images beside the training images nearest to them."),
    "traverse": Command("explore", "Change one latent at a time and look at what it does."),
    "edit": Command("edit", "Turn something about images up and down: smiles, glasses, your examples."),
    "map": Command("map", "Draw the map of test images by their latents: picture or interactive page."),
    "manifold": Command("explore", "Draw the map of a latent space of two dimensions."),
    "encode": Command("encode", "Write the latents of images to a file."),
    "features": Command("encode", "Write what a run's critic or encoder sees in images to a file."),
    "transfer": Command("transfer", "Learn classes from few labels on what a run has learned without."),
    "export": Command("interchange", "Write a run's image autoencoder for diffusers."),
    "augment": Command("augment", "Make labelled images for a classifier, and say if they helped it."),
    "restore": Command("restore", "Enlarge, colour, fill, denoise or deblur pictures with a run."),
    "detect": Command("detect", "List images by how unusual a run finds them, and say how sure that is."),
    "compress": Command("pack", "Compress images losslessly with a run; a check of its bits/dim."),
    "decompress": Command("pack", "Turn compressed images back into pictures."),
    "disentangle": Command("disentangle", "Measure whether each factor of drawn shapes has a latent."),
    "simulate": Command("simulate", "Record an environment, and learn a world that dreams of it."),
    "evaluate": Command("judge", "Measure a run: likelihood, quality, variety, copies."),
    "compare": Command("judge", "Compare runs in one HTML report."),
    "leaderboard": Command("judge", "Rank all runs in a folder."),
}

EXAMPLES = """\
Examples:
  latentia demo                                    a VAE and a GAN on handwritten digits, in minutes
  latentia data photos/                            what is in a folder, before training on it
  latentia train vae.gaussian photos/ --out runs/vae
  latentia sample runs/vae --num 64 --out samples.png
  latentia compare runs/vae runs/gan --out report.html"""


def overview() -> str:
    """The text of `latentia --help`."""
    width = max(len(name) for name in COMMANDS) + 2
    commands = "\n".join(f"  {name:<{width}}{command.sentence}" for name, command in COMMANDS.items())
    return (
        f"latentia {__version__}: learn the distribution of a set of images.\n\n"
        f"usage: latentia COMMAND ... [--debug]\n\nCommands:\n{commands}\n\n{EXAMPLES}\n\n"
        "`latentia COMMAND --help` shows a command's flags. --debug shows the traceback of a failure."
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: The words after `latentia`; those of this process when None.

    Returns:
        0 when done, 1 when it failed at work, 2 for wrong use or input, 130 when interrupted.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in words
    words = [word for word in words if word != "--debug"]
    try:
        with notes_on_stderr():
            code = dispatch(words)
        sys.stdout.flush()  # here, where a closed pipe is still ours to handle
        return code
    except SystemExit as stop:  # the flags' own help and errors end this way
        return stop.code if isinstance(stop.code, int) else DONE
    except BrokenPipeError:  # `latentia data x | head`: the reader has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (Exception, KeyboardInterrupt) as error:
        if debug:
            raise
        failure = Failure.of(error)
        print(failure.letter, file=sys.stderr)
        return failure.code


def dispatch(words: list[str]) -> int:
    """Run the command that the first word names, with the words after it."""
    if not words or words[0] in ("-h", "--help"):
        print(overview())
        return DONE
    if "--version" in words:
        print(f"latentia {__version__}")
        return DONE
    name, *words = words
    if name not in COMMANDS:
        print(
            f"There is no command '{name}'{nearest(name, COMMANDS)} "
            f"Commands: {', '.join(COMMANDS)}. `latentia --help` says what they do.",
            file=sys.stderr,
        )
        return WRONG_USE
    function = getattr(import_module(f"latentia.cli.{COMMANDS[name].module}"), name)
    if name in ("train", "probe", "simulate"):  # which flags they have depends on their words
        return int(function(words))
    from latentia.cli.flags import call  # here and not above: `latentia --help` needs no parser

    return call(function, f"latentia {name}", words)
