"""Areas under the curve, false alarms and p values: scikit-learn, brute force and simulation as oracles."""

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from latentia.metrics import area_under_roc, false_alarms, p_values
from latentia.metrics.estimate import Unmeasurable


def _drawn(seed, shift, *sizes):
    generator = torch.Generator().manual_seed(seed)
    unusual, usual = (torch.randn(size, generator=generator) for size in sizes)
    return unusual + shift, usual


@pytest.mark.parametrize("shift", [-1.0, 0.0, 2.0])
def test_the_area_is_that_of_scikit_learn_ties_included(shift):
    unusual, usual = ((part * 2).round() / 2 for part in _drawn(0, shift, 70, 110))
    truth = np.r_[np.ones(70), np.zeros(110)]
    expected = roc_auc_score(truth, torch.cat([unusual, usual]).numpy())
    assert area_under_roc(unusual, usual).value == pytest.approx(expected, abs=1e-12)


def test_its_error_is_what_areas_spread_by():
    areas = [area_under_roc(*_drawn(seed, 1.0, 60, 90)) for seed in range(400)]
    spread = np.std([area.value for area in areas])
    assert np.mean([area.error for area in areas]) == pytest.approx(spread, rel=0.12)


def test_false_alarms_are_counted_at_the_threshold_that_catches_so_many():
    unusual, usual = torch.arange(20.0), torch.tensor([0.5, 1.5, 30.0, -1.0])
    assert false_alarms(unusual, usual, caught=0.95) == 0.5  # 19 of 20 are at least 1: 1.5 and 30 come along
    assert false_alarms(unusual, usual, caught=1.0) == 0.75


def test_p_values_of_usual_images_are_below_a_as_often_as_a_says():
    generator = torch.Generator().manual_seed(1)
    alarms = []
    for _ in range(300):
        usual, new = torch.randn(2, 199, generator=generator)
        alarms.append((p_values(new, usual) <= 0.05).double().mean())
    assert torch.stack(alarms).mean() == pytest.approx(0.05, abs=0.005)


def test_p_values_fall_as_scores_rise_and_never_reach_zero():
    p = p_values(torch.tensor([-9.0, 0.0, 9.0]), torch.linspace(-1, 1, 99))
    assert p[0] == 1
    assert p[0] > p[1] > p[2] == pytest.approx(0.01)


def test_what_cannot_be_measured_is_a_letter():
    with pytest.raises(Unmeasurable, match="at least 2"):
        area_under_roc(torch.zeros(1), torch.zeros(5))
    with pytest.raises(Unmeasurable, match="numbers"):
        area_under_roc(torch.tensor([1.0, float("nan")]), torch.zeros(5))
