"""Learned priors: normalised densities whose draws follow them, and the flow that is fitted beside."""

import math
from dataclasses import replace

import pytest
import torch
from training import feed, fresh, turns

from latentia.distributions import Density, FlowPrior, LatentNormal, MixturePrior, Normal, VampPrior
from latentia.models import VariationalAutoencoder
from zoo import ZOO

SHAPE = (1, 2, 2)
NAMES = pytest.mark.parametrize("name", ["mixture", "vamp", "flow"])
DIMENSIONS = pytest.mark.parametrize("num_latents", [1, 2])


def prior(name: str, num_latents: int) -> Density:
    """A prior far from where it starts, in float64."""
    torch.manual_seed(4)
    encoder = LatentNormal(4, num_latents)
    module = {
        "mixture": lambda: MixturePrior(num_latents, num_components=3),
        "vamp": lambda: VampPrior(3, mean=torch.zeros(SHAPE), std=torch.ones(SHAPE)),
        "flow": lambda: FlowPrior(num_latents, depth=3, width=7),
    }[name]()
    for part in (encoder.double(), module.double()):
        for parameter in part.requires_grad_(False).parameters():
            parameter += 0.4 * torch.randn_like(parameter)
    return module(lambda images: encoder(images.flatten(1)))


def grid(num_latents: int, reach: float = 30.0) -> tuple[torch.Tensor, float]:
    """All points of a grid around 0, and the volume of its cells."""
    side = 20_001 if num_latents == 1 else 1_001
    axis = torch.linspace(-reach, reach, side, dtype=torch.float64)
    points = torch.cartesian_prod(*[axis] * num_latents).reshape(-1, 1, num_latents)
    return points, float(axis[1] - axis[0]) ** num_latents


@NAMES
@DIMENSIONS
def test_densities_integrate_to_one(name: str, num_latents: int) -> None:
    points, cell = grid(num_latents)
    mass = cell * prior(name, num_latents).log_prob(points).exp()
    assert float(mass.sum()) == pytest.approx(1, abs=1e-3)


@NAMES
@DIMENSIONS
def test_draws_follow_the_density(name: str, num_latents: int) -> None:
    """Means of functions over draws are their integrals under the density, within four standard errors."""
    density = prior(name, num_latents)
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(200_000, 1, *density.noise_shape, generator=generator, dtype=torch.float64)
    points, cell = grid(num_latents)
    draws, mass = density.draw(noise)[:, 0], cell * density.log_prob(points)[:, 0].exp()
    for function in (
        lambda z: z[:, -1],
        lambda z: z.square().sum(1),
        lambda z: z[:, 0] * z[:, -1],
        lambda z: torch.sigmoid(4 * z[:, 0] - 2),
        lambda z: torch.cos(2 * z.sum(1)),
    ):
        values = function(draws)
        error = float(values.std()) / math.sqrt(len(draws))
        assert float(values.mean()) == pytest.approx(
            float((mass * function(points[:, 0])).sum()), abs=4 * error
        )


@NAMES
def test_shapes_of_draws_and_densities(name: str) -> None:
    density = prior(name, 2)
    draws, log_prob = density.draw_and_log_prob(torch.randn(5, 4, *density.noise_shape).double())
    assert draws.shape == (5, 4, 2)
    assert log_prob.shape == (5, 4)
    assert torch.allclose(density.log_prob(draws), log_prob)
    assert density.mean.shape == (1, 2)


@pytest.mark.parametrize("name", ["mixture", "vamp"])
def test_the_mean_of_a_mixture_is_that_of_its_draws(name: str) -> None:
    density = prior(name, 2)
    draws = density.draw(torch.randn(100_000, *density.noise_shape).double())
    assert draws.mean(0).numpy() == pytest.approx(density.mean[0].numpy(), abs=0.03)


