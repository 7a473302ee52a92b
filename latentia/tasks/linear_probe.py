"""Linear probes: classes read off features by support vector machines, and by nearest neighbours."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torch.nn import functional

from latentia.tasks.layers import Features

Labels = Int64[Tensor, " images"]
Scores = Float[Tensor, "images classes"]

STRENGTHS = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
"""C among which one is chosen: what a squared error of a margin counts beside the weights' squares."""
FOLDS, ALL_FOLDS = 5, 5_000
"""Parts for cross-validation; above so many images one of them is held out, and the others are not."""
FEW = 2_000
"""Images up to which features are turned into their own span, where that is smaller."""
STEPS = 60
"""Iterations of L-BFGS at most."""
PRECISION = 1e-4
"""Where it ends: slopes, beside the root of the loss where all weights are 0."""
STEEPEST = 1e5
"""How much steeper than the flattest the steepest direction may be that a search is levelled by."""


@dataclass(frozen=True, slots=True)
class LinearProbe:
    """One linear support vector machine a class, against all others.

        min_(W, b)  |W|^2 / 2 + C sum_i sum_k max(0, 1 - y_ik (w_k x_i + b_k))^2,   y_ik = 1 or -1

    Attributes:
        weights: W.
        bias: b, which is not regularised.
        strength: C.

    Source:
        L2-loss support vector machines: Fan et al. 2008, "LIBLINEAR", section 2 and appendix; there the bias
        is regularised.
    """

    weights: Float[Tensor, "features classes"]
    bias: Float[Tensor, " classes"]
    strength: float

    @staticmethod
    def fit(
        features: Features, labels: Labels, num_classes: int, *, strengths: Sequence[float] = STRENGTHS
    ) -> "LinearProbe":
        """The machine of the C with which most labels are told right that were not learned from.

        C is chosen by cross-validation over five parts with the same share of each class, or on one part
        where there are more than 5,000 images; of several with the same share the smallest.

        Args:
            features: Standardised: see `standardise`.
            labels: Class of each image; every class occurs.
            num_classes: How many classes.
            strengths: The C to choose from, in rising order, each above 0.

        Raises:
            ValueError: If a class has no image, or numbers do not fit.
        """
        _check(features, labels, num_classes, strengths)
        span = _span(features)
        inside = features if span is None else features @ span
        search = _Levelled(inside)
        strength = strengths[0]
        if len(strengths) > 1:
            strength = _chosen(search, inside, labels, num_classes, strengths)
        weights, bias = search.descend(inside, _signs(labels, num_classes), strength)
        return LinearProbe(weights if span is None else span @ weights, bias, strength)

    def scores(self, features: Features) -> Scores:
        """How surely images belong to each class; the margin is at 1."""
        return features @ self.weights + self.bias

    def predict(self, features: Features) -> Labels:
        """The class with the highest score."""
        return self.scores(features).argmax(1)


def standardise(train: Features, *others: Float[Tensor, "_ features"]) -> None:
    """Shifts and scales features in place: mean 0 and a mean square of 1 / features, over the first ones.

    So an image has length 1 on average, and the same C means the same for few features and for many.
    Features that do not vary become 0.

    Args:
        train: What means and deviations are taken of: images without labels will do.
        *others: Scaled by the same numbers.
    """
    mean, std = train.mean(0), train.std(0, correction=0)
    scale = torch.where(std > 1e-6 * std.amax().clamp_min(1e-30), std * train.shape[1] ** 0.5, torch.inf)
    for features in (train, *others):
        features.sub_(mean).div_(scale)


def nearest_classes(
    train: Features, labels: Labels, asked: Float[Tensor, "asked features"], num_classes: int, *, count: int
) -> Int64[Tensor, " asked"]:
    """The commonest class among the nearest images, by the cosine; of several the nearer one.

    Args:
        train: Features of labelled images.
        labels: Their classes.
        asked: Features of the images to be told.
        num_classes: How many classes.
        count: How many neighbours, at least 1; all of the labelled images where there are fewer.
    """
    if count < 1:
        raise ValueError(f"Nearest neighbours are at least 1, got {count}.")
    unit = functional.normalize(train, dim=1)
    told = list[Tensor]()
    for part in asked.split(1_000):
        near = (functional.normalize(part, dim=1) @ unit.T).topk(min(count, len(train)), dim=1)
        votes = functional.one_hot(labels[near.indices], num_classes).float()
        closeness = 1 + 1e-3 * near.values.clamp(-1, 1)  # breaks ties, and no more
        told.append((votes * closeness[:, :, None]).sum(1).argmax(1))
    return torch.cat(told)


