"""The report as one HTML file with its pictures inside, as JSON, and in a notebook."""

import base64
import html
import io
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
from latentia.report.gallery import LOOKED_UP, STEPS, Gallery
from latentia.report.summary import summarise
from latentia.report.table import rows
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

    def save(self, path: str | Path) -> Path:
        """Write the page; nothing else is needed to open it, no network and no other file.

        Args:
            path: Name of the HTML file; folders that are missing are made.

        Returns:
            The file.
        """
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.html, encoding="utf-8")
        return path

    def to_json(self) -> dict[str, Any]:
        """All numbers and their protocol, as a dictionary that JSON can hold."""
        return {
            "version": latentia.__version__,
            "data": self.facts.to_json(),
            "source": self.source,
            "seed": self.seed,
            "summary": summarise(self.facts, self.evaluations),
            "models": [evaluation.to_json() for evaluation in self.evaluations],
        }

    @cached_property
    def html(self) -> str:
        """The whole page."""
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
            title=f"{listed([c.name for c in self.contestants])} on {self.facts.name}",
            summary=summarise(self.facts, self.evaluations),
            models=models,
            families={evaluation.family for evaluation in self.evaluations},
            real=_square(self.real),
            rows=rows(self.evaluations),
            bounds=self.evaluations[0].bounds,
            curves=plots.training_curves(self.contestants),
            measures=[p for p in (plots.precision_and_recall(self.evaluations), self._draws) if p],
            maps=self._maps,
        )

    def _repr_html_(self) -> str:
        # A frame of its own keeps the page's style out of the notebook.
        return (
            f'<iframe srcdoc="{html.escape(self.html)}" title="Latentia report" '
            'style="width: 100%; height: 800px; border: 0"></iframe>'
        )

    @property
    def _draws(self) -> plots.Plot | None:
        return plots.bound_over_draws(self.evaluations)

    @property
    def _maps(self) -> list[plots.Plot]:
        return [
            plots.latent_map(contestant.name, gallery.latents, self.test_classes, self.facts.classes)
            for contestant, gallery in zip(self.contestants, self.galleries, strict=True)
            if gallery.latents is not None
        ]


def _pictures(contestant: Contestant, evaluation: Evaluation, gallery: Gallery) -> dict[str, Any]:
    rebuilt = gallery.reconstructions
    return {
        "draws": _square(gallery.draws),
        "means": None if gallery.means is None else _square(gallery.means),
        "reconstructions": None if rebuilt is None else _png(rebuilt, len(rebuilt) // 2),
        "ways": None if gallery.ways is None else _png(gallery.ways, STEPS),
        "between": gallery.between,
        "looked_up": _png(gallery.looked_up, LOOKED_UP),
        "distance": gallery.distances.median().item(),
        "copies": evaluation.copies,
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
