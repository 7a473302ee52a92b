"""Directions and edits, on models whose latents are known."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from latentia.data import prepare
from latentia.distributions import Dirac, Normal
from latentia.protocols import Decodes, Encodes
from latentia.tasks import (
    AttributeReader,
    Attributes,
    Direction,
    arithmetic,
    attribute_directions,
    change_a_step,
    directions,
    edit,
    example_direction,
    latents_of,
    measure_effect,
    principal_directions,
    traverse,
)
from latentia.tasks.attribute_directions import attribute_normal, without
from latentia.tasks.direction import fingerprint, of_one_deviation

SIDE, LATENTS = 8, 4


class Bands(nn.Module, Decodes):
    """Each latent is the brightness of two rows of an image, in tenths."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor([4.0, 3.0, 2.0, 1.0]) / 10)

    def decode(self, latents, *, given=None):
        rows = (latents * self.scale).repeat_interleave(SIDE // LATENTS, 1)
        return Dirac(rows[:, None, :, None].expand(-1, 1, SIDE, SIDE))

    def prior(self, *, given=None):
        return Normal(torch.zeros(1, LATENTS), torch.zeros(1, LATENTS))


class EncodedBands(Bands, Encodes):
    """The same, with an encoder that is exact but for what bands cannot hold."""

    def encode(self, images, *, given=None):
        mean = images.mean(3).reshape(-1, LATENTS, SIDE // LATENTS).mean(2) / self.scale
        return Normal(mean, torch.zeros_like(mean))


@pytest.fixture
def model():
    return EncodedBands().requires_grad_(False).eval()


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(0)


@pytest.fixture
def latents(generator):
    """The first latent tells `bright`; `also` is known through the first and the second alike."""
    return torch.randn(600, LATENTS, generator=generator)


@pytest.fixture
def attributes(latents):
    values = torch.stack([latents[:, 0] > 0.5, latents[:, 0] + latents[:, 1] > 0], dim=1).float()
    return Attributes(("bright", "also"), values)


@pytest.fixture
def images(model, latents):
    return model.decode(latents).mean


def cosine(a, b):
    return nn.functional.cosine_similarity(a, b, dim=0).item()


@pytest.mark.parametrize("method", ["mean", "logistic", "svm"])
def test_labels_give_the_direction_that_tells_them(model, images, attributes, latents, method):
    (found,) = attribute_directions(model, images, attributes, ["bright"], method=method)
    axis = torch.eye(LATENTS)[0]
    assert cosine(found.vector, axis) > 0.98
    assert found.vector.norm().item() == pytest.approx(latents[:, 0].std().item(), rel=0.05)
    assert found.fingerprint == fingerprint(model)


@pytest.mark.parametrize("method", ["mean", "logistic", "svm"])
def test_a_direction_is_at_right_angles_to_those_it_is_kept_apart_from(model, images, attributes, method):
    (other,) = attribute_directions(model, images, attributes, ["also"], method=method)
    (found,) = attribute_directions(model, images, attributes, ["bright"], method=method, apart=["also"])
    assert cosine(other.vector, found.vector) == pytest.approx(0, abs=1e-5)
    assert "apart from also" in found.method
    assert found.vector[0] > 0


def test_unknown_labels_are_left_out(model, images, attributes):
    values = attributes.values.clone()
    values[::2, 0] = math.nan
    (found,) = attribute_directions(model, images, Attributes(attributes.names, values), ["bright"])
    (half,) = attribute_directions(
        model, images[1::2], Attributes(attributes.names, attributes.values[1::2]), ["bright"]
    )
    assert cosine(found.vector, half.vector) == pytest.approx(1, abs=1e-6)


def test_positives_lie_above_the_middle_or_above_zero():
    for values, expected in [
        ([0.0, 0.4, 0.6, 1.0], [False, False, True, True]),
        ([-3.0, -0.1, 0.1, 1.0], [False, False, True, True]),
        ([-1.0, 1.0, math.nan, 1.0], [False, True, False, True]),
    ]:
        assert Attributes(("a",), torch.tensor(values)[:, None]).has("a").tolist() == expected


def test_a_normal_does_not_chase_latents_that_hardly_vary(generator):
    latents = torch.randn(400, 2, generator=generator) * torch.tensor([1.0, 1e-4])
    has = latents[:, 0] > 0
    assert cosine(attribute_normal(latents, has, "svm"), torch.tensor([1.0, 0.0])) > 0.999


def test_of_a_model_without_encoder_draws_are_labelled(images, attributes, generator):
    model = Bands().requires_grad_(False).eval()
    (found,) = attribute_directions(model, images, attributes, ["bright"], generator=generator)
    assert cosine(found.vector, torch.eye(LATENTS)[0]) > 0.9


def test_principal_directions_of_posterior_means(model, latents, generator):
    spread = latents * torch.tensor([1.0, 5.0, 2.0, 0.1])
    first, second = principal_directions(model, model.decode(spread).mean, 2)
    assert (first.name, second.name) == ("principal-1", "principal-2")
    assert cosine(first.vector, torch.eye(LATENTS)[1]) > 0.99
    assert cosine(second.vector, torch.eye(LATENTS)[2]) > 0.99
    assert first.vector.norm().item() == pytest.approx(spread[:, 1].std().item(), rel=0.05)


def test_of_a_model_without_encoder_they_are_those_of_largest_change(generator):
    model = Bands().requires_grad_(False).eval()
    found = principal_directions(model, torch.zeros(0, 1, SIDE, SIDE), LATENTS, generator=generator)
    for index, direction in enumerate(found):  # the brightest band first, and so on
        assert cosine(direction.vector, torch.eye(LATENTS)[index]) == pytest.approx(1, abs=1e-4)
        assert direction.vector.norm().item() == pytest.approx(1, rel=0.1)


def test_an_edit_moves_latents_and_strength_0_is_the_image(model, images):
    noisy = images[:3] + 0.1 * torch.randn(3, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(1))
    noisy = noisy.clamp(-1, 1)
    direction = Direction("first", torch.tensor([0.5, 0.0, 0.0, 0.0]), fingerprint(model), "by hand")
    rows = edit(model, noisy, direction, [-1.0, 0.0, 1.0]).unflatten(0, (3, 3))
    torch.testing.assert_close(rows[:, 1], noisy)
    expected = noisy.clone()
    expected[:, :, :2] += 0.5 * 0.4
    torch.testing.assert_close(rows[:, 2], expected.clamp(-1, 1))
    plain = edit(model, noisy, direction, [0.0], keep_residual=False)
    torch.testing.assert_close(plain, model.decode(model.encode(noisy).mean).mean)


def test_examples_and_arithmetic(model):
    def of(*rows):
        return model.decode(torch.tensor(rows)).mean

    man, glasses, woman = [1.0, 0.0, 0.0, 0.0], [1.0, 1.0, 0.0, 0.0], [-1.0, 0.0, 0.0, 0.5]
    direction = example_direction(model, of(glasses, glasses), of(man))
    torch.testing.assert_close(direction.vector, torch.tensor([0.0, 1.0, 0.0, 0.0]))
    found = arithmetic(model, of(glasses), of(man, man), of(woman))
    torch.testing.assert_close(found, of(glasses, man, woman, [-1.0, 1.0, 0.0, 0.5]))


def test_arithmetic_on_a_model_without_encoder_inverts(generator):
    model = Bands().requires_grad_(False).eval()
    latents = torch.randn(3, LATENTS, generator=generator)
    images = model.decode(latents).mean
    found = arithmetic(model, *images.split(1), generator=generator)
    expected = model.decode(latents[:1] - latents[1:2] + latents[2:]).mean
    torch.testing.assert_close(found[3:], expected, atol=0.1, rtol=0)
    torch.testing.assert_close(latents_of(model, images, generator=generator), latents, atol=0.2, rtol=0)


def test_effect_is_the_change_of_strength_1(model, images, attributes, latents):
    reader = AttributeReader(images, attributes)
    assert reader.names == ("bright", "also")
    direction = Direction("first", torch.tensor([1.0, 0.0, 0.0, 0.0]), fingerprint(model), "by hand")
    effect = measure_effect(model, direction, latents[:64], reader).effect
    assert effect["picture"] == pytest.approx(0.4 * 0.25**0.5, rel=1e-3)  # a quarter of the pixels, by 0.4
    assert effect["bright"] > 0.4
    assert effect["bright"] > effect["also"] > 0.2
    nothing = Direction("third", torch.tensor([0.0, 0.0, 1.0, 0.0]), fingerprint(model), "by hand")
    assert abs(measure_effect(model, nothing, latents[:64], reader).effect["bright"]) < effect["bright"] / 2


def test_a_reader_leaves_out_what_it_cannot_read(images, attributes, generator):
    dice = torch.rand(len(images), 1, generator=generator)
    values = torch.cat([attributes.values, dice], dim=1)
    reader = AttributeReader(images, Attributes(("bright", "also", "dice"), values))
    assert reader.names == ("bright", "also")
    assert min(reader.correlations.values()) > 0.5
    assert reader(images).std(0).max() < 1.5


def test_a_walk_without_a_reader_tells_the_picture_alone():
    walks = torch.linspace(-1, 1, 5).reshape(5, 1, 1, 1).repeat(2, 1, 2, 2)
    assert change_a_step(walks, 5) == {"picture": pytest.approx(0.5)}


def test_what_is_saved_is_loaded(tmp_path):
    direction = Direction("smile", torch.randn(5), "0123456789ab", "by hand", {"picture": 0.25, "smile": 1.5})
    loaded = Direction.load(direction.save(tmp_path / "new" / "smile.safetensors"))
    assert torch.equal(loaded.vector, direction.vector)
    assert (loaded.name, loaded.fingerprint, loaded.method) == ("smile", "0123456789ab", "by hand")
    assert loaded.effect == direction.effect


def test_other_weights_have_another_fingerprint(model):
    before = fingerprint(model)
    model.scale.data[0] += 1e-3
    assert fingerprint(model) != before


def test_a_traversal_of_a_model_without_encoder_inverts_its_image(generator):
    model = Bands().requires_grad_(False).eval()
    along = directions(model, torch.zeros(0, 1, SIDE, SIDE), 2, generator=generator)
    assert along.names == ["principal-1", "principal-2"]
    start = model.decode(torch.tensor([[0.5, -0.5, 1.0, 0.0]])).mean
    rows = traverse(model, start, along, steps=3, reach=1, generator=generator).unflatten(0, (2, 3))
    torch.testing.assert_close(rows[0, 1, 0, 2:], start[0, 0, 2:], atol=0.05, rtol=0)
    assert rows[0, 0, 0, 0, 0] < -0.3
    assert rows[0, 2, 0, 0, 0] > 0.3


def test_vectors_at_right_angles_and_as_long_as_a_deviation(generator):
    others = torch.randn(2, 5, generator=generator)
    left = without(torch.randn(5, generator=generator), others)
    torch.testing.assert_close(others @ left, torch.zeros(2), atol=1e-5, rtol=0)
    latents = torch.randn(1000, 5, generator=generator) * 3
    assert of_one_deviation(torch.ones(5), latents).norm().item() == pytest.approx(3, rel=0.1)


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda m, x, a: attribute_directions(m, x, a, ["brigt"]), "did you mean bright"),
        (lambda m, x, a: attribute_directions(m, x, a, ["zzz"]), "there are: bright, also"),
        (lambda m, x, a: attribute_directions(m, x, a, ["bright"], apart=["bright"]), "Nothing of the"),
        (lambda m, x, a: attribute_directions(m, x[:12], a.first(12), ["bright"]), "at least 10 of each"),
        (lambda m, x, a: attribute_directions(nn.Linear(1, 1), x, a, ["bright"]), "decode latents"),
        (lambda m, x, a: AttributeReader(x[:30], a.first(30)), "at least 40"),
        (lambda m, x, a: principal_directions(m, x, 9), "there are 4"),
        (lambda m, x, a: principal_directions(m, x[:1], 1), "at least 2"),
        (lambda m, x, a: example_direction(m, x[:0], x[:1]), "0 examples with"),
        (lambda m, x, a: edit(m, x, Direction("a", torch.zeros(4), "other", ""), [1.0]), "other weights"),
        (lambda m, x, a: Direction.load("nowhere.safetensors"), "no file nowhere"),
        (lambda m, x, a: Direction("a", torch.zeros(4), "", "").save("a.pt"), "kept in a .safetensors"),
    ],
)
def test_letters(model, images, attributes, monkeypatch, ask, said):
    monkeypatch.setattr(Attributes, "first", _first, raising=False)
    with pytest.raises(ValueError, match=said):
        ask(model, images, attributes)


def _first(attributes, count):
    return Attributes(attributes.names, attributes.values[:count])


def test_other_files_hold_no_direction(tmp_path):
    for content in (b"nothing", b""):
        (tmp_path / "x.safetensors").write_bytes(content)
        with pytest.raises(ValueError, match="holds no direction"):
            Direction.load(tmp_path / "x.safetensors")


def test_what_cannot_be_read_off_draws_is_a_letter(images, attributes, generator):
    dice = torch.rand(len(images), 1, generator=generator)
    known = Attributes(("bright", "dice"), torch.cat([attributes.values[:, :1], dice], dim=1))
    with pytest.raises(ValueError, match="What can: bright"):
        attribute_directions(Bands().eval(), images, known, ["dice"], generator=generator)


def test_data_without_labels_is_a_letter(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (40, 8, 8), dtype=np.uint8)
    store = prepare(noise, cache=tmp_path, progress=False)
    with pytest.raises(ValueError, match="neither attributes nor classes"):
        Attributes.of(store.split("train"), store.facts, slice(0, 3))
