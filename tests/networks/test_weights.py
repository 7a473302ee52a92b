"""Weights that are used other than they are stored."""

import copy

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations

from latentia.networks import ResidualCritic, SpectralNorm, equalised, spectral
from latentia.networks.conditions import Classes, Score


def largest(weight: torch.Tensor) -> float:
    return float(torch.linalg.svdvals(weight.detach().flatten(1))[0])


def layers() -> list[nn.Module]:
    torch.manual_seed(0)
    return [nn.Conv2d(3, 16, 3), nn.Conv2d(8, 4, 1), nn.Linear(12, 30), nn.Embedding(5, 7), nn.Linear(9, 1)]


def settle(layer: nn.Module, count: int) -> None:
    for _ in range(count):
        _ = layer.weight
        fold(layer)


def fold(network: nn.Module) -> None:
    for part in network.modules():
        if isinstance(part, SpectralNorm):
            part.fold()


@pytest.mark.parametrize("index", range(5))
def test_the_spectral_norm_is_the_largest_singular_value(index: int) -> None:
    layer = layers()[index]
    expected = layer.weight.detach() / largest(layer.weight)
    spectral(layer)
    settle(layer, 300)
    assert largest(layer.weight) == pytest.approx(1, rel=1e-5)
    assert torch.allclose(layer.weight.detach(), expected, rtol=1e-4)


def test_its_gradient_is_that_of_the_weight_over_its_norm() -> None:
    """Miyato et al. 2018, eq. 12, by torch's own singular values."""
    layer = nn.Linear(6, 4).double()
    weight = layer.weight.detach().clone().requires_grad_()
    towards = torch.randn(4, 6, dtype=torch.float64)
    spectral(layer)
    settle(layer, 2000)
    (layer.weight * towards).sum().backward()
    (weight / torch.linalg.matrix_norm(weight, 2) * towards).sum().backward()
    assert torch.allclose(layer.parametrizations.weight.original.grad, weight.grad, atol=1e-9)


@pytest.mark.parametrize("rate", [1e-3, 2e-4])
def test_it_follows_weights_that_are_trained_as_closely_as_torchs_own(rate: float) -> None:
    torch.manual_seed(0)
    layer, target = nn.Conv2d(8, 32, 3), torch.randn(32, 8, 3, 3)
    errors = []
    for normalised in (spectral, parametrizations.spectral_norm):
        trained = normalised(copy.deepcopy(layer))
        adam = torch.optim.Adam(trained.parameters(), lr=rate)
        norms = []
        for _ in range(200):
            adam.zero_grad()
            (trained.weight - target).square().sum().backward()
            adam.step()
            fold(trained)
            norms.append(largest(trained.eval().weight))
            trained.train()
        errors.append(max(norms) - 1)
    print(errors)
    assert errors[0] < min(0.3, 1.1 * errors[1])


def test_nothing_moves_before_the_turn_ends() -> None:
    """So parts of a batch, repeated terms and frozen critics see one and the same network."""
    torch.manual_seed(0)
    critic = ResidualCritic((1, 8, 8), width=4)
    images, before = torch.randn(4, 1, 8, 8), copy.deepcopy(critic.state_dict())
    first = critic(images)
    assert torch.equal(first, critic(images))
    assert torch.equal(first, critic.eval()(images))
    assert all(torch.equal(value, critic.state_dict()[key]) for key, value in before.items())
    critic.train()(images)
    fold(critic)
    moved = [key for key, value in before.items() if not torch.equal(value, critic.state_dict()[key])]
    assert moved
    assert all(key.endswith("left") for key in moved)


def test_scores_of_classes_are_normalised_too() -> None:
    score = spectral(Score(5, Classes(3)))
    settle(score, 300)
    settle(score.classes, 300)
    assert largest(score.weight) == pytest.approx(1, rel=1e-5)
    assert largest(score.classes.weight) == pytest.approx(1, rel=1e-5)


def test_equalised_weights_are_scaled_when_they_are_used() -> None:
    torch.manual_seed(0)
    layer = equalised(nn.Conv2d(16, 64, 3))
    stored = layer.parametrizations.weight.original
    assert float(stored.detach().std()) == pytest.approx(1, rel=0.05)
    assert torch.equal(layer.weight, stored * (2 / (16 * 9)) ** 0.5)
    assert not layer.bias.any()
    outputs = layer(torch.randn(8, 16, 12, 12))
    assert float(outputs.detach().square().mean()) == pytest.approx(2, rel=0.1)
