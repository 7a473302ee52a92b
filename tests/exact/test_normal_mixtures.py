"""A batch of mixtures: a density that integrates to 1, draws that follow it, and temperatures."""

import math

import pytest
import torch

from latentia.distributions import NormalMixtures


def mixtures(batch: int = 2) -> NormalMixtures:
    generator = torch.Generator().manual_seed(0)
    means = torch.randn(batch, 3, 1, generator=generator)
    log_stds = 0.3 * torch.randn(batch, 3, 1, generator=generator) - 1
    return NormalMixtures(means, log_stds, torch.randn(batch, 3, generator=generator).log_softmax(1))


def test_the_density_integrates_to_one_and_to_the_mean() -> None:
    grid = torch.linspace(-8, 8, 4001)
    both = mixtures()
    density = torch.stack([both.log_prob(value.expand(2, 1)) for value in grid]).exp()
    assert torch.trapezoid(density, grid, dim=0).tolist() == pytest.approx([1.0, 1.0], abs=1e-4)
    means = torch.trapezoid(density * grid[:, None], grid, dim=0)
    assert means.tolist() == pytest.approx(both.mean.squeeze(1).tolist(), abs=1e-4)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_draws_follow_the_tempered_density(temperature) -> None:
    one = mixtures(1)
    hot = one.tempered(temperature)
    many = NormalMixtures(
        *(part.expand(40_000, *part.shape[1:]) for part in (hot.means, hot.log_stds, hot.log_weights))
    )
    drawn = many.draw(torch.randn(40_000, 2, generator=torch.Generator().manual_seed(1)))
    assert float(drawn.mean()) == pytest.approx(float(hot.mean), abs=0.02)
    assert torch.allclose(hot.log_stds, one.log_stds + math.log(temperature) / 2)
    assert torch.allclose(hot.log_weights, (one.log_weights / temperature).log_softmax(1))


def test_one_of_temperature_one_is_as_it_was_and_of_zero_is_certain() -> None:
    both = mixtures()
    assert torch.allclose(both.tempered(1.0).log_weights, both.log_weights)
    likeliest = both.means[torch.arange(2), both.log_weights.argmax(1)]
    assert torch.equal(both.tempered(0.0).draw(torch.randn(2, 2)), likeliest)
    assert torch.equal(both.tempered(0.0).mean, likeliest)
