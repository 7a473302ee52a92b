"""Autoencoders: contraction, corruption, principal components, and the Gaussian that follows the codes."""

import itertools

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import MultivariateNormal

from latentia.distributions import FullNormal, RunningNormal
from latentia.distributions.distribution import mean_over_first
from latentia.models import Autoencoder
from latentia.models.ae.autoencoder import AddedNoise, Masking, squared_slope
from latentia.protocols import Batch
from latentia.recipes import describe, find
from latentia.training import Adam, Plan, State, take_turn
from latentia.training.processes import Processes
from latentia.training.turn import StepTurn
from zoo import facts

SHAPE = (1, 2, 2)


def some(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)).double()


def curved_encoder(num_latents: int) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(2)
        layers = nn.Sequential(nn.Flatten(), nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, num_latents), nn.Tanh())
    return layers.double()


def exact_slope(encoder: nn.Module, images: Tensor) -> Tensor:
    """|J|_F^2 of every image, a backward pass for each latent."""
    images = images.detach().requires_grad_()
    codes = encoder(images)
    columns = [
        torch.autograd.grad(codes[:, index].sum(), images, create_graph=True)[0]
        for index in range(codes.shape[1])
    ]
    return torch.stack(columns).square().sum((0, 2, 3, 4))


def turn_of(num_images: int) -> StepTurn:
    return StepTurn(0, 1, 3, torch.device("cpu"), Processes(), num_images)


def test_the_contraction_is_the_jacobians_norm_on_average_and_so_is_its_gradient() -> None:
    """Over all signs of the direction, each once, the estimate's mean is exact."""
    encoder, images = curved_encoder(3), some(5, *SHAPE)
    signs = torch.tensor(list(itertools.product([-1.0, 1.0], repeat=3))).double()
    estimates = torch.stack([squared_slope(encoder, images, sign.expand(5, 3)) for sign in signs])
    exact = exact_slope(encoder, images)
    assert torch.allclose(estimates.mean(0), exact, rtol=1e-10)
    assert float(estimates.detach().std(0).min()) > 0, "the estimate is not one by chance"
    found = torch.autograd.grad(estimates.mean(), tuple(encoder.parameters()), allow_unused=True)
    wanted = torch.autograd.grad(exact.mean(), tuple(encoder.parameters()), allow_unused=True)
    for one, other in zip(found, wanted, strict=True):
        assert (one is None) == (other is None)  # the last bias moves codes, and no slope of a linear layer
        assert one is None or torch.allclose(one, other, rtol=1e-8, atol=1e-12)


def test_a_contracted_encoder_is_flatter() -> None:
    free, held = (exact_slope(contracted(weight).encoder, IMAGES).detach().mean() for weight in (0.0, 0.3))
    assert float(held) < 0.7 * float(free)


IMAGES = 0.3 * some(64, *SHAPE, seed=5) * torch.tensor([2.0, 1.0, 0.7, 0.2]).reshape(*SHAPE)


def feed(position: int, count: int) -> Batch:
    return Batch(IMAGES[:count])


def trained(model: Autoencoder, turns: int, rate: float) -> Autoencoder:
    plan = Plan(model.double(), optimisers={"autoencoder": Adam(rate=rate)}, batch_size=64, cool_down=1.0)
    state = State.fresh(plan, torch.device("cpu"))
    for _ in range(turns):
        take_turn(state, plan, feed, seed=0, horizon=64 * turns)
    assert isinstance(state.model, Autoencoder)
    return state.model


def contracted(weight: float) -> Autoencoder:
    decoder = nn.Sequential(nn.Linear(2, 6), nn.Tanh(), nn.Linear(6, 4), nn.Unflatten(1, SHAPE))
    model = Autoencoder(
        image_shape=SHAPE, encoder=curved_encoder(2), decoder=decoder, num_latents=2, contraction=weight
    )
    return trained(model, turns=100, rate=2e-2)


