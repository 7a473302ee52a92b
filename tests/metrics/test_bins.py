"""Statistically different bins on mixtures whose modes are known."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy import spatial, stats

from latentia.metrics import different_bins
from latentia.metrics.bins import CRITICAL, _divergence, _share


def _mixture(count, modes, seed):
    """Points in equally likely clusters far apart."""
    generator = torch.Generator().manual_seed(seed)
    centres = 20 * torch.randn(20, 5, generator=torch.Generator().manual_seed(0))
    return centres[torch.randint(modes, (count,), generator=generator)] + torch.randn(
        count, 5, generator=generator
    )


def test_a_bin_differs_as_a_test_of_two_proportions_says():
    for first, second in ((30, 50), (40, 43), (10, 25)):
        table = np.array([[first, 1000 - first], [second, 800 - second]])
        p_value = stats.chi2_contingency(table, correction=False).pvalue  # chi^2 = z^2
        expected = float(p_value < 2 * stats.norm.sf(CRITICAL))
        assert _share(table[0], table[1]) == expected, "both bins of two tell the same"


def test_divergence_is_that_of_scipy():
    rng = np.random.default_rng(0)
    first, second = rng.integers(0, 50, 30), rng.integers(0, 50, 30)
    expected = spatial.distance.jensenshannon(first, second) ** 2
    assert _divergence(first, second) == pytest.approx(expected)
    assert _divergence(np.array([5, 0]), np.array([0, 3])) == pytest.approx(np.log(2))


def test_real_images_differ_in_about_five_of_a_hundred_bins():
    shares = [
        different_bins(_mixture(2000, 20, 2 * i), _mixture(2000, 20, 2 * i + 1)).share.value
        for i in range(1, 7)
    ]
    assert 0.02 < np.mean(shares) < 0.1


def test_both_rise_with_every_mode_that_is_dropped():
    train = _mixture(2000, 20, 1)
    ladder = [different_bins(train, _mixture(1000, modes, 2)) for modes in (20, 16, 12, 6)]
    for one, next_one in pairwise(ladder):
        assert one.share.value < next_one.share.value
        assert one.divergence.value < next_one.divergence.value
    assert ladder[-1].share.value > 0.9


def test_missing_digits_are_seen(digits):
    images, classes = digits
    train, rest = images[:900].flatten(1), images[900:].flatten(1)
    all_digits, low = (different_bins(train, some) for some in (rest, rest[classes[900:] < 5]))
    assert all_digits.share.interval[0] < 0.1
    assert low.share.value > 2 * all_digits.share.value
    assert low.share.error > 0


def test_fewer_bins_for_few_images_and_none_for_too_few():
    assert different_bins(_mixture(900, 20, 1), _mixture(150, 20, 2)).num_bins == 15
    with pytest.raises(ValueError, match=r"99 drawn images.*at least 100 of each.*kernel distance"):
        different_bins(_mixture(900, 20, 1), _mixture(99, 20, 2))
