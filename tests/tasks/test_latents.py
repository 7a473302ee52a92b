"""Ways, truncation and inversion, on models whose latents are known and on every adversarial model."""

import inspect
import math

import pytest
import torch
from torch import nn

from latentia.distributions import CodedNormal, Codes, Dirac, Normal
from latentia.metrics import measure_coverage
from latentia.protocols import Decodes, Describes, Encodes, require
from latentia.tasks import interpolate, interpolate_draws, invert, sample_truncated, truncate
from latentia.tasks.look import arcs
from zoo import GAMES_PLAYED, ZOO, told

CODES = Codes(4, categories=(3,), num_continuous=2)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


class Linear(nn.Module, Decodes):
    """16 pixels from 4 latents, linearly: the best latents of an image are known."""

    def __init__(self) -> None:
        super().__init__()
        matrix = torch.linalg.qr(torch.randn(16, 16, generator=seeded(3))).Q[:, :4]
        self.matrix = nn.Parameter(matrix)

    def decode(self, latents, *, given=None):
        return Dirac((latents @ self.matrix.T).reshape(-1, 1, 4, 4))

    def prior(self, *, given=None):
        return Normal(torch.zeros(1, 4), torch.zeros(1, 4))


class LinearPair(Linear, Encodes):
    """One that also encodes, as well as can be."""

    def encode(self, images, *, given=None):
        mean = images.flatten(1) @ self.matrix
        return Normal(mean, torch.full_like(mean, -3.0))


class Coded(nn.Module, Decodes):
    """Images that are their latents: noise, categories and numbers."""

    def decode(self, latents, *, given=None):
        return Dirac(latents.reshape(-1, 1, 1, CODES.num_latents))

    def prior(self, *, given=None):
        mean = torch.cat([torch.zeros(4), torch.full((3,), 1 / 3), torch.zeros(2)])
        return CodedNormal(CODES, mean.unsqueeze(0))


class Itself(nn.Module, Decodes):
    """Images that are their latents, of six dimensions."""

    def decode(self, latents, *, given=None):
        return Dirac(latents.reshape(-1, 1, 1, 6))

    def prior(self, *, given=None):
        return Normal(torch.zeros(1, 6), torch.zeros(1, 6))


def unchecked(function):
    """The function as it is in use, where annotations are not checked."""
    return inspect.unwrap(function)


def adversarial(name: str) -> nn.Module:
    return GAMES_PLAYED[name]().model.eval()


# Ways


@pytest.mark.parametrize("length", [1.0, 5.0])
def test_equal_steps_are_equal_angles_and_the_length_changes_evenly(length):
    start, end = torch.randn(2, 6, 32, generator=seeded())
    way = arcs(start, length * end, 7)
    angles = 1 - torch.cosine_similarity(way[:, 1:].double(), way[:, :-1].double(), dim=2)
    torch.testing.assert_close(angles, angles[:, :1].expand_as(angles), rtol=1e-4, atol=0)
    lengths = way.norm(dim=2)
    torch.testing.assert_close(
        lengths[:, 1:] - lengths[:, :-1],
        (lengths[:, -1:] - lengths[:, :1]).expand(6, 6) / 6,
        rtol=1e-3,
        atol=1e-5,
    )


@pytest.mark.parametrize("course", ["spherical", "linear"])
def test_both_ends_are_exact(course):
    start, end = torch.randn(2, 5, 16, generator=seeded())
    way = arcs(start, end, 4, course=course)
    assert (way[:, 0] == start).all()
    assert (way[:, -1] == end).all()


@pytest.mark.parametrize("off", [0.0, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3])
@pytest.mark.parametrize("sign", [1, -1])
def test_nearly_parallel_and_nearly_opposite_ends_keep_to_the_shell(off, sign):
    start = torch.randn(20, 16, generator=seeded())
    end = sign * start + off * torch.randn(20, 16, generator=seeded(1))
    way = arcs(start, end, 5)
    length = start.norm(dim=1, keepdim=True)
    torch.testing.assert_close(way.norm(dim=2), length.expand(20, 5), rtol=2e-3, atol=0)
    gaps = (way[:, 1:] - way[:, :-1]).norm(dim=2) / length
    expected = 2 * math.sin(math.pi / 8) if sign < 0 else 0.0
    torch.testing.assert_close(gaps, torch.full((20, 4), expected), rtol=1e-3, atol=2e-3)


def test_from_nothing_the_way_is_straight():
    end = torch.randn(3, 8, generator=seeded())
    torch.testing.assert_close(arcs(torch.zeros(3, 8), end, 3)[:, 1], end / 2)
    assert (arcs(torch.zeros(3, 8), torch.zeros(3, 8), 3) == 0).all()