def test_a_vamp_prior_of_the_data_is_the_mean_of_its_posteriors() -> None:
    data = torch.tensor([[0.9, -0.9, 0.5, 0.1], [-0.3, 0.2, 0.7, -0.8]]).reshape(2, *SHAPE)
    vamp = VampPrior(2, mean=torch.zeros(SHAPE), std=torch.ones(SHAPE))
    vamp.pseudo.data = data.atanh()
    encoder = LatentNormal(4, 3)
    encoder.linear.weight.data *= 20
    z = torch.randn(6, 1, 3)
    each = torch.stack([encoder(image.reshape(1, 4)).log_prob(z)[:, 0] for image in data])
    expected = each.logsumexp(0) - math.log(2)
    assert torch.allclose(
        vamp(lambda images: encoder(images.flatten(1))).log_prob(z)[:, 0], expected, atol=1e-5
    )


def test_pseudo_inputs_are_images_and_start_near_the_data() -> None:
    seen: list[torch.Tensor] = []

    def encode(images: torch.Tensor) -> Normal:
        seen.append(images)
        return Normal(images.flatten(1), torch.zeros(len(images), 4))

    mean = torch.tensor([-1.0, 0.0, 0.5, 1.0]).reshape(SHAPE)
    vamp = VampPrior(400, mean=mean, std=torch.full(SHAPE, 0.1))
    vamp(encode)
    assert seen[0].mean(0).flatten().tolist() == pytest.approx(mean.flatten().tolist(), abs=0.1)
    vamp.pseudo.data *= 1000
    vamp(encode)
    assert len(seen) == 2, "the encoder is asked once for every prior"
    assert bool((seen[1].abs() <= 1).all())


def test_a_vamp_prior_needs_gaussian_posteriors() -> None:
    vamp = VampPrior(2, mean=torch.zeros(SHAPE), std=torch.ones(SHAPE))
    with pytest.raises(ValueError, match=r"Gaussian posteriors.*MaskedAutoregressive.*diagonal posterior"):
        vamp(lambda images: FlowPrior(2, depth=1, width=4)())


def test_the_fitted_prior_is_counted_and_leaves_the_rest_alone() -> None:
    plan, plain = ZOO["vae.flow"](), ZOO["vae.flow"]()
    model = plan.model
    assert isinstance(model, VariationalAutoencoder)
    # Training the flow changes nothing of the autoencoder: without it, the same weights.
    trained = turns(fresh(plan), plan, 17, 4).model
    assert isinstance(plain.model, VariationalAutoencoder)
    plain.model.fitted_prior = None
    plain = replace(plain, optimisers={"autoencoder": plain.optimisers["autoencoder"]})
    alone = turns(fresh(plain), plain, 17, 4).model
    for key, value in alone.state_dict().items():
        assert torch.equal(value, trained.state_dict()[key]), key
    # What the model says counts the flow.
    images = feed(plan, 17)(0, 4).images
    with torch.no_grad():
        draws, log_weights = (
            m.log_weights(images, 3, generator=torch.Generator().manual_seed(0)) for m in (trained, alone)
        )
    assert not torch.allclose(draws, log_weights)


def test_the_flow_comes_to_lie_where_posteriors_lie() -> None:
    """Draws from posteriors far from N(0, I) become likelier under the flow than under that."""
    plan = ZOO["vae.flow"]()
    assert isinstance(plan.model, VariationalAutoencoder)
    plan.model.encoder[1].linear.bias.data[:3] = 3.0
    model = turns(fresh(plan), plan, 17, 200).model
    images = feed(plan, 17)(10_000, 32).images
    with torch.no_grad():
        posterior = model.encode(images)
        draws = posterior.draw(torch.randn(8, 32, 3, generator=torch.Generator().manual_seed(0)))
        fitted, trained_against = model.prior().log_prob(draws), model.latent_prior().log_prob(draws)
    assert float(fitted.mean()) > float(trained_against.mean()) + 1
