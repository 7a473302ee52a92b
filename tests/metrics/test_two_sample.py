"""The classifier two-sample test on sets that differ by a known amount."""

import numpy as np
import pytest
import torch
from scipy import stats

from latentia.metrics import classifier_two_sample


def _points(count, seed, shift=0.0, scale=1.0):
    points = torch.randn(count, 2, generator=torch.Generator().manual_seed(seed))
    return points * scale + torch.tensor([shift, 0.0])


def test_accuracy_of_two_gaussians_meets_the_best_classifier():
    """Means d apart: no classifier is right more often than Phi(d / 2)."""
    measured = classifier_two_sample(_points(4000, 0), _points(4000, 1, shift=2.0))
    low, high = measured.accuracy.interval
    assert low - 0.02 < stats.norm.cdf(1.0) < high + 0.02
    assert measured.p_value < 1e-6
    assert measured.num_tested == 4000


def test_equal_distributions_are_not_told_apart_and_p_values_are_uniform():
    results = [classifier_two_sample(_points(200, 2 * i), _points(200, 2 * i + 1)) for i in range(60)]
    assert np.mean([result.accuracy.value for result in results]) == pytest.approx(0.5, abs=0.02)
    assert stats.kstest([result.p_value for result in results], "uniform").pvalue > 0.01


def test_accuracy_rises_with_noise_and_with_missing_classes(digits):
    images, classes = digits
    vectors = images.flatten(1)
    real, rest, kinds = vectors[:600], vectors[600:], classes[600:]
    noise = torch.randn(600, 64, generator=torch.Generator().manual_seed(0))
    noisy = [
        classifier_two_sample(real, rest[:600] + sigma * noise).accuracy.value for sigma in (0, 0.05, 0.2)
    ]
    assert 0.4 < noisy[0] < 0.6 < noisy[1] < noisy[2]
    fewer = [classifier_two_sample(real, rest[kinds >= k]).accuracy.value for k in (0, 3, 6)]
    assert fewer == sorted(fewer)
    assert fewer[-1] > 0.6


def test_a_width_is_seen_that_no_line_tells():
    assert classifier_two_sample(_points(500, 0), _points(500, 1, scale=3.0)).p_value < 0.001


def test_seed_repeats_and_sizes_may_differ():
    first, second = _points(150, 0), _points(400, 1, shift=1.0)
    assert classifier_two_sample(first, second, seed=3) == classifier_two_sample(first, second, seed=3)
    assert classifier_two_sample(first, second).num_tested == 150


def test_too_few_vectors_are_refused_by_name():
    with pytest.raises(ValueError, match=r"99 drawn images.*at least 100 of each.*kernel distance"):
        classifier_two_sample(_points(500, 0), _points(99, 1))
