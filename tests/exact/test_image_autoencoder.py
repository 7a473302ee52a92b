"""The image autoencoder: its balance and its gradient by hand, its schedule, and what it remembers."""

import pytest
import torch
from torch.nn.functional import relu
from training import HORIZON, SEED, feed, fresh, turns

from latentia.losses import perceptual_distance
from latentia.models import ImageAutoencoder
from latentia.protocols import Batch, Describes, ExplicitModel
from latentia.recipes import find
from latentia.training import Plan, take_turn
from latentia.training.processes import Processes
from latentia.training.step import weighted_total
from latentia.training.turn import StepTurn
from zoo import ZOO, facts


def turn_at(images_seen: int) -> StepTurn:
    return StepTurn(images_seen, HORIZON, SEED, torch.device("cpu"), Processes(), 4)


def small(name: str = "hybrid.autoencoder_kl", **arguments: object) -> Plan:
    torch.manual_seed(0)
    settings = {"width": 4, "critic_width": 4, "prior_width": 8, "prior_depth": 1, **arguments}
    return find(name)(facts(), **settings)


def double(**arguments: object) -> ImageAutoencoder:
    model = small(**arguments).model.double()
    assert isinstance(model, ImageAutoencoder)
    return model


IMAGES = torch.rand(4, 1, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) * 2 - 1


def objective(model: ImageAutoencoder, name: str):
    return next(o for o in model.objectives() if o.name == name)


def test_the_autoencoders_gradient_is_that_of_its_formula() -> None:
    model = double(perceptual=0.2, adversarial=0.7, beta=0.01, adversarial_start=0.1)
    turn, own = turn_at(500), objective(model, "reconstruction")
    parameters = own.parameters()
    total = weighted_total(own, own.terms(Batch(IMAGES), turn), turn)
    found = torch.autograd.grad(total, parameters)

    noise = turn_at(500).noise(16).double()  # the first call at the same place
    mean, log_variance = model.encoder(IMAGES).chunk(2, 1)
    latents = mean + (log_variance / 2).exp() * noise.reshape(4, 4, 2, 2)
    made = model.decoder(latents)
    distance = sum(
        ((f / (f * f).sum(1, True).add(1e-4).sqrt() - g / (g * g).sum(1, True).add(1e-4).sqrt()) ** 2)
        .sum(1)
        .mean()
        for f, g in zip(model.critic.features(made), model.critic.features(IMAGES), strict=True)
    )
    rate = ((mean**2 + log_variance.exp() - 1 - log_variance) / 2).sum() / 4
    reconstruction = (IMAGES - made).abs().sum() / 4 + 0.2 * 64 * distance
    game = -model.critic(made).mean()
    last = model.decoder.conv_out.weight
    by_both = [
        torch.autograd.grad(loss, last, retain_graph=True)[0].norm() for loss in (reconstruction, game)
    ]
    balance = by_both[0] / (by_both[1] + 1e-4)
    expected = torch.autograd.grad(reconstruction + 0.7 * balance * game + 0.01 * rate, parameters)
    for one, other in zip(found, expected, strict=True):
        assert torch.allclose(one, other, rtol=1e-6, atol=1e-10)


def test_the_critic_pays_the_hinge_of_every_patch() -> None:
    model = double()
    terms = objective(model, "critic").terms(Batch(IMAGES), turn_at(0))
    assert torch.allclose(terms["real"], relu(1 - model.critic(IMAGES)).flatten(1).mean(1))
    assert torch.allclose(terms["score_of_real"], model.critic(IMAGES).flatten(1).mean(1))


def test_the_decoder_plays_and_the_prior_learns_once_their_time_has_come() -> None:
    model, batch = small(adversarial_start=0.3, prior_start=0.6).model, Batch(IMAGES.float())
    for images_seen, plays, learns in ((0, False, False), (300, True, False), (600, True, True)):
        balance = objective(model, "reconstruction").terms(batch, turn_at(images_seen))["balance"]
        assert bool((balance > 0).all()) == plays
        error = objective(model, "flow").terms(batch, turn_at(images_seen))["error"]
        assert bool((error > 0).all()) == learns


def test_a_prior_at_rest_does_not_move() -> None:
    plan = small(prior_start=0.5)
    state = fresh(plan)
    before = {k: v.clone() for k, v in plan.model.latent_prior.network.state_dict().items()}
    turns(state, plan, 17, 2)
    after = state.model.latent_prior.network.state_dict()
    assert all(torch.equal(value, after[key]) for key, value in before.items())
    assert float(state.model.latent_prior.variance) != 1, "and yet it follows the scale of latents"


def test_draws_of_an_unfitted_prior_have_the_moments_of_latents() -> None:
    model = small().model
    model.latent_prior.centre.fill_(2.0)
    model.latent_prior.variance.fill_(9.0)
    prior = model.prior()
    latents = prior.draw(torch.randn(500, *prior.noise_shape)).detach()
    assert float(latents.mean()) == pytest.approx(2, abs=0.2)
    assert float(latents.std()) == pytest.approx(3, rel=0.1)


def test_codes_decode_as_the_nearest_ones_and_let_gradients_through() -> None:
    model = small("hybrid.vqgan", num_codes=8).model.eval()
    codes = model.encode(IMAGES.float()).mean
    near = (codes + 1e-3 * torch.randn_like(codes) * codes.std()).requires_grad_()
    images = model.decode(near).mean
    assert torch.allclose(images, model.decode(codes).mean, atol=1e-5)
    images.sum().backward()
    assert float(near.grad.abs().sum()) > 0


def test_it_is_implicit_and_describes() -> None:
    model = small().model
    assert not isinstance(model, ExplicitModel)
    assert isinstance(model, Describes)
    assert not hasattr(model.prior(), "log_prob")


def test_the_perceptual_distance_sees_directions_alone() -> None:
    features = torch.randn(2, 3, 4, 4)
    assert torch.allclose(perceptual_distance([features], [100 * features]), torch.zeros(2), atol=1e-3)
    assert torch.allclose(perceptual_distance([features], [-features]), torch.full((2,), 4.0), atol=1e-2)


@pytest.mark.parametrize(
    ("arguments", "letter"),
    [
        ({"adversarial_start": 1.5}, r"adversarial_start is 1\.5.*from 0 to 1"),
        ({"prior_start": -0.1}, r"prior_start is -0\.1.*0 or more"),
        ({"num_steps": 0}, "num_steps is 0"),
        ({"halvings": 3, "width": 0}, "width is 0"),
    ],
)
def test_arguments_out_of_range_are_letters(arguments, letter) -> None:
    with pytest.raises(ValueError, match=letter):
        small(**arguments)


def test_sides_have_to_be_multiples() -> None:
    with pytest.raises(ValueError, match="cannot be halved 3 times"):
        find("hybrid.autoencoder_kl")(facts(height=12, width=12), halvings=3)


def test_the_balance_is_that_of_the_global_batch() -> None:
    def balance(micro_batches: int) -> float:
        plan = ZOO["hybrid.autoencoder_kl"]()
        plan.model.adversarial_start = 0.0
        rest = {"seed": SEED, "horizon": HORIZON, "micro_batches": micro_batches}
        return float(take_turn(fresh(plan), plan, feed(plan, 17), **rest)["reconstruction/balance"])

    assert balance(1) > 0
    assert balance(2) == pytest.approx(balance(1), rel=1e-3)
