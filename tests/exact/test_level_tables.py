"""Tables of all levels say what `log_prob` says, and sum to 1."""

import pytest
import torch

from latentia.distributions import (
    CategoricalPixels,
    Density,
    DiscretisedNormal,
    LevelTables,
    LogisticMixturePixels,
    Normal,
    NormalPixels,
)
from zoo import tiny_explicit_models

LEVELS = 5


def density(head) -> Density:
    generator = torch.Generator().manual_seed(0)
    return head(torch.randn(3, head.num_outputs, 4, 2, generator=generator))


def at_levels(channels: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randint(LEVELS, (3, channels, 4, 2), generator=generator) / (LEVELS - 1) * 2 - 1


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("kind", ["pixel", "shared", "mixture", "logistic", "categorical"])
def test_tables_give_the_log_prob_channel_by_channel(kind, channels):
    shape = (channels, 4, 2)
    if kind in ("mixture", "logistic"):
        head = LogisticMixturePixels(shape, levels=LEVELS, num_mixtures=3 if kind == "mixture" else 1)
    elif kind == "categorical":
        head = CategoricalPixels(shape, levels=LEVELS)
    else:
        head = NormalPixels(shape, levels=LEVELS, variance=kind)
    likelihood, images = density(head), at_levels(channels)
    assert isinstance(likelihood, LevelTables)
    total = torch.zeros(3, dtype=torch.float64)
    for channel in range(channels):
        table = likelihood.level_log_probs(images[:, :channel])
        assert table.dtype == torch.float64
        torch.testing.assert_close(table.exp().sum(-1), torch.ones(3, 4, 2, dtype=torch.float64))
        level = ((images[:, channel] + 1) / 2 * (LEVELS - 1)).round().long()
        total += table.gather(-1, level.unsqueeze(-1)).sum((1, 2, 3))
    torch.testing.assert_close(total, likelihood.log_prob(images).double(), rtol=1e-5, atol=1e-4)


def test_two_levels():
    """Bernoulli and the other likelihoods of binary images, from real models."""
    images = torch.tensor([-1.0, 1.0, 1.0, -1.0]).reshape(1, 1, 2, 2)
    for model in tiny_explicit_models().values():
        likelihood = model.eval().decode(model.prior().mean)
        if not isinstance(likelihood, LevelTables):
            continue
        table = likelihood.level_log_probs(images[:, :0])
        total = table.gather(-1, (images[:, 0] > 0).long().unsqueeze(-1)).sum()
        torch.testing.assert_close(
            total, likelihood.log_prob(images).double().squeeze(), rtol=1e-5, atol=1e-5
        )


def test_continuous_densities_have_no_levels():
    assert isinstance(DiscretisedNormal(torch.zeros(1, 1, 1, 1), torch.zeros(1, 1, 1, 1), 2), LevelTables)
    assert not isinstance(Normal(torch.zeros(1, 1), torch.zeros(1, 1)), LevelTables)
