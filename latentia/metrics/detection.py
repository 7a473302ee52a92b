"""How well scores tell what is unusual, and how unusual a score is among those of usual images."""

import torch
from jaxtyping import Float
from torch import Tensor

from latentia.metrics.estimate import Estimate, Unmeasurable

Scores = Float[Tensor, " scores"]
Usual = Float[Tensor, " usual"]
Unusual = Float[Tensor, " unusual"]


def area_under_roc(unusual: Unusual, usual: Usual) -> Estimate:
    """The chance that an unusual image scores higher than a usual one, equal scores counting half.

        A = mean_ij [s_i > t_j] + [s_i = t_j] / 2,   error^2 = var_i(A_i) / m + var_j(A_j) / n

    with A_i and A_j the means over the other index. 0.5 is chance, and below it scores order images the
    wrong way round.

    Args:
        unusual: Scores of images that are to be found; higher is more unusual.
        usual: Scores of the others.

    Returns:
        The area, and its standard error over draws of both kinds of images.

    Raises:
        Unmeasurable: If there are fewer than two of a kind, or a score is not a number.

    Source:
        DeLong et al. 1988, "Comparing the areas under two or more correlated receiver operating
        characteristic curves", the case of one curve.

    >>> round(area_under_roc(torch.tensor([3.0, 2.0]), torch.tensor([1.0, 2.0, 0.0])).value, 4)
    0.9167
    """
    if min(len(unusual), len(usual)) < 2 or torch.isnan(torch.cat([unusual, usual])).any():
        raise Unmeasurable(
            f"An area under the curve needs scores of at least 2 images of each kind, all of them numbers; "
            f"got {len(unusual)} unusual and {len(usual)} usual ones."
        )
    above = _share_below(unusual, usual)
    below = 1 - _share_below(usual, unusual)
    error = (above.var() / len(unusual) + below.var() / len(usual)).sqrt()
    return Estimate(above.mean().item(), error.item())


def false_alarms(unusual: Unusual, usual: Usual, *, caught: float = 0.95) -> float:
    """Share of usual images above the threshold that catches so many of the unusual ones.

    Args:
        unusual: Scores of images that are to be found; higher is more unusual.
        usual: Scores of the others.
        caught: Share of the unusual that is to be caught, above 0 and at most 1.
    """
    ranked = unusual.sort(descending=True).values
    needed = max(1, -int(-caught * len(ranked) // 1))
    return float((usual >= ranked[needed - 1]).double().mean())


def p_values(scores: Scores, usual: Usual) -> Scores:
    """How often a usual image would score as high, or higher.

        p = (1 + number of usual scores >= s) / (1 + number of usual scores)

    If an image is usual, its p is at most a with a chance of at most a (and barely less, if scores do not
    tie), whatever the scores are. So alarms at p <= 0.01 are false for one usual image in a hundred.

    Args:
        scores: Higher is more unusual.
        usual: Scores of usual images that nothing was trained on or chosen by.

    Returns:
        Numbers above 0 and at most 1, one an image.

    Source:
        Conformal anomaly detection: Laxhammar & Falkman 2010; Bates et al. 2023 (arXiv:2104.08279),
        section 1.

    >>> p_values(torch.tensor([5.0, 0.5]), torch.tensor([1.0, 2.0, 3.0])).tolist()
    [0.25, 1.0]
    """
    ranked = usual.sort().values
    at_least = len(usual) - torch.searchsorted(ranked, scores.contiguous())
    return (1.0 + at_least) / (1.0 + len(usual))


def _share_below(scores: Scores, others: Usual) -> Scores:
    """Share of other scores below each score, equal ones counting half."""
    ranked, scores = others.sort().values, scores.contiguous()
    sides = [torch.searchsorted(ranked, scores, right=right).double() for right in (False, True)]
    return (sides[0] + sides[1]) / (2 * len(others))
