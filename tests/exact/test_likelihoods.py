"""Likelihoods are probabilities: over all stored levels they sum to 1."""

import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from latentia.distributions import Bernoulli, BernoulliPixels, DiscretisedNormal, Normal, soft_bound


def all_levels(levels: int, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.linspace(-1, 1, levels, dtype=dtype).reshape(levels, 1, 1, 1)


@pytest.mark.parametrize("levels", [2, 3, 17, 32, 256])
@pytest.mark.parametrize("mean", [-30.0, -1.0, 0.013, 1.0, 2.5])
@pytest.mark.parametrize("log_std", [-9.0, -4.0, 0.0, 2.0])
def test_the_mass_of_all_levels_is_one(levels: int, mean: float, log_std: float) -> None:
    full = torch.full((levels, 1, 1, 1), mean, dtype=torch.float64)
    likelihood = DiscretisedNormal(full, torch.full_like(full, log_std), levels)
    assert float(likelihood.log_prob(all_levels(levels)).exp().sum()) == pytest.approx(1, abs=1e-9)


def test_two_channels_by_brute_force() -> None:
    levels = 5
    pairs = torch.cartesian_prod(*[all_levels(levels).flatten()] * 2).reshape(-1, 2, 1, 1)
    location = torch.tensor([0.3, -1.4], dtype=torch.float64).reshape(1, 2, 1, 1)
    likelihood = DiscretisedNormal(location, torch.full_like(location, -0.7), levels)
    assert float(likelihood.log_prob(pairs).exp().sum()) == pytest.approx(1, abs=1e-12)


def test_masses_equal_those_of_scipy() -> None:
    levels, mean, std = 17, 0.21, 0.13
    values = all_levels(levels)
    edges = (values.flatten()[:-1] + 1 / (levels - 1)).numpy()
    cumulated = [0.0, *stats.norm.cdf(edges, mean, std), 1.0]
    expected = [math.log(b - a) for a, b in itertools.pairwise(cumulated)]
    location = torch.full_like(values, mean)
    found = DiscretisedNormal(location, torch.full_like(values, math.log(std)), levels).log_prob(values)
    assert found.tolist() == pytest.approx(expected, rel=1e-6)


@settings(deadline=None, max_examples=30)
@given(mean=st.floats(-2, 2), log_std=st.floats(-4, 1), levels=st.sampled_from([2, 17, 256]))
def test_dequantised_density_bounds_the_mass(mean: float, log_std: float, levels: int) -> None:
    """E_u[log p(x + u)] + log width <= log mass: Jensen's inequality, up to integration error."""
    values = all_levels(levels)
    location, log = torch.full_like(values, mean), torch.full_like(values, log_std)
    likelihood = DiscretisedNormal(location, log, levels)
    midpoints = (torch.arange(200, dtype=torch.float64) + 0.5) / 200 - 0.5
    noisy = torch.stack([likelihood.dequantised_log_prob(values, lambda u=u: u) for u in midpoints])
    assert bool((noisy.mean(0) <= likelihood.log_prob(values) + 1e-5).all())


def test_draws_have_the_probabilities_that_are_claimed() -> None:
    levels, count = 5, 200_000
    location = torch.full((count, 1, 1, 1), 0.8)
    likelihood = DiscretisedNormal(location, torch.full_like(location, -0.5), levels)
    noise = torch.randn(location.shape, generator=torch.Generator().manual_seed(0))
    drawn = likelihood.draw(noise).flatten()
    one = torch.full((levels, 1, 1, 1), 0.8, dtype=torch.float64)
    mass = DiscretisedNormal(one, torch.full_like(one, -0.5), levels).log_prob(all_levels(levels)).exp()
    for level, probability in zip(all_levels(levels).flatten(), mass, strict=True):
        share = float((drawn == level).double().mean())
        assert abs(share - float(probability)) < 4 * math.sqrt(float(probability) / count)


def test_bernoulli_sums_to_one_and_draws_what_it_says() -> None:
    logits = torch.full((2, 1, 1, 1), 0.7, dtype=torch.float64)
    mass = Bernoulli(logits).log_prob(all_levels(2)).exp()
    assert float(mass.sum()) == pytest.approx(1)
    noise = torch.randn(100_000, 1, 1, 1, generator=torch.Generator().manual_seed(0))
    lit = float((Bernoulli(logits[:1].float()).draw(noise) > 0).double().mean())
    assert lit == pytest.approx(float(mass[1]), abs=0.006)
    assert float(Bernoulli(logits).mean[0]) == pytest.approx(2 * float(mass[1]) - 1)


def test_normal_density_equals_that_of_scipy() -> None:
    generator = torch.Generator().manual_seed(0)
    mean, log_std, value = torch.randn(3, 4, 5, generator=generator, dtype=torch.float64)
    expected = stats.norm.logpdf(value, mean, log_std.exp()).sum(1)
    assert Normal(mean, log_std).log_prob(value).tolist() == pytest.approx(expected.tolist())


def test_bernoulli_is_refused_for_grey_data() -> None:
    with pytest.raises(ValueError, match=r"17 levels.*--binarise"):
        BernoulliPixels((1, 8, 8), levels=17)


@settings(deadline=None)
@given(st.floats(-1e4, 1e4))
def test_soft_bounds_hold_and_keep_a_gradient_inside(value: float) -> None:
    tensor = torch.tensor(value, dtype=torch.float64, requires_grad=True)
    bounded = soft_bound(tensor, -6.0, 1.0)
    assert -6 <= bounded.item() <= 1
    (slope,) = torch.autograd.grad(bounded, tensor)
    assert 0 <= float(slope) <= 1.1
    if -6 < value < 1:
        assert float(slope) > 0.3
