"""The optimal variance of a Gaussian likelihood: the best there is for a batch, and what is kept of it."""

import math

import pytest
import torch
from torch import Tensor

from latentia.distributions import DiscretisedNormal, NormalPixels, RefittedNormal
from latentia.distributions.levels import value_of_level
from latentia.recipes import find
from zoo import facts

SHAPE = (1, 4, 4)


def batch(seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Images at 17 levels, what a network says of them, and noise of one level."""
    generator = torch.Generator().manual_seed(seed)
    images = value_of_level(torch.randint(0, 17, (6, *SHAPE), generator=generator).double(), 17)
    outputs = images + 0.2 * torch.randn(6, *SHAPE, generator=generator).double()
    return images, outputs, torch.rand(6, *SHAPE, generator=generator).double() - 0.5


def head(variance: str, **options) -> NormalPixels:
    return NormalPixels(SHAPE, levels=17, variance=variance, **options).double()


def test_the_optimal_deviation_is_where_the_learned_one_comes_to_rest() -> None:
    images, outputs, noise = batch()
    optimal, shared = head("optimal"), head("shared")
    best = optimal(outputs).dequantised_log_prob(images, lambda: noise).mean()
    optimiser = torch.optim.LBFGS(
        [shared.log_std], max_iter=100, tolerance_grad=1e-12, line_search_fn="strong_wolfe"
    )

    def loss() -> Tensor:
        optimiser.zero_grad()
        value = -shared(outputs).dequantised_log_prob(images, lambda: noise).mean()
        value.backward()
        return value

    optimiser.step(loss)
    assert -loss().item() == pytest.approx(best.item(), abs=1e-8)
    for _ in range(200):  # the running average of one batch is that batch
        optimal(outputs).dequantised_log_prob(images, lambda: noise)
        with torch.no_grad():
            optimal.fold()
    assert float(optimal.log_std) == pytest.approx(shared.shared_std().log().item(), abs=1e-5)


def test_the_gradient_is_that_of_the_best_bound() -> None:
    """d/dm of max over s of log N(x; m, s): the variance needs no gradient at its optimum."""
    images, outputs, noise = batch()
    outputs.requires_grad_()
    found = head("optimal")(outputs).dequantised_log_prob(images, lambda: noise).sum()
    (gradient,) = torch.autograd.grad(found, outputs)
    square = (images + noise / 8 - outputs).square()
    whole = -square.numel() / 2 * square.mean().log()  # the bound at its best s, less constants
    (expected,) = torch.autograd.grad(whole, outputs)
    assert torch.allclose(gradient, expected)


def test_the_mean_over_the_global_batch_is_used() -> None:
    images, outputs, noise = batch()
    density = head("optimal")(outputs)
    given = density.dequantised_log_prob(images, lambda: noise, lambda square: torch.tensor(0.04).double())
    fixed = head("fixed", fixed_std=0.2)(outputs).dequantised_log_prob(images, lambda: noise)
    assert torch.allclose(given, fixed)


def test_outside_of_training_it_is_a_gaussian_of_the_remembered_deviation() -> None:
    images, outputs, _ = batch()
    optimal = head("optimal", std=torch.full(SHAPE, 0.3))
    assert isinstance(optimal(outputs), RefittedNormal)
    density = optimal.eval()(outputs)
    start = 0.5 * math.log(0.3**2 + 0.125**2 / 12)
    expected = DiscretisedNormal(outputs, torch.full((1, 1, 1, 1), start).double(), 17)
    assert torch.allclose(density.log_prob(images), expected.log_prob(images), rtol=1e-5)
    assert isinstance(density, DiscretisedNormal)


def test_fixed_is_what_was_given_and_stays() -> None:
    fixed = find("vae.sigma")(facts(), variance="fixed", fixed_std=0.25, num_latents=2, width=2).model
    (likelihood,) = (m for m in fixed.modules() if isinstance(m, NormalPixels))
    assert float(likelihood.log_std.exp()) == pytest.approx(0.25)
    assert "log_std" not in dict(likelihood.named_parameters())


def test_letters() -> None:
    with pytest.raises(ValueError, match=r"continuous data has no levels.*variance='shared'"):
        NormalPixels(SHAPE, levels=None, variance="optimal")
    with pytest.raises(ValueError, match=r"fixed_std is 0.3, but the variance is optimal"):
        find("vae.sigma")(facts(), fixed_std=0.3)
    with pytest.raises(ValueError, match=r"fixed_std is -1"):
        find("vae.sigma")(facts(), variance="fixed", fixed_std=-1.0)
