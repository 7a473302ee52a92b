"""The rate, against Monte Carlo and scipy."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from latentia.distributions import Density, Normal
from latentia.losses import normal_rate, rate


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
    assert bool(((estimates.mean(0) - normal_rate(q, p)).abs() < 5 * error + 1e-9).all())


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
    latents = torch.tensor([[0.5, -1.0]])
    expected = q.log_prob(latents) - p.log_prob(latents)
    assert torch.equal(rate(Opaque(q), p, latents), expected)
    assert not torch.allclose(rate(q, p, latents), expected)


def test_rate_to_itself_is_zero() -> None:
    q = Normal(torch.randn(3, 4), torch.randn(3, 4))
    assert torch.allclose(normal_rate(q, q), torch.zeros(3), atol=1e-6)
