"""The report as one HTML file with its pictures inside, as JSON, and in a notebook."""

import base64
import html
import io
import json
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Int64
from jinja2 import Environment, PackageLoader, StrictUndefined
from torch import Tensor

import latentia
from latentia._types import Images
from latentia.data import Facts, pictures
from latentia.report import plots
from latentia.report.contestant import Contestant
from latentia.report.evaluate import Evaluation
from latentia.report.gallery import STEPS, Gallery
from latentia.report.markdown import to_markdown
from latentia.report.steadiness import steadiness
from latentia.report.summary import summarise
from latentia.report.table import refusals, rows
from latentia.report.wording import duration, listed

SMALL = 32  # up to this side, in pixels, a page shows pixels as squares instead of smoothing them


@dataclass(frozen=True)
class Report:
    """A comparison of models: `save` it, or let a notebook show it.

    Attributes:
        facts: Of the images.
        source: Where the images came from.
        contestants: The models, in the order of the page.
        evaluations: Their numbers.
        galleries: Their pictures.
        real: Real training images to show beside samples.
        test_classes: Classes of the test images on the latent maps, where there are some.
        seed: Seed of everything that was drawn.
    """

    facts: Facts
    source: str
    contestants: tuple[Contestant, ...]
    evaluations: tuple[Evaluation, ...]
    galleries: tuple[Gallery, ...]
    real: Images
    test_classes: Int64[Tensor, " images"] | None
    seed: int

    def save(self, path: str | Path, *, refresh: int | None = None) -> Path:
        """Write the page, and beside it the numbers as JSON and the table as Markdown.

        Nothing but the page is needed to open it, no network and no other file.

        Args:
            path: Name of the HTML file; folders that are missing are made. The others have its name, ending
                in .json and .md.
            refresh: Seconds after which a browser loads the page anew, while it is still written again.

        Returns:
            The file.
        """
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        numbers = json.dumps(self.to_json(), indent=2) + "\n"
        for suffix, text in ((".json", numbers), (".md", self.markdown), (path.suffix, self.render(refresh))):
            temporary = path.with_suffix(suffix + ".new")
            temporary.write_text(text, encoding="utf-8")
            os.replace(temporary, path.with_suffix(suffix))  # a browser never sees half a page
        return path

    @property
    def markdown(self) -> str:
        """The summary, the table and the protocol, for a paper or a README."""
        return to_markdown(self.facts, self.evaluations, steadiness(self.contestants))

    def to_json(self) -> dict[str, Any]:
        """All numbers and their protocol, as a dictionary that JSON can hold."""
        return {
            "version": latentia.__version__,
            "data": self.facts.to_json(),
            "source": self.source,
            "seed": self.seed,
            "summary": summarise(self.facts, self.evaluations),
            "steadiness": steadiness(self.contestants),
            "models": [evaluation.to_json() for evaluation in self.evaluations],
        }

    @cached_property
    def html(self) -> str:
        """The whole page."""
        return self.render()

    def render(self, refresh: int | None = None) -> str:
        """The whole page, which asks a browser to load it anew after so many seconds."""
        environment = Environment(
            loader=PackageLoader("latentia.report"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.filters |= {"uri": _uri, "duration": duration}
        models = [
            {"contestant": c, "evaluation": e, "colour": plots.colour(i), **_pictures(c, e, g)}
            for i, (c, e, g) in enumerate(
                zip(self.contestants, self.evaluations, self.galleries, strict=True)
            )
        ]
        return environment.get_template("report.html.jinja").render(
            facts=self.facts,
            source=self.source,
            seed=self.seed,
            version=latentia.__version__,
            torch_version=torch.__version__,
            small=max(self.facts.image_shape[1:]) <= SMALL,
            refresh=refresh,
            title=f"{listed([c.name for c in self.contestants])} on {self.facts.name}",
            summary=summarise(self.facts, self.evaluations),
            models=models,
            families={evaluation.family for evaluation in self.evaluations},
            real=_square(self.real),
            rows=rows(self.evaluations),
            refusals=refusals(self.evaluations),
            steadiness=steadiness(self.contestants),
            curves=plots.training_curves(self.contestants),
            measures=self._measures,
            maps=self._maps,
        )

    def _repr_html_(self) -> str:
        # A frame of its own keeps the page's style out of the notebook.
        return (
            f'<iframe srcdoc="{html.escape(self.html)}" title="Latentia report" '
            'style="width: 100%; height: 800px; border: 0"></iframe>'
        )

    @property
    def _measures(self) -> list[plots.Plot]:
        drawn = (plots.precision_and_recall, plots.rate_and_distortion, plots.bound_over_draws)
        return [plot for draw in drawn if (plot := draw(self.evaluations))]

    @property
    def _maps(self) -> list[plots.Plot]:
        return [
            plots.latent_map(contestant.name, gallery.latents, self.test_classes, self.facts.classes)
            for contestant, gallery in zip(self.contestants, self.galleries, strict=True)
            if gallery.latents is not None
        ]


def _pictures(contestant: Contestant, evaluation: Evaluation, gallery: Gallery) -> dict[str, Any]:
    rebuilt, pairs = gallery.reconstructions, gallery.pairs
    return {
        "draws": _square(gallery.draws),
        "means": None if gallery.means is None else _square(gallery.means),
        "reconstructions": None if rebuilt is None else _png(rebuilt, len(rebuilt) // 2),
        "ways": None if gallery.ways is None else _png(gallery.ways, STEPS),
        "between": gallery.between,
        "pairs": None if pairs is None or not len(pairs) else _png(pairs, len(pairs) // 2),
        "search": evaluation.search.found if evaluation.search else None,
        "verdict": evaluation.verdict,
        "mapped": gallery.latents is not None,
        "arguments": ", ".join(f"{name} = {value}" for name, value in contestant.arguments.items()),
    }


def _square(images: Images) -> bytes:
    return _png(images, round(len(images) ** 0.5))


def _png(images: Images, columns: int) -> bytes:
    file = io.BytesIO()
    pictures.grid(images, columns=columns).save(file, format="PNG", optimize=True)
    return file.getvalue()


def _uri(png: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")
