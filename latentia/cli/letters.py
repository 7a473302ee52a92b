"""What the command line says when something goes wrong, and with which exit code.

Whoever wrote a wrong word gets a letter: what was got, what was expected, how to mend it. An error that
is no letter of ours is a defect and is never dressed up as the user's mistake.
"""

import difflib
import errno
import sys
import traceback
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

DONE = 0
FAILED = 1
WRONG_USE = 2
INTERRUPTED = 130  # what shells report for a program that Ctrl-C ended


class Failure(NamedTuple):
    """A letter to the user, and the exit code that goes with it."""

    letter: str
    code: int

    @classmethod
    def of(cls, error: BaseException) -> "Failure":
        """What to say of an error, and how to end."""
        if isinstance(error, KeyboardInterrupt):
            return cls("Interrupted.", INTERRUPTED)
        if isinstance(error, ValueError) and _is_ours(error):
            return cls(str(error), WRONG_USE)
        if type(error).__module__.startswith("latentia."):  # training that had to stop, and the like
            return cls(str(error), FAILED)
        if isinstance(error, OSError):
            return cls(*_of_the_system(error))
        if isinstance(error, MemoryError) or "OutOfMemory" in type(error).__name__:
            return cls(f"Memory ran out. A smaller --batch-size or --size needs less. ({error})", FAILED)
        return cls(
            f"This should not have happened: {type(error).__name__}: {error}\n"
            "It is a defect of Latentia rather than of your input. Run the command again with --debug "
            "to see where, and report it.",
            FAILED,
        )


def _is_ours(error: BaseException) -> bool:
    """Whether the error was raised in this package, not in a library underneath."""
    frames = list(traceback.walk_tb(error.__traceback__))
    return bool(frames) and frames[-1][0].f_globals.get("__name__", "").startswith("latentia.")


def _of_the_system(error: OSError) -> tuple[str, int]:
    """Letter and exit code for what the operating system refused."""
    where = f"{error.filename}: " if error.filename else ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"{where}The disk is full. Free some space; `latentia resume` goes on with a run.", FAILED
    if isinstance(error, FileNotFoundError | NotADirectoryError | IsADirectoryError | PermissionError):
        return f"{where}{error.strerror or error}.", WRONG_USE
    return f"{where}{error.strerror or error}.", FAILED


def nearest(word: str, known: Iterable[str]) -> str:
    """How a sentence on an unknown word ends: with the known words that are near it, if any.

    >>> nearest("trian", ["train", "sample"])
    "; did you mean 'train'?"
    >>> nearest("xyz", ["train"])
    '.'
    """
    found = difflib.get_close_matches(word, list(known), n=3, cutoff=0.6)
    return "; did you mean " + " or ".join(f"'{name}'" for name in found) + "?" if found else "."


@contextmanager
def notes_on_stderr() -> Iterator[None]:
    """Show warnings as notes of one line, without the file and line that raised them."""
    shown = warnings.formatwarning
    warnings.formatwarning = lambda message, *_args, **_kwargs: f"note: {message}\n"
    try:
        yield
    finally:
        warnings.formatwarning = shown


def say(*lines: str) -> None:
    """Write notes for the reader to stderr; stdout is for results."""
    print(*lines, sep="\n", file=sys.stderr)
