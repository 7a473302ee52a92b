"""Rate, distortion and active units, against closed forms and against the evaluator."""

import math

import pytest
import torch

from latentia.metrics import LatentUse, evaluate_likelihood, measure_latent_use
from latentia.models import LinearVariationalAutoencoder
from zoo import SHAPE, ZOO

LEVELS, LATENTS = 17, 4


@pytest.fixture(scope="module")
def images() -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, LEVELS, (230, *SHAPE), generator=generator) / 8 - 1


def linear(active: int) -> LinearVariationalAutoencoder:
    """A linear model of which only the first latents depend on the image."""
    torch.manual_seed(1)
    model = LinearVariationalAutoencoder(image_shape=SHAPE, num_latents=LATENTS, levels=LEVELS)
    model.recognition.data[active:] = 0
    model.recognition.data[:active] *= 20
    model.latent_log_std.data[:active] = math.log(0.5)
    return model.eval()


@pytest.mark.parametrize("active", [0, 1, LATENTS])
def test_latents_that_stand_at_the_prior_are_not_active_and_cost_nothing(images, active):
    found = measure_latent_use(linear(active), images)
    assert (found.num_active, found.num_latents) == (active, LATENTS)
    assert found.rates_by == "latent"
    assert found.rates[active:] == (0.0,) * (LATENTS - active)
    assert all(rate > 0.3 for rate in found.rates[:active])


def test_the_rate_is_the_closed_form(images):
    model = linear(2)
    means = model.encode(images).mean.detach()[:, :2]
    rate = 0.5 * (0.25 + means.square() - 1) - math.log(0.5)
    found = measure_latent_use(model, images)
    assert found.rate == pytest.approx(rate.sum(1).mean().item(), rel=1e-5)
    assert found.rate == pytest.approx(sum(found.rates))


@pytest.mark.parametrize("name", ["vae.gaussian", "vae.ladder"])
def test_rate_and_distortion_add_up_to_the_evidence_bound(images, name):
    model = ZOO[name]().model.eval()
    found = measure_latent_use(model, images)
    bound = evaluate_likelihood(model, images, levels=LEVELS, split="test", num_draws=64)
    assert found.rate + found.distortion == pytest.approx(-bound.elbo, rel=0.01)


def test_a_ladder_is_told_by_group(images):
    found = measure_latent_use(ZOO["vae.ladder"]().model.eval(), images)
    assert found.rates_by == "group"
    assert len(found.rates) == 3
    assert "the top one first" in str(found)


def test_same_seed_same_numbers_and_the_words_hold_them(images):
    model = linear(2)
    found = measure_latent_use(model, images)
    assert measure_latent_use(model, images) == found
    assert measure_latent_use(model, images, seed=1) != found
    assert "2 of 4 latents are active" in str(found)
    whole = LatentUse(1.0, 2.0, 1, 2, None, ())
    assert str(whole) == "rate 1.00 + distortion 2.00 nats an image; 1 of 2 latents are active"


def test_what_cannot_be_measured_is_refused(images):
    with pytest.raises(ValueError, match="2 or more"):
        measure_latent_use(linear(1), images[:1])