def test_of_categories_there_is_no_arc_and_ways_between_draws_switch_them():
    latents = Coded().prior().draw(torch.randn(2, 9, generator=seeded()))
    with pytest.raises(ValueError, match="interpolate_draws"):
        interpolate(Coded(), latents[:1], latents[1:], 5)
    way = interpolate_draws(Coded(), 20, 6, generator=seeded()).flatten(1)
    _, (categories,), numbers = CODES.split(way)
    assert (categories.sum(1) == 1).all()
    assert ((categories == 0) | (categories == 1)).all()
    assert numbers.abs().max() < 1


@pytest.mark.parametrize("name", ["gan conditional", "gan informed", "gan growing", "gan spectral"])
def test_every_adversarial_model_is_walked_through_truncated_and_inverted(name):
    model = adversarial(name)
    assert interpolate_draws(model, 2, 3, generator=seeded()).shape == (6, 1, 8, 8)
    images = sample_truncated(model, 3, 0.5, generator=seeded())
    assert images.shape == (3, 1, 8, 8)
    given = told(model, 3)
    found = invert(model, images, steps=2, restarts=2, given=given, feature_weight=0.1, generator=seeded())
    assert found.images.shape == images.shape
    torch.testing.assert_close(found.images, model.decode(found.latents, given=given).mean)


def test_a_way_of_a_class_keeps_to_it():
    model = adversarial("gan conditional")
    start, end = torch.randn(2, 2, 3, generator=seeded())
    way = interpolate(model, start, end, 3, given=torch.tensor([0, 2]))
    torch.testing.assert_close(way[3:4], model.decode(start[1:], given=torch.tensor([2])).mean)


# Truncation


@pytest.mark.parametrize("threshold", [0.1, 0.5, 1.0, 2.0, 5.0])
def test_truncated_noise_has_the_moments_of_the_normal_that_is_cut_off(threshold):
    cut = truncate(torch.randn(200_000, generator=seeded()), threshold)
    assert cut.abs().max() <= threshold
    density = math.exp(-(threshold**2) / 2) / math.sqrt(2 * math.pi)
    variance = 1 - 2 * threshold * density / math.erf(threshold / math.sqrt(2))
    assert cut.mean().item() == pytest.approx(0, abs=0.01 * threshold)
    assert cut.var().item() == pytest.approx(variance, rel=0.01)


def test_an_infinite_threshold_changes_nothing():
    noise = torch.cat([torch.randn(1000, generator=seeded()), torch.tensor([-9.0, 6.0, 40.0])])
    torch.testing.assert_close(truncate(noise, math.inf), noise)


def test_precision_rises_and_recall_falls_as_the_threshold_falls():
    real = torch.randn(1000, 6, generator=seeded(1))
    found = [
        measure_coverage(real, sample_truncated(Itself(), 1000, threshold, generator=seeded()).flatten(1))
        for threshold in (math.inf, 1.0, 0.3)
    ]
    precision, recall = ([getattr(cover, name).value for cover in found] for name in ("precision", "recall"))
    assert precision == sorted(precision)
    assert precision[-1] > precision[0] + 0.02
    assert recall[0] > 0.9
    assert recall[0] - 0.5 > recall[1] > recall[2] + 0.1


# Inversion


def test_the_best_latents_of_a_linear_model_are_found():
    """argmin |x - Az|^2 / 16 + s^2 / 16 |z|^2, with orthonormal columns of A, is A'x / (1 + s^2)."""
    model = Linear().eval()
    images = torch.randn(3, 1, 4, 4, generator=seeded())
    for pixel_std in (0.0, 0.5, 2.0):
        found = invert(model, images, steps=400, pixel_std=pixel_std, generator=seeded())
        expected = images.flatten(1) @ model.matrix.detach() / (1 + pixel_std**2)
        torch.testing.assert_close(found.latents, expected, atol=2e-3, rtol=0)
        missed = (images - found.images).square().flatten(1).mean(1)
        torch.testing.assert_close(found.squared_error, missed)
        torch.testing.assert_close(found.psnr, 10 * (4 / missed).log10())


def test_images_that_a_generator_made_are_found_again():
    model = adversarial("gan spectral")
    with torch.no_grad():
        images = model.sample(5, generator=seeded(7))
    first = invert(model, images, steps=0, generator=seeded())
    found = invert(model, images, steps=200, pixel_std=0, generator=seeded())
    assert (found.squared_error < 1e-3 * images.var()).all()
    assert (found.squared_error < 0.1 * first.squared_error).all()


def test_nothing_of_the_model_changes_and_no_gradient_reaches_it():
    model = adversarial("gan conditional")
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    images, given = torch.rand(2, 1, 8, 8, generator=seeded()), torch.tensor([0, 1])
    invert(model, images, steps=3, given=given, feature_weight=1.0, generator=seeded())
    after = model.state_dict()
    assert all(torch.equal(tensor, after[name]) for name, tensor in before.items())
    assert all(parameter.grad is None for parameter in model.parameters())


