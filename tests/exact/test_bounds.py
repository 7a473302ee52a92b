"""What training descends: values, gradients and schedules of the bounds."""

import pytest
import torch

from latentia.distributions import BernoulliPixels, Density, LatentNormal, Normal, StandardNormal
from latentia.losses import importance_weighted_bound, log_importance_weights
from latentia.models import VariationalAutoencoder
from latentia.models.bounds import Evidence, ImportanceWeighted
from latentia.networks import MLPDecoder, MLPEncoder
from latentia.protocols import Batch, Turn

SHAPE = (1, 2, 2)
IMAGES = torch.tensor([[1.0, -1, 1, 1], [-1, -1, 1, -1]], dtype=torch.float64).reshape(2, *SHAPE)


class Seeded(Turn):
    """A turn on one processor with a generator of its own."""

    horizon = 1000

    def __init__(self, seed: int, images_seen: int = 0) -> None:
        self.generator, self.images_seen = torch.Generator().manual_seed(seed), images_seen

    def noise(self, *shape: int) -> torch.Tensor:
        return torch.randn(2, *shape, generator=self.generator, dtype=torch.float64)

    def mean(self, value: torch.Tensor) -> torch.Tensor:
        return value.detach().mean(0)

    def shared(self, name, make):
        raise NotImplementedError


def model(bound) -> VariationalAutoencoder:
    torch.manual_seed(0)
    built = VariationalAutoencoder(
        image_shape=SHAPE,
        encoder=MLPEncoder(SHAPE, width=8),
        posterior=LatentNormal(8, 2),
        decoder=MLPDecoder(2, SHAPE, num_outputs=1, width=8),
        likelihood=BernoulliPixels(SHAPE, levels=2),
        prior=StandardNormal(2),
        bound=bound,
    ).double()
    for parameter in built.parameters():
        parameter.data += 0.4 * torch.randn_like(parameter)
    # As wide as the prior: weights are then bounded, and averages over turns trustworthy.
    built.encoder[1].linear.weight.data *= 0.2
    built.encoder[1].linear.bias.data[2:] = 0.3
    return built


def gradients(bound, turns: int) -> torch.Tensor:
    """Gradient of the encoder's last layer at many turns, (turns, parameters)."""
    built = model(bound)
    (objective,) = built.objectives()
    weight = built.encoder[1].linear.weight
    rows = []
    for seed in range(turns):
        total = sum(term.mean() for term in objective.terms(Batch(IMAGES), Seeded(seed)).values())
        rows.append(torch.autograd.grad(total, weight)[0].flatten())
    return torch.stack(rows)


def test_the_doubly_reparameterised_gradient_is_unbiased_and_less_noisy() -> None:
    own = gradients(ImportanceWeighted(64, doubly=False), 1500)
    doubly = gradients(ImportanceWeighted(64), 1500)
    error = ((own.var(0) + doubly.var(0)) / 1500).sqrt()
    assert bool(((own.mean(0) - doubly.mean(0)).abs() < 4.5 * error).all())
    assert float(doubly.var(0).sum()) < 0.25 * float(own.var(0).sum())


def test_both_gradients_have_one_value_and_one_decoder() -> None:
    values, decoders = [], []
    for doubly in (False, True):
        built = model(ImportanceWeighted(5, doubly))
        (objective,) = built.objectives()
        bound = objective.terms(Batch(IMAGES), Seeded(1))["bound"]
        values.append(bound.detach())
        decoders.append(torch.autograd.grad(bound.sum(), built.decoder[0].output.weight)[0])
    assert torch.allclose(values[0], values[1])
    assert torch.allclose(decoders[0], decoders[1])


def test_more_draws_are_a_tighter_bound() -> None:
    means = []
    for draws in (1, 5, 50):
        (objective,) = model(ImportanceWeighted(draws)).objectives()
        with torch.no_grad():
            each = [objective.terms(Batch(IMAGES), Seeded(s))["bound"].mean() for s in range(400)]
        means.append(float(torch.stack(each).mean()))
    assert means[0] > means[1] > means[2]


def test_doubly_needs_a_gaussian_posterior() -> None:
    class Opaque(Density):
        mean = torch.zeros(1, 2)
        noise_shape = (2,)

        def draw(self, noise: torch.Tensor) -> torch.Tensor:
            return noise

        def log_prob(self, value: torch.Tensor) -> torch.Tensor:
            return value.sum(-1)

    with pytest.raises(ValueError, match=r"Gaussian posterior, and this one is Opaque.*doubly=False"):
        log_importance_weights(
            IMAGES, Opaque(), Opaque(), model(None).decode, torch.zeros(3, 2, 2), doubly=True
        )


def test_weights_see_one_pixel_noise_for_all_draws() -> None:
    """The bound on the density of x + u needs the same u in every p(x + u|z_k)."""
    seen = []

    class Spy(Normal):
        def dequantised_log_prob(self, value, uniform, batch_mean):
            seen.append(uniform().reshape(3, 2, -1))
            return self.log_prob(value)

    flat = torch.zeros(6, *SHAPE, dtype=torch.float64)
    standard = Normal(torch.zeros(2, 2).double(), torch.zeros(2, 2).double())
    log_importance_weights(
        IMAGES,
        standard,
        standard,
        lambda latents: Spy(flat, flat),
        torch.zeros(3, 2, 2).double(),
        pixel_noise=lambda: torch.rand(2, *SHAPE, dtype=torch.float64),
    )
    assert bool((seen[0] == seen[0][:1]).all())
    assert not torch.equal(seen[0][0, 0], seen[0][0, 1])


def test_warm_up_raises_the_weight_of_the_rate() -> None:
    bound = Evidence(beta=2.0, warm_up=100)
    weights = [float(bound.weight(Seeded(0, seen), {})) for seen in (0, 50, 100, 500)]
    assert weights == [0.0, 1.0, 2.0, 2.0]


def test_free_bits_watch_the_true_rate() -> None:
    (objective,) = model(Evidence(free_bits=3.0)).objectives()
    assert objective.watched == {"rate"}
    terms = objective.terms(Batch(IMAGES), Seeded(0))
    assert float(terms["held_rate"].detach().mean()) == pytest.approx(6)  # two latents, below three nats each
    assert float(terms["rate"].detach().mean()) < 6


def test_the_bound_is_that_of_its_weights() -> None:
    log_weights = torch.randn(7, 3, dtype=torch.float64)
    expected = log_weights.exp().mean(0).log()
    assert torch.allclose(importance_weighted_bound(log_weights), expected)


def test_weights_in_portions_are_those_of_one_piece(monkeypatch) -> None:
    from latentia.models import latent

    built = model(None)
    asked = []
    monkeypatch.setattr(latent, "ON_PROCESSOR", 3 * IMAGES.numel())
    original = latent.log_importance_weights

    def spied(*arguments):
        asked.append(len(arguments[-1]))
        return original(*arguments)

    monkeypatch.setattr(latent, "log_importance_weights", spied)
    with torch.no_grad():
        pieces = built.log_weights(IMAGES, 8, generator=torch.Generator().manual_seed(0))
        posterior = built.encode(IMAGES)
        generator = torch.Generator().manual_seed(0)
        noise = torch.cat([torch.randn(n, 2, 2, generator=generator, dtype=torch.float64) for n in (3, 3, 2)])
        whole = original(IMAGES, posterior, built.prior(), built.decode, noise)
    assert asked == [3, 3, 2]
    assert torch.allclose(pieces, whole)
