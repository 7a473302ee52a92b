"""Directions from labels: what tells images that have an attribute from those that have it not."""

from collections.abc import Sequence
from typing import Any, Literal

import torch
from jaxtyping import Bool, Float
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC
from torch import Tensor, nn

from latentia._types import Given, Images, Latents
from latentia.protocols import Decodes, Encodes, require
from latentia.tasks.attributes import AttributeReader, Attributes
from latentia.tasks.direction import Direction, Vector, fingerprint, of_one_deviation
from latentia.tasks.draw import conditions_for, noise_for
from latentia.tasks.latents import decoded, latents_of

Method = Literal["mean", "logistic", "svm"]

METHODS = {
    "mean": "difference of means",
    "logistic": "normal of a logistic regression",
    "svm": "normal of a linear support vector machine",
}
FEWEST = 10
"""Images with an attribute, and without it, that a direction is learned from at least."""


def attribute_directions(
    model: nn.Module,
    images: Images,
    attributes: Attributes,
    names: Sequence[str],
    *,
    method: Method = "mean",
    apart: Sequence[str] = (),
    given: Given | None = None,
    generator: torch.Generator | None = None,
) -> list[Direction]:
    """One direction for each of some attributes, a standard deviation of latents long.

    A model that encodes is shown the labelled images. One that does not is asked for as many draws, and a
    reader that has learned from the labelled images labels these: as large a part of the draws has an
    attribute as of the images.

    Args:
        model: One that encodes or decodes, in evaluation mode.
        images: Labelled images, real ones, on the model's device.
        attributes: What is known of them.
        names: Attributes or classes.
        method: The difference of means, or the normal of a logistic regression or of a linear support
            vector machine.
        apart: Attributes that shall not change: their directions, found in the same way, are projected out.
        given: What a conditional model is told of each image.
        generator: Makes the draws, on the model's device.

    Raises:
        ValueError: If an attribute is not there, too few images have it or have it not, it cannot be read
            off draws, or nothing of its direction is left beside the others.

    Source:
        Difference of means: Larsen et al. 2016 (arXiv:1512.09300), section 3.3; normals, projection, and
        draws that a classifier labels: Shen et al. 2020 (arXiv:1907.10786), sections 2.2 and 3.2. Ours reads
        draws with a linear map of random features.
    """
    for name in (*names, *apart):
        _require_enough(attributes, name)
    if isinstance(model, Encodes):
        latents = latents_of(model, images, given=given).cpu()
        labels = {name: (attributes.has(name), attributes.known(name)) for name in (*names, *apart)}
    else:
        latents, labels = _labelled_draws(model, images, attributes, (*names, *apart), generator)
    found = {
        name: attribute_normal(latents[known], has[known], method) for name, (has, known) in labels.items()
    }
    directions = []
    for name in names:
        vector = _beside(found[name], [found[other] for other in apart], name, apart)
        words = METHODS[method] + (f", apart from {', '.join(apart)}" if apart else "")
        directions.append(Direction(name, of_one_deviation(vector, latents), fingerprint(model), words))
    return directions


def attribute_normal(latents: Latents, has: Bool[Tensor, " batch"], method: Method = "mean") -> Vector:
    """The direction from latents without an attribute to those with it.

    Args:
        latents: On the processor.
        has: Which of them have it.
        method: As for `attribute_directions`. Normals are of latents that one number scales, so that
            latents which hardly vary do not count more than they do in the model.

    Example:
        >>> latents = torch.tensor([[0.0, 1.0], [0.0, -1.0], [4.0, 1.0], [4.0, -1.0]])
        >>> attribute_normal(latents, torch.tensor([False, False, True, True]))
        tensor([4., 0.])
    """
    if method == "mean":
        return latents[has].mean(0) - latents[~has].mean(0)
    centred = latents - latents.mean(0)
    balanced: dict[str, Any] = {"class_weight": "balanced", "max_iter": 2000}
    classifier = LogisticRegression(**balanced) if method == "logistic" else LinearSVC(**balanced, dual=False)
    classifier.fit((centred / centred.std()).numpy(), has.numpy())
    return torch.from_numpy(classifier.coef_[0]).to(latents)


def without(vector: Vector, others: Float[Tensor, "others latents"]) -> Vector:
    """What of a direction is at right angles to others.

    Example:
        >>> without(torch.tensor([1.0, 1.0, 1.0]), torch.tensor([[1.0, 0.0, 0.0], [1.0, 2.0, 0.0]]))
        tensor([0., 0., 1.])
    """
    basis = torch.linalg.qr(others.T).Q  # their span, whatever angles they make
    return vector - basis @ (basis.T @ vector)


def _beside(vector: Vector, others: list[Vector], name: str, apart: Sequence[str]) -> Vector:
    if not others:
        return vector
    left = without(vector, torch.stack(others))
    if left.norm() < 1e-3 * vector.norm():
        raise ValueError(
            f"Nothing of the direction {name} is left apart from {', '.join(apart)}. Name fewer attributes, "
            f"and not the same one."
        )
    return left


def _require_enough(attributes: Attributes, name: str) -> None:
    has, known = attributes.has(name), attributes.known(name)
    positives, negatives = int((has & known).sum()), int((~has & known).sum())
    if min(positives, negatives) < FEWEST:
        raise ValueError(
            f"{positives} images have {name} and {negatives} have it not; a direction is learned from at "
            f"least {FEWEST} of each. Show more images, or choose another attribute."
        )


def _labelled_draws(
    model: nn.Module,
    images: Images,
    attributes: Attributes,
    names: Sequence[str],
    generator: torch.Generator | None,
) -> tuple[Latents, dict[str, tuple[Tensor, Tensor]]]:
    """As many draws as images, and which of them have each attribute; of all it is known."""
    decoder = require(model, Decodes, task="find directions")
    reader = AttributeReader(images, attributes)
    if dim := [name for name in names if name not in reader.names]:
        raise ValueError(
            f"This model does not encode, so draws from it have to be labelled, and {', '.join(dim)} cannot "
            f"be read off images by a linear map of random features. What can: "
            f"{', '.join(reader.names) or 'nothing'}."
        )
    with torch.no_grad():
        given = conditions_for(model, len(images), generator)
        prior = decoder.prior(given=given)
        latents = prior.draw(noise_for(prior, len(images), generator))
    read = reader(decoded(model, latents, given))
    everywhere = torch.ones(len(images), dtype=torch.bool)
    labels = {}
    for name in names:
        share = attributes.has(name).sum() / attributes.known(name).sum()
        column = read[:, reader.names.index(name)]
        labels[name] = (column > column.quantile(1 - share), everywhere)
    return latents.cpu(), labels