def test_a_seed_finds_the_same_and_another_starts_elsewhere():
    model, images = adversarial("gan spectral"), torch.rand(2, 1, 8, 8, generator=seeded())
    one, again, other = (invert(model, images, steps=2, generator=seeded(seed)).latents for seed in (1, 1, 2))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)


def test_the_result_is_never_worse_than_a_start():
    model, images = adversarial("gan spectral"), torch.rand(4, 1, 8, 8, generator=seeded())
    start = torch.randn(4, 3, generator=seeded())
    before = (model.decode(start).mean - images).square().flatten(1).mean(1).detach()
    wild = invert(model, images, start=start, steps=5, rate=50.0, pixel_std=0)
    assert (wild.squared_error <= before + 1e-6).all()
    assert torch.equal(invert(model, images, start=start, steps=0).latents, start)


def test_from_the_encoder_the_search_starts_at_the_posteriors_mean():
    images = LinearPair().decode(torch.randn(3, 4, generator=seeded())).mean.detach()
    found = invert(LinearPair().eval(), images, start="encoder", steps=0, pixel_std=0, generator=seeded())
    torch.testing.assert_close(found.images, images, atol=1e-5, rtol=0)


def test_categories_and_numbers_stay_what_they_are():
    images = torch.full((2, 1, 1, 9), 3.0)
    _, (categories,), numbers = CODES.split(invert(Coded().eval(), images, generator=seeded()).latents)
    assert (categories.sum(1) == 1).all()
    assert ((categories == 0) | (categories == 1)).all()
    torch.testing.assert_close(numbers, torch.ones(2, 2))


def test_more_images_than_are_searched_at_once():
    images = Linear().decode(torch.randn(70, 4, generator=seeded())).mean.detach()
    found = invert(Linear().eval(), images, steps=300, pixel_std=0, generator=seeded())
    assert found.squared_error.max() < 1e-5


def test_features_count_where_there_is_a_critic():
    model, images = adversarial("gan spectral"), torch.rand(2, 1, 8, 8, generator=seeded())
    assert require(model, Describes, task="features") is model

    def distance(latents):
        with torch.no_grad():
            levels = zip(model.features(model.decode(latents).mean), model.features(images), strict=True)
            return sum((a - b).square().mean() / b.square().mean() for a, b in levels)

    start = torch.randn(2, 3, generator=seeded())
    by_pixels, by_features = (invert(model, images, start=start, feature_weight=w).latents for w in (0, 100))
    assert distance(by_features) < distance(by_pixels)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda m, x: invert(nn.Identity(), x), "decode latents"),
        (lambda m, x: invert(m, x[:, :, :2]), "this model makes"),
        (lambda m, x: invert(m, x[:0]), "at least 1"),
        (lambda m, x: unchecked(invert)(m, x, given=torch.tensor([0])), "each told of"),
        (lambda m, x: invert(m, x, steps=-1), "-1 steps"),
        (lambda m, x: invert(m, x, restarts=0), "0 starts"),
        (lambda m, x: invert(m, x, rate=math.nan), "rate is nan"),
        (lambda m, x: invert(m, x, pixel_std=-0.1), "pixel_std is -0.1"),
        (lambda m, x: invert(m, x, feature_weight=1.0), "Adversarial networks"),
        (lambda m, x: invert(m, x, start="encoder"), "encode images"),
        (lambda m, x: invert(m, x, start=torch.zeros(2, 9)), r"expected \(2, 4\)"),
        (lambda m, x: invert(m.train(), x), r"model.eval\(\)"),
        (lambda m, x: truncate(x, 0.0), "above 0"),
        (lambda m, x: sample_truncated(m, 0, 1.0), "at least 1"),
        (lambda m, x: sample_truncated(nn.Identity(), 1, 1.0), "decode latents"),
        (lambda m, x: interpolate_draws(m, 0), "0 ways"),
        (lambda m, x: interpolate_draws(nn.Identity(), 1), "decode latents"),
        (lambda m, x: unchecked(arcs)(torch.zeros(1, 4), torch.zeros(2, 4)), "each way has one"),
        (lambda m, x: arcs(torch.zeros(1, 4), torch.zeros(1, 4), 1), "at least 2"),
    ],
)
def test_letters(call, said):
    with pytest.raises(ValueError, match=said):
        call(Linear().eval(), torch.zeros(2, 1, 4, 4))


def test_codebooks_are_not_searched():
    model = ZOO["vae.vq"]().model.eval()
    with pytest.raises(ValueError, match="codebook"):
        invert(model, torch.zeros(1, *model.image_shape))
