"""The linear VAE against probabilistic PCA's evidence, which has a closed form."""

import math

import pytest
import torch
from scipy import stats

from latentia.distributions import soft_bound
from latentia.losses import importance_weighted_bound
from latentia.models import LinearVariationalAutoencoder
from latentia.protocols import Batch, Turn

SHAPE, LATENTS = (1, 2, 4), 3


def points(count: int = 400) -> torch.Tensor:
    """Images whose covariance has three strong directions."""
    generator = torch.Generator().manual_seed(11)
    directions = torch.randn(3, 8, generator=generator, dtype=torch.float64)
    scales = torch.tensor([1.0, 0.6, 0.4], dtype=torch.float64)
    latents = torch.randn(count, 3, generator=generator, dtype=torch.float64) * scales
    noise = 0.2 * torch.randn(count, 8, generator=generator, dtype=torch.float64)
    return (latents @ directions + noise + 0.3).reshape(count, *SHAPE)


def linear(levels: int | None = None) -> LinearVariationalAutoencoder:
    torch.manual_seed(0)
    return LinearVariationalAutoencoder(image_shape=SHAPE, num_latents=LATENTS, levels=levels).double()


def set_std(model: LinearVariationalAutoencoder, std: float) -> None:
    """Inverts the soft bound by bisection."""
    low, high = torch.tensor(-20.0, dtype=torch.float64), torch.tensor(20.0, dtype=torch.float64)
    for _ in range(200):
        middle = (low + high) / 2
        below = soft_bound(middle, *model.likelihood.log_std_range) < math.log(std)
        low, high = (middle, high) if below else (low, middle)
    model.likelihood.log_std.data.fill_(float(low))


def principal_components(images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, float, float]:
    """Tipping and Bishop's optimum: mean, unrotated loadings, variance, evidence an image."""
    flat = images.flatten(1)
    mean, covariance = flat.mean(0), torch.cov(flat.T, correction=0)
    values, vectors = torch.linalg.eigh(covariance)
    values, vectors = values.flip(0), vectors.flip(1)
    variance = float(values[LATENTS:].mean())
    loadings = vectors[:, :LATENTS] * (values[:LATENTS] - variance).sqrt()
    model_covariance = loadings @ loadings.T + variance * torch.eye(flat.shape[1], dtype=torch.float64)
    evidence = stats.multivariate_normal(mean, model_covariance).logpdf(flat).mean()
    return mean, loadings, variance, float(evidence)


def at_the_optimum(images: torch.Tensor) -> LinearVariationalAutoencoder:
    mean, loadings, variance, _ = principal_components(images)
    inner = torch.eye(LATENTS, dtype=torch.float64) + loadings.T @ loadings / variance  # diagonal
    model = linear()
    model.likelihood.mean.data.copy_(mean.reshape(SHAPE))
    set_std(model, variance**0.5)
    model.loadings.data.copy_(loadings)
    model.recognition.data.copy_(torch.linalg.solve(inner, loadings.T) / variance)
    model.latent_log_std.data.copy_(-0.5 * inner.diagonal().log())
    return model


class Handed(Turn):
    """A turn with noise of one's own."""

    images_seen, horizon = 0, 1

    def __init__(self, noise: torch.Tensor) -> None:
        self.handed = noise

    def noise(self, *shape: int) -> torch.Tensor:
        return self.handed

    def mean(self, value: torch.Tensor) -> torch.Tensor:
        return value.detach().mean(0)

    def shared(self, name, make):
        raise NotImplementedError


def lower_bound(model: LinearVariationalAutoencoder, images: torch.Tensor, draws: int = 2000) -> float:
    """The bound, its expectation over z estimated with antithetic noise, which is exact in the mean."""
    (objective,), total = model.objectives(), 0.0
    shape = model.encode(images).mean.shape
    noise = torch.randn(draws, *shape, generator=torch.Generator().manual_seed(0)).double()
    for one in torch.cat([noise, -noise]):
        terms = objective.terms(Batch(images), Handed(one))
        total -= float((terms["distortion"] + terms["rate"]).mean())
    return total / (2 * draws)


@torch.no_grad()
def test_evidence_and_bound_at_the_analytic_optimum() -> None:
    images = points()
    model = at_the_optimum(images)
    _, _, _, evidence = principal_components(images)
    assert float(model.log_prob(images).mean()) == pytest.approx(evidence, abs=1e-6)
    # There q(z|x) is the posterior, so that every single weight is p(x): the bound is exact.
    log_weights = model.log_weights(images, 5, generator=torch.Generator().manual_seed(0))
    assert log_weights.std(0).max() < 1e-6
    assert float(log_weights.mean()) == pytest.approx(evidence, abs=1e-6)
    assert lower_bound(model, images, 200) == pytest.approx(evidence, abs=0.02)


@torch.no_grad()
def test_importance_bound_rises_to_the_evidence() -> None:
    images = points(50)
    model = at_the_optimum(images)
    model.latent_log_std.data += 0.7  # a posterior that is too wide
    exact = float(model.log_prob(images).mean())
    log_weights = model.log_weights(images, 4096, generator=torch.Generator().manual_seed(0))
    # All draws at every K, in groups of K: so the bounds rise by Jensen's inequality, not by luck.
    bounds = [
        float(torch.stack([importance_weighted_bound(g) for g in log_weights.split(k)]).mean())
        for k in (1, 16, 256, 4096)
    ]
    assert bounds == sorted(bounds)
    assert bounds[0] < exact - 0.1
    assert bounds[-1] == pytest.approx(exact, abs=0.01)


def test_training_reaches_the_evidence() -> None:
    """Within 0.02 nats an image, from a random start, by descending the bound's two terms."""
    images = points()
    model = linear()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.03)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 2000)
    generator = torch.Generator().manual_seed(0)
    (objective,), shape = model.objectives(), model.encode(images).mean.shape
    for _ in range(2000):
        noise = torch.randn(shape, generator=generator, dtype=torch.float64)
        terms = objective.terms(Batch(images), Handed(noise))
        optimizer.zero_grad()
        (terms["distortion"] + terms["rate"]).mean().backward()
        optimizer.step()
        schedule.step()
    _, _, _, evidence = principal_components(images)
    with torch.no_grad():
        assert float(model.log_prob(images).mean()) == pytest.approx(evidence, abs=0.02)
        assert lower_bound(model, images) == pytest.approx(evidence, abs=0.02)


@torch.no_grad()
def test_stored_levels_integrate_the_noise_exactly() -> None:
    """log_prob of levels is the mean of the density over uniform noise, plus the log-width."""
    levels = 17
    images = (points(3).clamp(-1, 1) * 8).round() / 8
    model = linear(levels)
    set_std(model, 0.3)
    continuous = linear()
    continuous.load_state_dict(model.state_dict())
    set_std(continuous, 0.3)
    noise = (torch.rand(200_000, *SHAPE, generator=torch.Generator().manual_seed(0)).double() - 0.5) / 8
    for image, found in zip(images, model.log_prob(images), strict=True):
        estimates = continuous.log_prob(image + noise)
        error = float(estimates.std()) / 200_000**0.5
        assert float(found) == pytest.approx(float(estimates.mean()) - 8 * math.log(8), abs=4 * error)
