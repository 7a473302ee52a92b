"""The ladder: one way down serves draws, densities, weights and the objective alike."""

from collections.abc import Mapping

import pytest
import torch
from torch import Tensor

from latentia.distributions import Normal
from latentia.losses import log_importance_weights, normal_rates
from latentia.models import LadderVariationalAutoencoder
from latentia.models.vae.ladder import draw_from_posterior, take_as_given
from latentia.networks import steps_of
from latentia.protocols import Batch, Turn
from latentia.recipes import find
from zoo import facts

KINDS = pytest.mark.parametrize("relative", [True, False])


class FixedTurn(Turn):
    """A turn whose noise is drawn once and handed in again."""

    images_seen, horizon = 1000, 1000

    def __init__(self, batch: int) -> None:
        self.generator, self.batch = torch.Generator().manual_seed(4), batch

    def noise(self, *shape: int) -> Tensor:
        return torch.randn(self.batch, *shape, generator=self.generator, dtype=torch.float64)

    def mean(self, value: Tensor) -> Tensor:
        return value.detach().mean(0)

    def shared(self, name, make):
        raise AssertionError("a ladder shares nothing")


def ladder(relative: bool, layers: str = "1x2,2x1,4x2", **arguments: float) -> LadderVariationalAutoencoder:
    """A perturbed ladder in float64, so that no law holds by initialisation."""
    torch.manual_seed(1)
    plan = find("vae.ladder")(
        facts(2),
        layers=layers,
        width=8,
        hidden=4,
        num_channels=2,
        top_channels=3,
        relative=relative,
        **arguments,
    )
    model = plan.model.eval().double()
    for parameter in model.parameters():
        parameter.data += 0.05 * torch.randn(parameter.shape, dtype=torch.float64)
    assert isinstance(model, LadderVariationalAutoencoder)
    return model


def binary_images(count: int) -> Tensor:
    return 2 * torch.randint(0, 2, (count, 1, 8, 8), generator=torch.Generator().manual_seed(2)).double() - 1


def terms_of(model: LadderVariationalAutoencoder, images: Tensor) -> Mapping[str, Tensor]:
    (objective,) = model.objectives()
    return objective.terms(Batch(images), FixedTurn(len(images)))


@KINDS
def test_posterior_prior_and_decoder_give_the_weights_of_one_descent(relative: bool) -> None:
    model, images = ladder(relative), binary_images(3)
    noise = torch.randn(5, 3, model.num_latents, generator=torch.Generator().manual_seed(7)).double()
    separate = log_importance_weights(images, model.encode(images), model.prior(), model.decode, noise)
    at_once = model._log_weights(images, model.bottom_up(images), noise)
    assert torch.allclose(separate, at_once, atol=1e-9)


@KINDS
def test_a_draw_and_its_density_agree_with_the_density_of_the_draw(relative: bool) -> None:
    model, images = ladder(relative), binary_images(3)
    noise = torch.randn(2, 3, model.num_latents, dtype=torch.float64)
    posterior = model.encode(images)
    latents, log_prob = posterior.draw_and_log_prob(noise)
    assert latents.shape == noise.shape
    assert torch.equal(latents, posterior.draw(noise))
    assert torch.allclose(log_prob, posterior.log_prob(latents), atol=1e-9)


@KINDS
def test_posterior_density_is_the_noises_less_the_log_determinant_of_autograd(relative: bool) -> None:
    model, images = ladder(relative, "1x2,2x1,8x1"), binary_images(1)
    posterior = model.encode(images)
    noise = torch.randn(model.num_latents, dtype=torch.float64)
    jacobian = torch.autograd.functional.jacobian(lambda n: posterior.draw(n.unsqueeze(0))[0], noise)
    assert isinstance(jacobian, Tensor)
    assert torch.allclose(jacobian, jacobian.tril()), "a group hears of a group below it"
    zeros = torch.zeros(1, model.num_latents, dtype=torch.float64)
    standard = Normal(zeros, zeros)
    expected = standard.log_prob(noise.unsqueeze(0)) - jacobian.slogdet().logabsdet
    _, found = posterior.draw_and_log_prob(noise.unsqueeze(0))
    assert torch.allclose(found, expected, atol=1e-8)


