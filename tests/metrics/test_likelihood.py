"""The importance-weighted bound of a model whose evidence is known."""

import math

import pytest
import torch
from torch import nn

from latentia.metrics import Estimate, evaluate_likelihood
from latentia.protocols import ExplicitModel

PIXELS, LATENTS, NOISE = 16, 2, 0.5


class LinearGaussian(ExplicitModel):
    """z ~ N(0, I), x = W z + noise: x is Gaussian. Its posterior is known, and widened on purpose."""

    density = "lower bound"
    image_shape = (1, 4, 4)

    def __init__(self, widened):
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.weight = nn.Parameter(torch.randn(PIXELS, LATENTS, generator=generator))
        self.widened = widened

    @property
    def marginal(self):
        covariance = self.weight @ self.weight.T + NOISE**2 * torch.eye(PIXELS)
        return torch.distributions.MultivariateNormal(torch.zeros(PIXELS), covariance)

    def _posterior(self, flat):
        precision = torch.eye(LATENTS) + self.weight.T @ self.weight / NOISE**2
        mean = flat @ self.weight @ torch.linalg.inv(precision) / NOISE**2
        return torch.distributions.MultivariateNormal(mean, torch.linalg.inv(precision) * self.widened)

    def sample(self, num_images, *, given=None, generator=None, noise=True):
        latents = torch.randn(num_images, LATENTS, generator=generator)
        pixels = torch.randn(num_images, PIXELS, generator=generator) * NOISE * noise
        return (latents @ self.weight.T + pixels).reshape(-1, 1, 4, 4)

    def objectives(self):
        return ()

    def log_weights(self, images, num_draws, *, given=None, generator=None):
        flat = images.flatten(1)
        posterior = self._posterior(flat)
        noise = torch.randn(num_draws, len(flat), LATENTS, generator=generator)
        latents = posterior.mean + noise @ posterior.scale_tril[0].T
        pixels = torch.distributions.Normal(latents @ self.weight.T, NOISE).log_prob(flat).sum(-1)
        prior = torch.distributions.Normal(0, 1).log_prob(latents).sum(-1)
        return pixels + prior - posterior.log_prob(latents)

    def log_prob(self, images, *, given=None):
        return self.marginal.log_prob(images.flatten(1))


class Exact(LinearGaussian):
    density = "exact"


@pytest.fixture(scope="module")
def images():
    return LinearGaussian(1.0).sample(230, generator=torch.Generator().manual_seed(1)).detach()


def _evaluate(model, images, **settings):
    return evaluate_likelihood(model.eval(), images, levels=256, split="test", **settings)


def test_with_the_true_posterior_every_bound_is_the_evidence(images):
    model = Exact(1.0)
    evidence = model.log_prob(images).mean().item()
    found = _evaluate(model, images, num_draws=8)
    assert found.mean == pytest.approx(evidence, abs=1e-3)
    assert found.elbo == pytest.approx(evidence, abs=1e-3)
    assert found.exact == pytest.approx(evidence, abs=1e-4)
    assert found.effective_sample_size == pytest.approx(8, abs=1e-2)


def test_the_bound_rises_with_draws_to_the_evidence(images):
    model = LinearGaussian(4.0)
    evidence = model.log_prob(images).mean().item()
    found = _evaluate(model, images, num_draws=300)
    assert list(found.curve) == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300]
    bounds = list(found.curve.values())
    assert bounds == sorted(bounds)
    assert found.curve[1] == pytest.approx(found.elbo)
    assert found.curve[300] == found.mean
    # KL(q || p) of a posterior four times too wide: LATENTS / 2 (4 - 1 - log 4)
    assert evidence - found.elbo == pytest.approx(LATENTS / 2 * (3 - math.log(4)), rel=0.03)
    assert evidence - found.mean == pytest.approx(0, abs=0.02)
    assert 1 < found.effective_sample_size < 300
    assert found.exact is None


def test_standard_error_and_bits(images):
    model = Exact(1.0)
    values = model.log_prob(images).detach()
    found = _evaluate(model, images, num_draws=2)
    assert found.estimate == Estimate(found.mean, found.standard_error)
    assert found.standard_error == pytest.approx((values.std() / len(values) ** 0.5).item(), rel=1e-3)
    assert found.bits_per_dim == pytest.approx(-found.mean / (16 * math.log(2)))
    assert (found.num_images, found.num_draws, found.num_dimensions) == (230, 2, 16)
    binary = evaluate_likelihood(model.eval(), images, levels=2, split="test", num_draws=2)
    assert binary.bits_per_dim is None, "of binary images nats are told, and nothing else"


def test_same_seed_same_number_and_images_are_encoded_once(images, monkeypatch):
    """A model is asked once for some images, for all their draws; how it divides them is its own matter."""
    model = LinearGaussian(2.0)
    whole = _evaluate(model, images, num_draws=50)
    assert _evaluate(model, images, num_draws=50) == whole
    assert _evaluate(model, images, num_draws=50, seed=1) != whole
    asked = []
    original = LinearGaussian.log_weights

    def spied(self, batch, num_draws, **rest):
        asked.append((len(batch), num_draws))
        return original(self, batch, num_draws, **rest)

    monkeypatch.setattr(LinearGaussian, "log_weights", spied)
    monkeypatch.setattr("latentia.metrics.likelihood.BATCH", 64)
    pieces = _evaluate(model, images, num_draws=50)
    assert sum(count for count, _ in asked) == len(images)
    assert {draws for _, draws in asked} == {50}
    assert pieces.mean == pytest.approx(whole.mean, abs=4 * whole.standard_error / 10)


def test_one_image_has_no_error(images):
    assert _evaluate(Exact(1.0), images[:1]).standard_error == 0


def test_the_protocol_names_all_that_matters(images):
    protocol = _evaluate(Exact(1.0), images, num_draws=7, seed=3).protocol
    for fact in ("K = 7", "230 test images", "256 levels", "seed 3"):
        assert fact in protocol


def test_what_cannot_be_measured_is_refused(images):
    model = Exact(1.0)
    with pytest.raises(ValueError, match="the split is empty"):
        _evaluate(model, images[:0])
    with pytest.raises(ValueError, match="at least 1 draw"):
        _evaluate(model, images, num_draws=0)
    with pytest.raises(ValueError, match="training mode"):
        evaluate_likelihood(model.train(), images, levels=2, split="test")
