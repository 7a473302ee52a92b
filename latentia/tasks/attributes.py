"""What is known of images: the attributes that a source tells, and a reader of them in other images."""

import difflib
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from latentia._types import Images
from latentia.data import Facts, Split
from latentia.metrics.features import FeatureSpace, RandomFeatures

Table = Float[Tensor, "images attributes"]

FEWEST = 40
LEGIBLE = 0.3
"""Correlation with the truth on unseen images, below which an attribute is not read."""


@dataclass(frozen=True, slots=True)
class Attributes:
    """What is known of some images.

    Attributes:
        names: Name of each attribute; classes are attributes that an image has or has not.
        values: A number for each image and attribute, NaN where unknown.
    """

    names: tuple[str, ...]
    values: Table

    @staticmethod
    def of(split: Split, facts: Facts, rows: slice) -> "Attributes":
        """Those of some images of a store.

        Raises:
            ValueError: If nothing is known of its images.
        """
        tables = list[Tensor]()
        attributes, classes = split.attributes(rows), split.classes(rows)
        if attributes is not None:
            tables.append(attributes)
        if classes is not None:
            tables.append(torch.nn.functional.one_hot(classes, len(facts.classes)).float())
        if not tables:
            raise ValueError(
                f"{facts.name} has neither attributes nor classes. Name example images instead (--plus, "
                f"--minus), take a principal direction (--direction principal-1), or train on a source with "
                f"labels (--labels FILE.csv)."
            )
        names = (facts.attributes if attributes is not None else ()) + facts.classes
        return Attributes(names, torch.cat(tables, dim=1))

    def column(self, name: str) -> int:
        """Where an attribute stands.

        Raises:
            ValueError: If there is none of that name: says which are near.
        """
        if name in self.names:
            return self.names.index(name)
        near = difflib.get_close_matches(name, self.names, n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}?" if near else f"there are: {', '.join(self.names)}."
        raise ValueError(f"There is no attribute or class {name!r}; {hint}")

    def has(self, name: str) -> Bool[Tensor, " images"]:
        """Which images have an attribute; unknown counts as not.

        They have it above 0 where values lie on both sides of it, else above the middle of their range.
        """
        values = self.values[:, self.column(name)]
        known = values[~values.isnan()]
        middle = known.amin() + known.amax() if known.numel() else torch.tensor(0.0)
        return values > (0 if known.numel() and known.amin() < 0 else middle / 2)

    def complete(self) -> Bool[Tensor, " images"]:
        """Of which images everything is known."""
        return ~self.values.isnan().any(1)

    def known(self, name: str) -> Bool[Tensor, " images"]:
        """Of which images it is known whether they have an attribute."""
        return ~self.values[:, self.column(name)].isnan()


class AttributeReader:
    """Reads attributes off images: a ridge regression on random features, fitted to labelled images.

    Three quarters of the images are learned from. The last quarter says what can be read: attributes whose
    reading correlates with the truth by less than 0.3 are left out.

    Args:
        images: Labelled images, real ones, at least 40.
        attributes: What is known of them.

    Attributes:
        names: The attributes that it reads.
        correlations: Of each, with the truth on images that were not learned from.

    Raises:
        ValueError: If there are too few images.

    Note:
        It sees what a linear map of random features sees. Small things, such as thin spectacles at 32 pixels,
        it reads poorly; the correlations say how poorly.
    """

    def __init__(self, images: Images, attributes: Attributes) -> None:
        known = attributes.complete()
        values, images = attributes.values[known], images[known.to(images.device)]
        if len(images) < FEWEST:
            raise ValueError(
                f"{len(images)} images with all labels; attributes are learned from at least {FEWEST}."
            )
        standard = (values - values.mean(0)) / values.std(0).clamp_min(1e-6)
        self._features: FeatureSpace = RandomFeatures(images.shape[1])
        features = self._features(images).cpu().numpy()
        learned = 3 * len(images) // 4
        self._ridge = make_pipeline(StandardScaler(), Ridge(alpha=300.0))
        self._ridge.fit(features[:learned], standard[:learned].numpy())
        found = _correlations(self._predict(features[learned:]), standard[learned:])
        self._columns = torch.nonzero(found >= LEGIBLE).flatten().tolist()
        self.names = tuple(attributes.names[column] for column in self._columns)
        self.correlations = dict(zip(self.names, found[self._columns].tolist(), strict=True))

    def __call__(self, images: Images) -> Table:
        """What it reads, in standard deviations over the images that it was fitted to."""
        return self._predict(self._features(images).cpu().numpy())[:, self._columns]

    def _predict(self, features: np.ndarray) -> Table:
        return torch.from_numpy(self._ridge.predict(features)).float().reshape(len(features), -1)


def _correlations(read: Table, true: Table) -> Float[Tensor, " attributes"]:
    """Of each column; 0 where one does not vary."""
    read, true = read - read.mean(0), true - true.mean(0)
    scale = (read.square().sum(0) * true.square().sum(0)).sqrt()
    return torch.where(scale > 1e-9, (read * true).sum(0) / scale.clamp_min(1e-9), 0.0)