def choose_count(
    train: Features, labels: Labels, num_classes: int, counts: Sequence[int] = (1, 5, 10, 20)
) -> int:
    """The number of neighbours by which most labelled images are told right from the others.

    Each image is left out of its own neighbours; at most 2,000 images are asked.
    """
    asked = torch.linspace(0, len(train) - 1, min(FEW, len(train))).long()
    unit = functional.normalize(train, dim=1)
    near = unit[asked] @ unit.T
    near[torch.arange(len(asked)), asked] = -torch.inf
    most = min(max(counts), len(train) - 1)
    if most < 1:
        return counts[0]
    order = near.topk(most, dim=1).indices
    votes = functional.one_hot(labels[order], num_classes).cumsum(1)

    def right(count: int) -> int:
        told = votes[:, min(count, most) - 1].argmax(1)
        return int((told == labels[asked]).sum())

    return max(counts, key=right)


class _Levelled:
    """Searches for the best weights in units in which the loss is about as steep in every direction.

    Its second derivative is at most M = 2 C X'X + 1. With M = L L' and u = L' W a search over u takes a tenth
    of the steps of one over W, whose directions differ in steepness as the variances of features do.
    """

    def __init__(self, features: Features) -> None:
        self.products = features.T @ features

    def descend(
        self, features: Features, signs: Scores, strength: float, start: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Tensor, Tensor]:
        """The best weights and bias, by L-BFGS, for some of the images."""
        counted = min(strength, STEEPEST / len(features))  # single precision bears so much
        steepness = 2 * counted * self.products
        steepness.diagonal().add_(1)
        root = torch.linalg.cholesky(steepness).T
        unit = (2 * strength * len(features)) ** -0.5  # of the bias
        if start is None:
            start = features.new_zeros(features.shape[1], signs.shape[1]), features.new_zeros(signs.shape[1])
        levelled = (root @ start[0]).requires_grad_()
        bias = (start[1] / unit).requires_grad_()
        search = torch.optim.LBFGS(
            [levelled, bias],
            max_iter=STEPS,
            history_size=20,
            tolerance_grad=PRECISION * (strength * signs.numel()) ** 0.5,
            tolerance_change=0.0,
            line_search_fn="strong_wolfe",
        )

        def found() -> tuple[Tensor, Tensor]:
            return torch.linalg.solve_triangular(root, levelled, upper=True), bias * unit

        def loss() -> Tensor:
            search.zero_grad()
            weights, constant = found()
            short = (1 - signs * (features @ weights + constant)).clamp_min(0)
            total = weights.square().sum() / 2 + strength * short.square().sum()
            total.backward()
            return total

        with torch.enable_grad():
            search.step(loss)
        with torch.no_grad():
            return found()


def _chosen(
    search: _Levelled, features: Features, labels: Labels, num_classes: int, strengths: Sequence[float]
) -> float:
    """The C that tells most held-out images right; each search starts where that of a smaller C ended."""
    part = folds(labels)
    held_out = [part == fold for fold in range(FOLDS if len(labels) <= ALL_FOLDS else 1)]
    right = dict.fromkeys(strengths, 0)
    for chosen in held_out:
        kept, signs = features[~chosen], _signs(labels[~chosen], num_classes)
        found = None
        for strength in strengths:
            found = search.descend(kept, signs, strength, found)
            told = (features[chosen] @ found[0] + found[1]).argmax(1)
            right[strength] += int((told == labels[chosen]).sum())
    return max(strengths, key=lambda strength: right[strength])  # the first of equals


def folds(labels: Labels) -> Labels:
    """The part of each image, from 0 to 4, in turn within each class."""
    part = torch.empty_like(labels)
    for label in labels.unique():
        rows = torch.nonzero(labels == label).flatten()
        part[rows] = torch.arange(len(rows)) % FOLDS
    return part


def _span(features: Features) -> Tensor | None:
    """An orthonormal basis of what few images span, in which the best weights lie; None for many images."""
    if len(features) > FEW or len(features) >= features.shape[1]:
        return None
    basis: Tensor = torch.linalg.qr(features.T).Q
    return basis


def _signs(labels: Labels, num_classes: int) -> Scores:
    return 2 * functional.one_hot(labels, num_classes).float() - 1


def _check(features: Features, labels: Labels, num_classes: int, strengths: Sequence[float]) -> None:
    if len(features) != len(labels) or labels.bincount(minlength=num_classes).min() < 1:
        raise ValueError(
            f"Got {len(labels)} labels of {len(features)} images; expected a label for each, and all of the "
            f"{num_classes} classes among them."
        )
    if not strengths or min(strengths) <= 0:
        raise ValueError(f"The strengths are {list(strengths)}; expected one or more numbers above 0.")