def test_a_linear_autoencoder_finds_the_principal_components() -> None:
    """Its least squared error is the variance of the components that it leaves out (Baldi & Hornik 1989)."""
    model = Autoencoder(
        image_shape=SHAPE,
        encoder=nn.Sequential(nn.Flatten(), nn.Linear(4, 2)),
        decoder=nn.Sequential(nn.Linear(2, 4), nn.Unflatten(1, SHAPE)),
        num_latents=2,
    )
    trained(model, turns=800, rate=2e-2)
    (objective,) = model.objectives()
    distortion = objective.terms(feed(0, 64), turn_of(64))["distortion"].mean()
    flat = IMAGES.flatten(1)
    left_out = torch.linalg.eigvalsh(torch.cov(flat.T, correction=0))[:2].sum()
    assert float(distortion.detach()) == pytest.approx(float(left_out), rel=1e-3)


def test_the_clean_image_is_to_be_decoded() -> None:
    """With nothing between encoder and decoder, the distortion is the noise alone."""
    model = Autoencoder(
        image_shape=SHAPE,
        encoder=nn.Flatten(),
        decoder=nn.Unflatten(1, SHAPE),
        num_latents=4,
        corruption=AddedNoise(0.5),
    )
    images = IMAGES.float().repeat(40, 1, 1, 1)
    (objective,) = model.objectives()
    distortion = objective.terms(Batch(images), turn_of(len(images)))["distortion"]
    assert float(distortion.mean()) == pytest.approx(4 * 0.5**2, rel=0.05)
    model.latent_prior.fold()
    assert torch.allclose(model.latent_prior.mean, 0.02 * images.flatten(1).mean(0), atol=1e-6)


def test_the_best_linear_denoiser_is_at_rest() -> None:
    """Of all linear maps, S (S + s^2)^-1 undoes noise of deviation s best: there the gradient is 0."""
    images = some(20_000, 4).float() * torch.tensor([0.2, 0.3, 0.5, 0.9])
    layer = nn.Linear(4, 4, bias=False)
    model = Autoencoder(
        image_shape=SHAPE,
        encoder=nn.Sequential(nn.Flatten(), layer),
        decoder=nn.Unflatten(1, SHAPE),
        num_latents=4,
        corruption=AddedNoise(0.4),
    )
    second = images.T @ images / len(images)
    best = second @ torch.linalg.inv(second + 0.4**2 * torch.eye(4))

    def slope(weight: Tensor) -> Tensor:
        layer.weight.data.copy_(weight)
        (objective,) = model.objectives()
        terms = objective.terms(Batch(images.unflatten(1, SHAPE)), turn_of(len(images)))
        return torch.autograd.grad(terms["distortion"].mean(), layer.weight)[0]

    assert float(slope(best).abs().max()) < 0.02
    assert float(slope(torch.eye(4)).abs().max()) > 0.2


def test_masking_loses_all_channels_of_a_share_of_pixels() -> None:
    images = torch.ones(200, 3, 5, 4)
    masked = Masking(0.3)(images, turn_of(200))
    assert set(masked.unique().tolist()) == {0.0, 1.0}
    assert torch.equal(masked, masked[:, :1].expand_as(masked))
    assert float(masked.mean()) == pytest.approx(0.7, abs=0.02)


def correlated(count: int, seed: int) -> Tensor:
    return (
        some(count, 3, seed=seed)
        @ torch.tensor([[1.0, 0.0, 0.0], [0.8, 0.3, 0.0], [-0.5, 0.1, 0.2]]).double()
    )


