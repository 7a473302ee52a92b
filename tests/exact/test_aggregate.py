"""Total correlation and discrepancy, against brute force and closed forms."""

import math

import pytest
import torch

from latentia.distributions import Normal
from latentia.losses import decomposed_rate, discrepancy
from latentia.losses.aggregate import stratified_log_weights

PRIOR = Normal(torch.zeros(1, 2).double(), torch.zeros(1, 2).double())


def posteriors(num_images: int, seed: int = 0) -> Normal:
    generator = torch.Generator().manual_seed(seed)
    numbers = torch.randn(2, num_images, 2, generator=generator, dtype=torch.float64)
    return Normal(numbers[0], numbers[1] / 3)


def some(posterior: Normal, rows: torch.Tensor) -> Normal:
    return Normal(posterior.mean[rows], posterior.log_std[rows])


def test_parts_sum_to_the_rate_at_the_draw() -> None:
    posterior = posteriors(6)
    latents = posterior.draw(torch.randn(6, 2, dtype=torch.float64))
    parts = decomposed_rate(posterior, PRIOR, latents, num_images=100)
    expected = posterior.log_prob(latents) - PRIOR.log_prob(latents)
    assert torch.allclose(sum(parts.values()), expected)


@pytest.mark.parametrize(("batch", "num_images"), [(1, 5), (2, 2), (8, 60_000), (6, 6)])
def test_weights_sum_to_one(batch: int, num_images: int) -> None:
    total = stratified_log_weights(batch, num_images).exp().sum(1)
    assert torch.allclose(total, torch.full((batch,), 1.0 if batch > 1 else 1 / num_images), atol=1e-6)


def test_the_whole_set_as_a_batch_is_exact() -> None:
    """With B = N every weight is 1/N, and the parts are those of the mixture itself."""
    posterior = posteriors(7)
    latents = posterior.draw(torch.randn(7, 2, dtype=torch.float64))
    parts = decomposed_rate(posterior, PRIOR, latents, num_images=7)
    each = torch.distributions.Normal(posterior.mean, posterior.log_std.exp()).log_prob(latents.unsqueeze(1))
    aggregate = each.sum(2).logsumexp(1) - math.log(7)
    marginals = (each.logsumexp(1) - math.log(7)).sum(1)
    assert torch.allclose(parts["mutual_information"], posterior.log_prob(latents) - aggregate, atol=1e-6)
    assert torch.allclose(parts["total_correlation"], aggregate - marginals, atol=1e-6)


def test_the_aggregate_is_estimated_without_bias() -> None:
    """Over all batches that hold an image, the mean of the estimate of q(z) is q(z)."""
    posterior, latents = posteriors(12), torch.tensor([[0.3, -0.2]], dtype=torch.float64)
    each = torch.stack([some(posterior, torch.tensor([n])).log_prob(latents)[0].exp() for n in range(12)])
    pairs = [(a, b) for a in range(1, 12) for b in range(1, 12) if a != b]
    weights = stratified_log_weights(3, 12)[0].exp().double()
    estimates = [weights @ each[torch.tensor([0, a, b])] for a, b in pairs]
    assert float(torch.stack(estimates).mean()) == pytest.approx(float(each.mean()), rel=1e-6)


def test_discrepancy_of_two_gaussians_has_a_closed_form() -> None:
    generator = torch.Generator().manual_seed(0)
    latents = 0.7 + 0.5 * torch.randn(2000, 2, generator=generator, dtype=torch.float64)
    draws = torch.randn(2000, 2, generator=generator, dtype=torch.float64)

    def expected_kernel(shift: float, variance: float) -> float:
        width = 1.0  # exp(-d^2 / 2 latents) is a Gaussian of variance 1
        return width / (width + variance) * math.exp(-2 * shift**2 / (2 * (width + variance)))

    exact = expected_kernel(0, 0.5) + expected_kernel(0, 2) - 2 * expected_kernel(0.7, 1.25)
    assert float(discrepancy(latents, draws).mean()) == pytest.approx(exact, abs=0.01)


def test_discrepancy_of_equals_is_zero_on_average() -> None:
    generator = torch.Generator().manual_seed(0)
    means = [
        float(discrepancy(*torch.randn(2, 20, 3, generator=generator, dtype=torch.float64)).mean())
        for _ in range(400)
    ]
    error = torch.tensor(means).std() / 400**0.5
    assert abs(sum(means) / 400) < 3 * error
    assert min(means) < 0
