"""Disentanglement: does each factor of images have a latent of its own?

Scores of codes whose factors are known. A code is what a model makes of an image, usually the mean of q(z|x);
factors are whole numbers: which of its values a factor has.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int64
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.metrics import balanced_accuracy_score
from sklearn.tree import DecisionTreeClassifier
from torch import Tensor

from latentia.metrics.latent_use import active_latents

Codes = Float[Tensor, "images latents"]
Steps = Int64[Tensor, "images factors"]
Scores = Float[Tensor, "latents factors"]
ByFactor = Float[Tensor, " factors"]

BINS = 20


def mutual_information_gaps(codes: Codes, factors: Steps) -> ByFactor:
    """How much more the best latent knows of each factor than the second best; their mean is the MIG.

        (I(z_1; v) - I(z_2; v)) / H(v),   z_1 and z_2 the latents that know most of v

    Args:
        codes: One vector an image; each number is put into one of 20 bins between its extremes.
        factors: Of the same images.

    Returns:
        For each factor from 0 to 1: 1 where one latent tells it for certain and no other knows of it.

    Note:
        With too few images all latents seem to know something: the bias is about (20 - 1)(values - 1) / 2n
        nats, alike for both latents.

    Source:
        Chen et al. 2018 (arXiv:1802.04942), eq. 6, who integrate over q(z|x); bins of means are those of
        Locatello et al. 2019 (arXiv:1811.12359), appendix C.

    Example:
        >>> factors = torch.cartesian_prod(torch.arange(3), torch.arange(4)).repeat(10, 1)
        >>> mutual_information_gaps(factors.float(), factors)
        tensor([1., 1.])
    """
    information = torch.stack(
        [
            torch.tensor([_information(binned, factor) for factor in factors.T])
            for binned in (_binned(code) for code in codes.T)
        ]
    )
    entropies = torch.tensor([_information(factor, factor) for factor in factors.T])
    return _lead(information) / entropies


def separated_predictability(codes: Codes, factors: Steps, ordered: Sequence[bool]) -> ByFactor:
    """How much better the best single latent predicts each factor than the second best; their mean is SAP.

    Args:
        codes: One vector an image.
        factors: Of the same images.
        ordered: Which factors are quantities. They are predicted by a line, and scored by R^2; the others by
            thresholds that are found on one half of the images and scored on the other.

    Returns:
        For each factor from 0 to 1.

    Source:
        Kumar et al. 2018 (arXiv:1711.00848), section 3.2. Balanced accuracies are put on a scale on which
        chance is 0 and certainty 1, as R^2 is; theirs start at chance.
    """
    columns = [
        _squared_correlations(codes, factor) if line else _accuracies(codes, factor)
        for factor, line in zip(factors.T, ordered, strict=True)
    ]
    return _lead(torch.stack(columns, dim=1))


@dataclass(frozen=True, slots=True)
class Importances:
    """Which latents are needed to predict which factor.

    Attributes:
        disentanglement: 1 where each latent is needed for one factor alone; latents count by how much they
            are needed.
        completeness: 1 where each factor needs one latent alone; the mean over factors.
        informativeness: How well factors are predicted on images that were not learned from: the mean of R^2
            and of balanced accuracies on a scale where chance is 0.
        table: The importances, each column summing to 1.
    """

    disentanglement: float
    completeness: float
    informativeness: float
    table: Scores


def importances(codes: Codes, factors: Steps, ordered: Sequence[bool], *, seed: int = 0) -> Importances:
    """Disentanglement, completeness and informativeness, from forests that predict each factor.

    Args:
        codes: One vector an image; half of the images are learned from.
        factors: Of the same images.
        ordered: Which factors are quantities.
        seed: Of the forests.

    Source:
        Eastwood & Williams 2018, "A framework for the quantitative evaluation of disentangled
        representations", section 3. They tell informativeness as an error.
    """
    half = len(codes) // 2
    x, columns, informed = codes.numpy(), [], []
    settings = {"n_estimators": 20, "max_features": None, "min_samples_leaf": 2, "random_state": seed}
    for factor, line in zip(factors.T, ordered, strict=True):
        y = factor.numpy()
        forest = RandomForestRegressor(**settings) if line else RandomForestClassifier(**settings)
        forest.fit(x[:half], y[:half])
        columns.append(torch.from_numpy(forest.feature_importances_))
        predicted = forest.predict(x[half:])
        informed.append(forest.score(x[half:], y[half:]) if line else _above_chance(y[half:], predicted))
    table = torch.stack(columns, dim=1)
    needed = table.sum(1) / table.sum().clamp_min(1e-12)
    return Importances(
        (needed * _concentration(table, dim=1)).sum().item(),
        _concentration(table, dim=0).mean().item(),
        float(np.mean(informed)),
        table.float(),
    )


def factor_score(
    represent: Callable[[Steps], Codes],
    num_values: Sequence[int],
    *,
    num_votes: int = 800,
    group: int = 64,
    seed: int = 0,
) -> float:
    """The FactorVAE score: does the latent that stands still tell which factor was held?

    A vote holds one factor, draws a group of images whose other factors vary, and names the latent that
    varies least over them, in units of how it varies over all images. Half of the votes teach which factor
    each latent stands for; the score is how often that is right for the other half.

    Args:
        represent: From factors to the codes of images with these factors.
        num_values: How many values each factor has.
        num_votes: Groups in all, at least 2 a factor.
        group: Images in a group, at least 2.
        seed: Draws the factors.

    Returns:
        The share of right votes; chance is one in the number of factors. 0 where no latent is active.

    Source:
        Kim & Mnih 2018 (arXiv:1802.05983), section 4. Latents that vary by less than 0.01 are left out.
    """
    generator = torch.Generator().manual_seed(seed)
    everywhere = represent(random_steps(num_values, 10 * group, generator))
    active = active_latents(everywhere)
    if not active.any():
        return 0.0
    variance = everywhere[:, active].var(0)
    held = torch.arange(num_votes) % len(num_values)
    still = []
    for factor in held.tolist():
        steps = random_steps(num_values, group, generator)
        steps[:, factor] = steps[0, factor]
        still.append((represent(steps)[:, active].var(0) / variance).argmin())
    votes = torch.zeros(int(active.sum()), len(num_values))
    learned = num_votes // 2
    votes.index_put_((torch.stack(still[:learned]), held[:learned]), torch.tensor(1.0), accumulate=True)
    return (votes.argmax(1)[torch.stack(still[learned:])] == held[learned:]).float().mean().item()


def random_steps(num_values: Sequence[int], num_images: int, generator: torch.Generator) -> Steps:
    """Factors of images, each value as likely and each factor apart from the others."""
    columns = [torch.randint(number, (num_images,), generator=generator) for number in num_values]
    return torch.stack(columns, dim=1)


def _binned(code: Float[Tensor, " images"]) -> Int64[Tensor, " images"]:
    low, high = code.aminmax()
    if low == high:
        return torch.zeros_like(code, dtype=torch.int64)
    return ((code - low) / (high - low) * BINS).long().clamp(max=BINS - 1)


def _information(a: Int64[Tensor, " images"], b: Int64[Tensor, " images"]) -> float:
    """Mutual information of two columns of whole numbers, nats."""
    width = int(b.max()) + 1
    joint = torch.bincount(a * width + b, minlength=(int(a.max()) + 1) * width).double().view(-1, width)
    joint = joint / joint.sum()
    apart = joint.sum(1, keepdim=True) * joint.sum(0)
    return torch.xlogy(joint, joint / apart.clamp_min(1e-300)).sum().item()


def _lead(scores: Scores) -> ByFactor:
    """The best of each column less the second best, which is 0 where there is one latent alone."""
    padded = torch.cat([scores, torch.zeros_like(scores[:1])])
    first, second = padded.topk(2, dim=0).values
    return first - second


def _squared_correlations(codes: Codes, factor: Int64[Tensor, " images"]) -> Float[Tensor, " latents"]:
    centred, target = (codes - codes.mean(0)).double(), factor.double() - factor.double().mean()
    scale = centred.square().sum(0) * target.square().sum()
    return torch.where(scale > 0, (target @ centred).square() / scale.clamp_min(1e-300), 0.0).float()


def _accuracies(codes: Codes, factor: Int64[Tensor, " images"]) -> Float[Tensor, " latents"]:
    half, y = len(codes) // 2, factor.numpy()
    found = []
    for code in codes.T:
        x = code.numpy()[:, None]
        thresholds = DecisionTreeClassifier(
            max_leaf_nodes=4 * (int(factor.max()) + 1), class_weight="balanced"
        )
        thresholds.fit(x[:half], y[:half])
        found.append(_above_chance(y[half:], thresholds.predict(x[half:])))
    return torch.tensor(found)


def _above_chance(true: np.ndarray, predicted: np.ndarray) -> float:
    return max(0.0, float(balanced_accuracy_score(true, predicted, adjusted=True)))


def _concentration(table: Float[Tensor, "latents factors"], dim: int) -> Tensor:
    """1 - the entropy of importances along a dimension, in units of the largest that it could be."""
    shares = table / table.sum(dim, keepdim=True).clamp_min(1e-12)
    most = math.log(table.shape[dim]) if table.shape[dim] > 1 else 1.0
    return 1 + torch.xlogy(shares, shares).sum(dim) / most
