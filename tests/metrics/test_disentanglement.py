"""Scores of disentanglement, on codes whose answer is known."""

import pytest
import torch
from sklearn.metrics import mutual_info_score
from torch import nn

from latentia.data.builtin import FACTORS
from latentia.distributions import Normal
from latentia.metrics import (
    factor_score,
    importances,
    measure_disentanglement,
    mutual_information_gaps,
    separated_predictability,
)
from latentia.metrics.disentanglement import _binned, _information, random_steps
from latentia.metrics.known_factors import _drawn
from latentia.protocols import Encodes

SIZES, ORDERED = (3, 6, 4), (False, True, True)


@pytest.fixture(scope="module")
def factors():
    return random_steps(SIZES, 3000, torch.Generator().manual_seed(0))


def as_codes(steps):
    return steps.float() / torch.tensor(SIZES) - 0.5


def rotated(steps):
    generator = torch.Generator().manual_seed(1)
    return as_codes(steps) @ torch.linalg.qr(torch.randn(3, 3, generator=generator)).Q


def signed_and_permuted(steps):
    return -as_codes(steps)[:, [2, 0, 1]]


def nothing(steps):
    return torch.randn(len(steps), 5, generator=torch.Generator().manual_seed(len(steps)))


def scores(represent, factors):
    codes = represent(factors)
    found = importances(codes, factors, ORDERED)
    return [
        mutual_information_gaps(codes, factors).mean().item(),
        separated_predictability(codes, factors, ORDERED).mean().item(),
        found.disentanglement,
        found.completeness,
        found.informativeness,
        factor_score(represent, SIZES, num_votes=200),
    ]


@pytest.fixture(scope="module")
def perfect(factors):
    return scores(as_codes, factors)


def test_the_factors_themselves_score_1(perfect):
    assert perfect == pytest.approx([1] * 6, abs=0.03)


def test_signs_and_order_of_latents_do_not_matter(perfect, factors):
    assert scores(signed_and_permuted, factors) == pytest.approx(perfect, abs=0.01)


def test_codes_that_know_nothing_score_nothing(factors):
    *rest, votes = scores(nothing, factors)
    assert rest == pytest.approx([0] * 5, abs=0.1)
    assert votes == pytest.approx(1 / 3, abs=0.15)


def test_a_rotation_keeps_what_is_known_and_loses_the_rest(factors):
    turned = scores(rotated, factors)
    for index in (0, 1, 2, 3):
        assert 0.02 < turned[index] < 0.7
    assert turned[4] > 0.7


def test_two_latents_that_know_the_same_have_no_gap(factors):
    codes = as_codes(factors)[:, [0, 0, 1, 2]]
    assert mutual_information_gaps(codes, factors).tolist() == pytest.approx([0, 1, 1], abs=0.02)
    assert separated_predictability(codes, factors, ORDERED)[0] == pytest.approx(0, abs=1e-6)
    found = importances(codes, factors, ORDERED)
    assert found.disentanglement == pytest.approx(1, abs=0.02)


def test_information_is_that_of_a_table(factors):
    code = _binned(rotated(factors)[:, 0])
    for factor in factors.T:
        expected = mutual_info_score(code.numpy(), factor.numpy())
        assert _information(code, factor) == pytest.approx(expected, abs=1e-9)


def test_latents_that_stand_still_are_no_answer():
    def silent(steps):
        return torch.zeros(len(steps), 4)

    assert factor_score(silent, SIZES, num_votes=60) == 0
    factors = random_steps(SIZES, 200, torch.Generator().manual_seed(0))
    assert mutual_information_gaps(silent(factors), factors).tolist() == [0, 0, 0]
    assert separated_predictability(silent(factors), factors, ORDERED).tolist() == pytest.approx([0, 0, 0])


class Seeing(nn.Module, Encodes):
    """Sees where a shape is, and how bright each colour: two factors of six have a latent of their own."""

    image_shape = (3, 32, 32)

    def __init__(self) -> None:
        super().__init__()
        self.unused = nn.Parameter(torch.zeros(1))

    def encode(self, images, *, given=None):
        light = (images + 1).sum(1)
        total = light.sum((1, 2)).clamp_min(1e-6)
        axis = torch.linspace(-3, 3, 32)
        mean = torch.stack([(light.sum(1) @ axis) / total, (light.sum(2) @ axis) / total], dim=1)
        return Normal(mean, torch.zeros_like(mean))


def test_a_model_that_sees_places_has_gaps_for_places_alone():
    found = measure_disentanglement(Seeing(), num_images=1000, num_votes=60)
    assert found.lead["x"] > 0.9
    assert found.lead["y"] > 0.9
    assert max(found.lead[name] for name in ("scale", "hue", "rotation")) < 0.1
    assert found.gaps["x"] > 0.5 > found.gaps["hue"]
    assert 0.2 < found.factor_score < 0.6
    assert "FactorVAE" in str(found)


def test_squares_look_the_same_after_a_quarter_turn():
    square, turned, heart = [0, 5, 0, 8, 8, 0], [0, 5, 4, 8, 8, 0], [2, 5, 0, 8, 8, 0]
    assert (_drawn(square) - _drawn(turned)).abs().max() < 0.3
    assert (_drawn(square) - _drawn(heart)).abs().max() > 0.5
    assert list(FACTORS) == ["shape", "scale", "rotation", "x", "y", "hue"]


def test_letters():
    with pytest.raises(ValueError, match="encode images"):
        measure_disentanglement(nn.Linear(1, 1))
    model = Seeing()
    model.image_shape = (1, 28, 28)
    with pytest.raises(ValueError, match="built-in `shapes`"):
        measure_disentanglement(model)