@KINDS
def test_the_mean_objective_is_the_mean_log_weight(relative: bool) -> None:
    """Closed-form rates and drawn ones have the same mean; the distortion is the same draw's."""
    model, image = ladder(relative), binary_images(1)
    with torch.no_grad():
        terms = terms_of(model, image.expand(20_000, -1, -1, -1))
        weights = model.log_weights(image, 20_000, generator=torch.Generator().manual_seed(0))
    bound = -(terms["distortion"] + terms["rate"])
    error = float((bound.var() / 20_000 + weights.var() / 20_000).sqrt())
    assert float(bound.mean()) == pytest.approx(float(weights.mean()), abs=4 * error)
    assert error < 0.02 * float(weights.mean().abs()), "too noisy to fail"


def test_a_single_step_is_the_plain_autoencoder() -> None:
    model, images = ladder(False, "1x1,8x1"), binary_images(4)
    descent = model.descend(
        torch.randn(4, model.num_latents).double(), draw_from_posterior, model.bottom_up(images)
    )
    top_prior, top_posterior = descent.priors[0], descent.posteriors[0]
    assert torch.equal(top_prior.mean, top_prior.mean[:1].expand_as(top_prior.mean)), "p(z_1) knows no image"
    expected = normal_rates(top_posterior, top_prior).sum(1)
    assert torch.allclose(descent.rates()[:, 0], expected)
    again = model.descend(descent.flat(), take_as_given, model.bottom_up(images))
    assert torch.allclose(again.state, descent.state)
    assert torch.allclose(again.log_posterior(), descent.log_posterior())


def test_groups_stand_from_the_top_down() -> None:
    model = ladder(False)
    assert model.group_sizes == [3, 3, 2 * 4, 2 * 16, 2 * 16]
    noise = torch.zeros(1, model.num_latents, dtype=torch.float64)
    changed = noise.clone()
    changed[:, 6:14] += 1  # the third group
    difference = (model.prior().draw(changed) - model.prior().draw(noise)).abs().detach()
    top, third, below = difference.split([6, 8, 64], dim=1)
    assert float(top.max()) == 0
    assert float(third.min()) > 0
    assert float(below.min()) > 0


def test_free_bits_are_nats_a_group() -> None:
    floor, images = 0.5, binary_images(6)
    held = terms_of(ladder(False, free_bits=floor), images)
    rates = ladder(False).rates_by_group(images, generator=FixedTurn(6).generator)
    assert rates.shape == (6, 5)
    assert torch.allclose(held["rate"], rates.sum(1))
    means = rates.mean(0)
    assert 0 < int((means > floor).sum()) < 5, "both cases are met"
    expected = torch.maximum(means, torch.full_like(means, floor)).sum()
    assert torch.allclose(held["held_rate"].mean(), expected)


def test_temperature_zero_draws_one_image() -> None:
    images = ladder(False).sample(3, temperature=0.0, noise=False)
    assert torch.equal(images[0], images[1])


@pytest.mark.parametrize(
    "layers", ["", "4", "4y2", "8x1,4x1", "4x0", "4x1,4x1", "3x1", "4x1,6x2", "2x1,5x1,8x1"]
)
def test_layers_that_do_not_fit_are_a_letter(layers: str) -> None:
    with pytest.raises(ValueError, match=r"The layers '.*Write height x"):
        steps_of(layers, (1, 8, 8))


@pytest.mark.parametrize("shape", [(3, 12, 20), (1, 28, 28), (3, 64, 64), (3, 32, 48)])
def test_other_shapes(shape: tuple[int, int, int]) -> None:
    channels, height, width = shape
    data = facts(256, channels=channels, height=height, width=width)
    model = find("vae.ladder")(data, width=4, hidden=2, num_channels=1).model.eval()
    assert model.sample(2).shape == (2, *shape)
    assert model.log_prob(model.sample(2)).shape == (2,)