def test_the_gaussian_follows_the_codes() -> None:
    running = RunningNormal(3).double()
    codes = 2 + correlated(500, seed=1)
    for _ in range(900):
        running.note(codes, mean_over_first)
        running.fold()
    prior = running()
    assert torch.allclose(prior.mean[0], codes.mean(0), atol=1e-5)
    covariance = torch.cov(codes.T, correction=0)
    assert torch.allclose(prior.factor @ prior.factor.T, covariance, atol=1e-4)
    drawn = prior.draw(some(40_000, 3, seed=2))
    assert torch.allclose(torch.cov(drawn.T), covariance, atol=0.06)
    peer = MultivariateNormal(prior.mean[0], scale_tril=prior.factor)
    assert torch.allclose(prior.log_prob(codes), peer.log_prob(codes))


def test_the_gaussians_density_broadcasts_over_draws() -> None:
    prior = FullNormal(torch.zeros(1, 2), torch.tensor([[1.0, 0.0], [0.5, 2.0]]))
    assert prior.log_prob(torch.zeros(5, 3, 2)).shape == (5, 3)


def test_nothing_is_folded_twice_and_nothing_without_a_note() -> None:
    running = RunningNormal(3).double()
    running.note(correlated(20, seed=4), mean_over_first)
    running.fold()
    once = running.mean.clone()
    running.fold()
    assert torch.equal(running.mean, once)


@pytest.mark.parametrize("num_latents", [2, 64])
def test_the_gaussian_exists_even_of_codes_that_hardly_differ(num_latents: int) -> None:
    """In float32, where the squares of codes far from 0 would have no digits left for their spread."""
    running = RunningNormal(num_latents)
    generator = torch.Generator().manual_seed(0)
    for _ in range(400):
        running.note(30 + 1e-3 * torch.randn(32, num_latents, generator=generator), mean_over_first)
        running.fold()
    prior = running()
    assert bool(prior.factor.isfinite().all())
    assert torch.allclose(
        prior.draw(torch.randn(8, num_latents, generator=generator)).mean(), prior.mean, atol=1
    )


def test_what_is_remembered_does_not_depend_on_how_a_batch_is_divided() -> None:
    found = []
    for pieces in (1, 2, 4):
        with torch.random.fork_rng():
            torch.manual_seed(0)
            plan = find("ae.denoising")(facts(), num_latents=3, width=4, batch_size=32)
        state = State.fresh(plan, torch.device("cpu"))
        images = some(32, 1, 8, 8, seed=7).float().clamp(-1, 1)
        take_turn(state, plan, lambda at, n, x=images: Batch(x), seed=0, horizon=64, micro_batches=pieces)
        found.append(state.model.latent_prior.covariance.clone())
    assert not torch.equal(found[0], torch.eye(3)), "something was remembered"
    assert torch.allclose(found[0], found[1], rtol=1e-5, atol=1e-6)
    assert torch.allclose(found[0], found[2], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["ae.plain", "ae.denoising", "ae.contractive"])
def test_no_density_is_claimed(name: str) -> None:
    described = describe(name)
    assert described.density == "none"
    assert described.can == ("encode", "decode")
    model = find(name)(facts(), num_latents=3, width=4).model.eval()
    images = torch.zeros(2, 1, 8, 8)
    for missing in (model, model.encode(images), model.decode(torch.zeros(2, 3))):
        assert not hasattr(missing, "log_prob")


@pytest.mark.parametrize(
    ("name", "arguments", "letter"),
    [
        ("ae.plain", {"num_latents": 0}, "num_latents is 0; it has to be 1 or more"),
        ("ae.plain", {"rate": 0.0}, r"rate is 0.0; it has to be greater than 0"),
        ("ae.denoising", {"strength": 0.0}, "strength is 0.0; it has to be greater than 0"),
        ("ae.denoising", {"corruption": "masking", "strength": 1.0}, "strength is 1.0.*below 1"),
        ("ae.contractive", {"contraction": -1.0}, "contraction is -1.0; it has to be greater than 0"),
    ],
)
def test_arguments_out_of_range_are_letters(name: str, arguments: dict[str, float], letter: str) -> None:
    with pytest.raises(ValueError, match=letter):
        find(name)(facts(), **arguments)
