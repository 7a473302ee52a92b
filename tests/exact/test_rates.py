"""The rate, against Monte Carlo and scipy."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from latentia.distributions import Density, Normal
from latentia.losses import draw_with_rate, held_rate, normal_rates


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 2**31))
def test_closed_form_equals_monte_carlo(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    numbers = torch.randn(4, 2, 3, generator=generator, dtype=torch.float64)
    q, p = Normal(numbers[0], numbers[1] / 2), Normal(numbers[2], numbers[3] / 2)
    noise = torch.randn(50_000, 2, 3, generator=generator, dtype=torch.float64)
    latents, log_q = q.draw_and_log_prob(noise)
    estimates = log_q - p.log_prob(latents)
    error = estimates.std(0) / 50_000**0.5
    assert bool(((estimates.mean(0) - normal_rates(q, p).sum(1)).abs() < 5 * error + 1e-9).all())


def test_rate_of_anything_else_is_one_draw() -> None:
    class Opaque(Density):
        """A Gaussian that does not say that it is one."""

        def __init__(self, inner: Normal) -> None:
            self.inner = inner

        mean = property(lambda self: self.inner.mean)
        noise_shape = property(lambda self: self.inner.noise_shape)

        def draw(self, noise: torch.Tensor) -> torch.Tensor:
            return self.inner.draw(noise)

        def log_prob(self, value: torch.Tensor) -> torch.Tensor:
            return self.inner.log_prob(value)

    q, p = Normal(torch.ones(1, 2), torch.zeros(1, 2)), Normal(torch.zeros(1, 2), torch.zeros(1, 2))
    noise = torch.tensor([[0.5, -1.0]])
    expected = q.log_prob(1 + noise) - p.log_prob(1 + noise)
    latents, rate = draw_with_rate(Opaque(q), p, noise)
    assert torch.equal(latents, 1 + noise)
    assert torch.equal(rate, expected)
    assert not torch.allclose(draw_with_rate(q, p, noise)[1], expected)


def test_rate_to_itself_is_zero() -> None:
    q = Normal(torch.randn(3, 4), torch.randn(3, 4))
    assert torch.allclose(normal_rates(q, q), torch.zeros(3, 4), atol=1e-6)


def test_free_bits_have_the_value_and_gradient_of_the_batch_formula() -> None:
    rates = torch.rand(6, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    rates = (rates * torch.tensor([0.1, 1.0, 2.0, 0.2])).requires_grad_()
    floors = torch.full((4,), 0.3, dtype=torch.float64)
    by_image = held_rate(rates, rates.detach().mean(0), floors).mean()
    by_batch = torch.maximum(rates.mean(0), floors).sum()
    assert torch.allclose(by_image, by_batch)
    (mine,) = torch.autograd.grad(by_image, rates)
    (theirs,) = torch.autograd.grad(by_batch, rates)
    assert torch.allclose(mine, theirs)
    assert float(mine[:, 0].abs().max()) == 0
