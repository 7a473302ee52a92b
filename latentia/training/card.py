"""A run's card: `README.md` in the model-card format of the Hugging Face Hub.

The card is written anew whenever the run or what is known of it changes. What a person chose stays: the
licence at its head, and everything below the line `<!-- yours from here -->`. A `README.md` without that line
belongs to whoever wrote it, and is left alone.
"""

import json
import math
import os
import re
import unicodedata
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal

from jinja2 import Environment, PackageLoader, StrictUndefined

from latentia.data import NAMES, Preparation
from latentia.data.facts import USUAL
from latentia.protocols import ExplicitModel
from latentia.training.folder import Run

CARD, EVALUATION = "README.md", "evaluation.json"
MARKER = "<!-- yours from here -->"
UNCHOSEN = "license: other\nlicense_name: not-yet-chosen"
FAMILIES = {"vae": "variational-autoencoder", "gan": "generative-adversarial-network", "ae": "autoencoder"}
PRIVATE = {"data_root", "labels"}  # settings of the data that may be paths


@dataclass(frozen=True, slots=True)
class Result:
    """A number of an evaluation, as a card shows it.

    Attributes:
        name: What was measured, with its unit.
        value: The number, finite.
        low: Lower end of its 95 % interval; None where there is none.
        high: Upper end.
        better: `lower` or `higher`; empty where neither is.
        protocol: How it was measured, complete enough to repeat it.
    """

    name: str
    value: float
    low: float | None
    high: float | None
    better: Literal["lower", "higher", ""]
    protocol: str


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured of a run, and when: the content of `evaluation.json`.

    Attributes:
        images_seen: Images that the run had seen when it was measured.
        results: The numbers.
        verdict: Whether it memorises, in words; empty where that was not measured.
        settings: What the measuring was asked for; who asks for the same need not measure again.
    """

    images_seen: int
    results: tuple[Result, ...] = ()
    verdict: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)

    def write(self, folder: Path) -> None:
        """Replaces `evaluation.json`, whole."""
        _replace(folder / EVALUATION, json.dumps(asdict(self), indent=2) + "\n")

    @staticmethod
    def read(folder: Path) -> "Measured":
        """What `evaluation.json` says; nothing where there is none. A damaged one is warned of."""
        try:
            content = json.loads((folder / EVALUATION).read_text(encoding="utf-8"))
            results = tuple(Result(**result) for result in content["results"])
            return Measured(content["images_seen"], results, content["verdict"], content["settings"])
        except FileNotFoundError:
            return Measured(0)
        except (ValueError, KeyError, TypeError) as error:
            warnings.warn(
                f"{folder / EVALUATION} is damaged ({type(error).__name__}: {error}), so the card does "
                f"without it. `latentia evaluate {folder}` makes it anew.",
                stacklevel=2,
            )
            return Measured(0)


def write_card(
    run: Run,
    *,
    results: Sequence[Result] | None = None,
    verdict: str | None = None,
    settings: Mapping[str, Any] | None = None,
) -> Path:
    """Writes the card of a run.

    What is measured is kept in `evaluation.json` beside it, with the images that the run had seen by then. A
    card that is written later, without new numbers, shows those, and says so where the run has gone on since.

    Args:
        run: The run as it stands.
        results: New numbers in place of the former; None keeps those.
        verdict: Whether the model memorises, in words; None keeps the former verdict, if the run has not
            gone on since.
        settings: What the measuring was asked for, of values that JSON can hold; goes with new results.

    Returns:
        The card's path.

    Raises:
        ValueError: If a result is not a finite number: then there is nothing to show.

    Example:
        >>> write_card(run, results=[Result("bits/dim", 2.1, 2.0, 2.2, "lower", "...")])  # doctest: +SKIP
        PosixPath('runs/faces/README.md')
    """
    measured = Measured.read(run.path)
    if results is not None or verdict is not None:
        for result in results or ():
            if not math.isfinite(result.value):
                raise ValueError(f"{result.name} is {result.value}, which no card can show: leave it out.")
        former = measured if measured.images_seen == run.images_seen else Measured(run.images_seen)
        measured = replace(
            former,
            results=former.results if results is None else tuple(results),
            verdict=former.verdict if verdict is None else verdict,
            settings=former.settings if settings is None else dict(settings),
        )
        measured.write(run.path)
    path = run.path / CARD
    kept = _kept(path)
    if kept is not None:
        licence, notes = kept
        _replace(path, _template().render(_content(run, measured, licence)) + notes)
    return path


def _content(run: Run, measured: Measured, licence: str) -> dict[str, Any]:
    """What the template needs."""
    explicit = isinstance(run.model, ExplicitModel)
    family = FAMILIES.get(run.recipe.partition(".")[0])
    history = run.history()
    return {
        "run": run,
        "name": run.path.resolve().name,
        "description": run.description,
        "facts": run.facts,
        "paper": _linked(run.description.paper),
        "reference": _linked(run.description.paper.partition(" Differs")[0]),
        "tags": ["latentia", "image-generation", *([family] if family else []), run.recipe],
        "published": run.source in NAMES,
        "explicit": explicit,
        "kind": _kind(run),
        "num_parameters": sum(parameter.numel() for parameter in run.model.parameters()),
        "preparation": _preparation(run.preparation),
        "passes": f"{run.images_seen / max(1, run.facts.num_train):.3g}",
        "samples": max((file.name for file in (run.path / "samples").glob("*.png")), default=None),
        "stopped": next((row["stopped"] for row in history if "stopped" in row), ""),
        "watched": _watched(history),
        "limit": (
            "Its likelihood says how well it fits images, and not how good its samples look."
            if explicit
            else "It has no density: it cannot say how likely an image is, nor what it leaves out."
        ),
        "measured": measured,
        "results": measured.results,
        "stale": measured.images_seen != run.images_seen,
        "protocols": list(dict.fromkeys(result.protocol for result in measured.results)),
        "licence": licence,
        "chosen": licence != UNCHOSEN,
        "marker": MARKER,
    }


def _kind(run: Run) -> str:
    if not isinstance(run.model, ExplicitModel):
        return "implicit: one can draw from it, and it has no density"
    exact = run.model.density == "exact"
    return f"explicit: it says {'' if exact else 'at least '}how likely an image is ({run.model.density})"


def _preparation(preparation: Preparation) -> str:
    """What was asked for beyond the usual, without paths."""
    asked = {
        name: value
        for name, value in asdict(preparation).items()
        if name not in PRIVATE and value != getattr(USUAL, name)
    }
    return ", ".join(f"{name} {value}" for name, value in asked.items()) or "as it comes"


def _watched(history: Sequence[dict[str, Any]]) -> list[str]:
    """What was rolled back, and the last validation numbers of the log, a sentence each."""
    told = [f"{row['rescued']}\n" for row in history if "rescued" in row]
    last: dict[str, float] = {}
    for row in history:
        last |= row.get("validation", {})
    words = {
        "bound": "The bound on validation images ended at {:.5g} nats an image.",
        "kernel_distance": "The kernel distance between draws and validation images, in the features of an "
        "untrained network, ended at {:.4g}; 0 is best.",
    }
    return told + [f"{words[name].format(value)}\n" for name, value in last.items() if name in words]


def _kept(path: Path) -> tuple[str, str] | None:
    """The licence and the notes that a person wrote into a card; None if the whole file is theirs."""
    if not path.exists():
        return UNCHOSEN, "\n"
    text = path.read_text(encoding="utf-8", errors="surrogateescape")
    head, found, notes = text.partition(MARKER)
    if not found:
        return None
    front = re.match(r"---\n(.*?)\n---\n", head, re.DOTALL)
    lines = re.findall(r"^license\w*:.*(?:\n(?:[ \t]+|- ).*)*", front[1] if front else "", re.MULTILINE)
    return "\n".join(lines) or UNCHOSEN, notes


def _replace(path: Path, text: str) -> None:
    """Writes a file whole or not at all."""
    temporary = path.with_name(f"{path.name}.new")
    temporary.write_text(text, encoding="utf-8", errors="surrogateescape")
    os.replace(temporary, path)


def _linked(paper: str) -> str:
    """A reference whose arXiv numbers and DOIs can be followed."""
    linked = re.sub(r"arXiv:(\d{4}\.\d{4,5})", r"[arXiv:\1](https://arxiv.org/abs/\1)", paper)
    return re.sub(r"doi:(10\.[^\s);,]+)", r"[doi:\1](https://doi.org/\1)", linked)


@cache
def _template() -> Any:
    environment = Environment(
        loader=PackageLoader("latentia.training"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=False,
    )
    environment.filters |= {
        "plain": _plain,
        "cell": lambda text: _plain(text).replace("|", r"\|"),
        "quoted": lambda text: json.dumps(_plain(text), ensure_ascii=False),  # JSON is YAML
        "number": _number,
        "identifier": _identifier,
        "interval": lambda result: "" if result.low is None else f"{result.low:.5g} to {result.high:.5g}",
    }
    return environment.get_template("card.md.jinja")


def _plain(text: str) -> str:
    """Text on one line, without what no line can show."""
    return "".join(character for character in " ".join(text.split()) if character.isprintable())


def _identifier(text: str) -> str:
    """Text as a name of small letters, digits and underscores; letters lose their accents.

    >>> _identifier("Fréchet distance"), _identifier("Kernel distance x 1000")
    ('frechet_distance', 'kernel_distance_x_1000')
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "_", plain.lower()).strip("_")


def _number(value: float) -> str:
    """A number as YAML reads it: one with an exponent needs a point.

    >>> _number(1e-7), _number(0.25)
    ('1.0e-07', '0.25')
    """
    digits = f"{value:.6g}"
    return digits if "." in digits else digits.replace("e", ".0e")
