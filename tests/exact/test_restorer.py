"""What the answers of a restorer are trained with, against numbers worked out another way."""

import math

import pytest
import torch
from torch import distributions

from latentia.data.degradation import Downscaled
from latentia.distributions import Normal
from latentia.models.gan.answers import AdversarialAnswers
from latentia.models.restorer import Case
from latentia.models.vae.answers import VariationalAnswers
from latentia.networks.restoring import RestoringNetwork
from latentia.protocols import Batch
from latentia.recipes import find
from latentia.training.processes import Processes
from latentia.training.turn import StepTurn
from zoo import facts


def turn(count: int) -> StepTurn:
    return StepTurn(0, 1, 0, torch.device("cpu"), Processes(), count)


def model_of(name: str, **arguments: object):
    torch.manual_seed(0)
    model = find(name)(facts(256, height=16, width=16), width=4, **arguments).model
    for parameter in model.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    return model


def test_the_bound_is_the_gaussian_likelihood_at_its_best_deviation_and_torchs_divergence() -> None:
    model = model_of("vae.restore")
    answers = model.drawing
    assert isinstance(answers, VariationalAnswers)
    images = torch.rand(5, 1, 16, 16) * 2 - 1
    (objective,) = [o for o in model.objectives() if o.name == "answers"]
    terms = objective.terms(Batch(images), turn(5))
    step = turn(5)
    case = model._case(Batch(images), step)
    posterior = answers.encode(case, images)
    assert isinstance(posterior, Normal)
    made = answers.draw(case, posterior.draw(step.noise(*posterior.noise_shape)))
    std = (images - made).square().mean().sqrt()
    likelihood = distributions.Normal(made, std).log_prob(images).flatten(1).sum(1)
    assert torch.allclose(terms["distortion"], -likelihood, rtol=1e-4)
    own = distributions.Normal(posterior.mean, posterior.log_std.exp())
    prior = distributions.Normal(torch.zeros_like(posterior.mean), 1.0)
    assert torch.allclose(terms["rate"], distributions.kl_divergence(own, prior).sum(1), rtol=1e-3)


def test_the_rate_counts_once_latents_may_say_something() -> None:
    (objective,) = [o for o in model_of("vae.restore", beta=0.5).objectives() if o.name == "answers"]
    at = [StepTurn(seen, 1_000, 0, torch.device("cpu"), Processes(), 4) for seen in (0, 100, 150, 200, 900)]
    weights = [float(objective.weights["rate"](turn, {})) for turn in at]
    assert weights == pytest.approx([0, 0, 0.25, 0.5, 0.5])


def test_two_answers_say_how_far_their_mean_is_from_the_expected_image() -> None:
    """The product of two deviations is |E g - m|^2 in the mean: 0 for answers around m, however wide."""
    generator = torch.Generator().manual_seed(0)
    first, second = (torch.randn(200_000, 4, generator=generator, dtype=torch.float64) for _ in range(2))
    shift = torch.tensor([0.3, -0.1, 0.0, 0.2], dtype=torch.float64)
    products = ((2 * first + shift) * (2 * second + shift)).sum(1)
    error = float(products.std()) / math.sqrt(len(products))
    assert float(products.mean()) == pytest.approx(float(shift.square().sum()), abs=3 * error)

    model = model_of("gan.restore")
    assert isinstance(model.drawing, AdversarialAnswers)
    images = torch.rand(6, 1, 16, 16) * 2 - 1
    objective = model.objectives()[2]
    terms = objective.terms(Batch(images), turn(6))
    step = turn(6)
    case = model._case(Batch(images), step)
    one, other = (model.drawing.draw(case, model.drawing._noise(Batch(images), step)) for _ in range(2))
    lost = (images - case.expected).square().mean()
    centre = ((one - case.expected) * (other - case.expected)).flatten(1).mean(1) / lost
    assert torch.allclose(terms["centre"], centre, rtol=1e-4, atol=1e-6)
    spread = (one - other).square().flatten(1).mean(1) / (2 * lost)
    assert torch.allclose(terms["spread"], spread, rtol=1e-4, atol=1e-6)
    assert not terms["spread"].requires_grad


def test_what_is_drawn_agrees_before_anything_is_compared() -> None:
    case = Case(
        torch.cat([torch.zeros(2, 1, 8, 8), torch.ones(2, 1, 8, 8)], 1), torch.rand(2, 1, 8, 8), Downscaled(4)
    )
    moved = case.moved(torch.randn(2, 1, 8, 8))
    assert float(torch.nn.functional.avg_pool2d(moved, 4).abs().max()) < 1e-6


@pytest.mark.parametrize("grids", [1, 2, 3])
def test_a_restoring_network_takes_any_size_and_each_image_by_itself(grids: int) -> None:
    torch.manual_seed(0)
    network = RestoringNetwork(2, 1, width=4, patch=2, depth=1, num_latents=2, latent_grids=grids)
    assert network.down.num_all_latents(16, 16) == 2 * sum([64, 16, 4][-grids:])
    network.last.weight.data.normal_(std=0.1)
    for height, width in ((16, 16), (13, 30), (7, 9)):
        latents = torch.randn(3, network.down.num_all_latents(height, width))
        images = torch.randn(3, 2, height, width)
        out = network(images, latents)
        assert out.shape == (3, 1, height, width)
        assert torch.allclose(network(images[:1], latents[:1]), out[:1], atol=1e-5), "images see each other"
        moved = latents.clone()
        moved[0, -1] += 1  # the last place of the coarsest grid
        assert not torch.allclose(network(images, moved)[0], out[0])
