"""Features of named layers, and what they are worth after a few labels."""

import math

import pytest
import torch

from latentia.data import prepare
from latentia.protocols import Describes, Encodes
from latentia.recipes import find
from latentia.tasks import FeatureReader, curve_table, layer_names, transfer
from latentia.tasks.draw import is_conditional
from latentia.tasks.layers import pooled
from latentia.tasks.supervised import SupervisedNetwork, learn_supervised
from latentia.tasks.transfer import Labelled, _settled
from zoo import ZOO, facts

READABLE = [
    name
    for name, make in ZOO.items()
    if isinstance(model := make().model, Describes | Encodes) and not is_conditional(model)
]


@pytest.fixture(scope="module")
def digits():
    return prepare("digits", progress=False)


def _gan():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return ZOO["gan.dcgan"]().model.eval()


@pytest.mark.parametrize("name", READABLE)
def test_every_critic_and_every_encoder_can_be_read(name):
    if name in ("gan.progressive", "gan growing"):
        pytest.skip("grows by the run: its depth is known once it has begun")
    model = ZOO[name]().model.eval()
    reader = FeatureReader(model)
    images = torch.rand(5, *model.image_shape, generator=torch.Generator().manual_seed(0)) * 2 - 1
    features = reader(images)
    assert features.shape == (5, sum(reader.widths))
    assert features.isfinite().all()
    torch.testing.assert_close(reader(images[3:4])[0], features[3], atol=1e-4, rtol=1e-4)
    assert layer_names(model) == reader.names
    assert not model.training


def test_levels_of_a_critic_are_pooled_and_laid_side_by_side():
    model = ZOO["gan.sngan"]().model.eval()
    images = torch.rand(3, 1, 8, 8) * 2 - 1
    levels = model.features(images)
    expected = [torch.nn.functional.adaptive_max_pool2d(level, 2).flatten(1) for level in levels]
    torch.testing.assert_close(FeatureReader(model, grid=2)(images), torch.cat(expected, 1))
    assert FeatureReader(model, ["critic.1"], grid=2).widths == (expected[1].shape[1],)


def test_pooling_takes_the_maximum_of_each_cell_and_never_invents_any():
    maps = torch.randn(2, 3, 9, 6, generator=torch.Generator().manual_seed(0))
    cells = pooled(maps, 3).view(2, 3, 3, 3)
    for row in range(3):
        for column in range(3):
            cell = maps[:, :, 3 * row : 3 * row + 3, 2 * column : 2 * column + 2]
            assert (cells[:, :, row, column] == cell.amax((2, 3))).all()
    assert (pooled(maps, 20) == maps.flatten(1)).all()
    assert pooled(maps[:, :, 0, 0], 4).shape == (2, 3)


def test_an_encoder_shows_its_maps_and_its_latents_and_any_module_by_name():
    model = ZOO["vae.gaussian"]().model.eval()
    reader = FeatureReader(model)
    images = torch.rand(4, 1, 8, 8) * 2 - 1
    *maps, latents = reader.names
    assert latents == "latents"
    found = reader.activations(images)
    torch.testing.assert_close(found["latents"], model.encode(images).mean)
    assert all(found[name].dim() == 4 for name in maps)
    first = FeatureReader(model, ["encoder.0.levels.0"])
    convolution = model.get_submodule("encoder.0.levels.0")
    torch.testing.assert_close(first.activations(images)["encoder.0.levels.0"], convolution(images))
    assert not any(module._forward_hooks for module in model.modules())


def test_features_of_a_split_are_those_of_its_images(digits, monkeypatch):
    reader, split = FeatureReader(_gan()), digits.split("test")
    whole = reader(split.images(slice(None)))
    monkeypatch.setattr("latentia.tasks.layers.AT_ONCE", 50)
    torch.testing.assert_close(reader.of(split), whole)
    monkeypatch.setattr("latentia.tasks.layers.MOST_GIGABYTES", 1e-6)
    with pytest.raises(ValueError, match="smaller grid"):
        reader.of(split)


def test_labels_are_drawn_evenly_and_never_from_the_test_part(digits):
    known = Labelled.of(digits)
    rows = known.draw(7, seed=3)
    assert known.labels[rows].bincount().tolist() == [7] * 10
    assert len(rows.unique()) == 70
    assert (known.draw(7, seed=3) == rows).all()
    assert set(known.draw(7, seed=4).tolist()) != set(rows.tolist())
    assert set(known.draw(3, seed=3).tolist()) < set(rows.tolist())  # more labels contain the fewer
    names = set(digits.split("train").names) | set(digits.split("validation").names)
    assert set(known.pool.names) == names
    assert not names & set(known.test.names)
    images = torch.cat([digits.split(part).images(slice(None)) for part in ("train", "validation")])
    assert (known.pool.images(slice(None)) == images).all()


def test_curves_stand_beside_what_they_have_to_beat(digits):
    curves = transfer(_gan(), digits, sizes=(20, 5), seeds=2, untrained=_gan)
    assert [curve.name for curve in curves] == ["this model", "pixels", "untrained network"]
    assert [(p.num_labels, p.whole, len(p.accuracies)) for p in curves[0].points[:2]] == [
        (5, False, 2),
        (20, False, 2),
    ]
    assert curves[0].points == curves[2].points != curves[1].points, "the model is not trained either"
    for curve in curves:
        few, more, every = (point.mean for point in curve.points)
        assert 0.5 < few < more <= every + 0.02 <= 1.02
    assert curves[1].num_features == 64
    assert len(curve_table(curves).splitlines()) == 4
    assert "all (" in curve_table(curves).splitlines()[0]


def test_neighbours_are_a_probe_too(digits):
    model, pixels = transfer(_gan(), digits, sizes=(10,), seeds=1, probe="nearest")
    assert pixels.points[0].mean > 0.8
    assert model.points[0].std == 0


def test_a_network_without_training_has_norms_that_know_the_images(digits):
    """Else a batch norm of a fresh critic would be the identity, and no network that anybody trains."""
    model = _norms()
    images = digits.split("train").images(slice(0, 1_000))
    settled = _settled(model, digits.split("train"), ["critic.0", "critic.1"])
    assert not settled.training
    norm = next(part for part in settled.critic.modules() if isinstance(part, torch.nn.BatchNorm2d))
    seen = {}
    handle = norm.register_forward_hook(lambda module, inputs, output: seen.update(of=output))
    settled.features(images)
    handle.remove()
    assert seen["of"].mean((0, 2, 3)).sub(norm.bias).abs().max() < 0.1
    spread = seen["of"].std((0, 2, 3)) / norm.weight.abs()
    assert 0.5 < spread.min() <= spread.max() < 1.1  # below 1 by the norm's epsilon; 0.01 without statistics
    assert norm.momentum == 0.1


def _norms():
    return find("gan.dcgan")(facts(height=16, width=16), width=4, num_latents=2).model


def test_a_supervised_network_learns_and_keeps_its_trunk(digits):
    known = Labelled.of(digits)
    rows = known.draw(40, seed=0)
    model = _gan()
    before = {name: value.clone() for name, value in model.named_parameters()}
    network = learn_supervised(model, known.pool, rows, known.labels[rows], 10, seed=0)
    accuracy = (network.predict(known.test) == known.test_labels).double().mean()
    assert accuracy > 0.75  # chance is 0.1
    moved = {name for name, value in model.named_parameters() if not torch.equal(value, before[name])}
    assert moved
    assert all(name.startswith("critic.encoder") for name in moved)  # neither the score nor the generator


def test_the_same_seed_teaches_the_same_network(digits, monkeypatch):
    monkeypatch.setattr("latentia.tasks.supervised.FEWEST_SHOWN", 320)
    monkeypatch.setattr("latentia.tasks.supervised.MOST_SHOWN", 320)
    rows, labels = torch.arange(64), digits.split("train").classes(slice(0, 64))

    def weights(seed):
        network = learn_supervised(_gan(), digits.split("train"), rows, labels, 10, seed=seed)
        return network.outputs.weight.detach()

    assert torch.equal(weights(0), weights(0))
    assert not torch.equal(weights(0), weights(1))


def test_gradient_reaches_the_trunk():
    network = SupervisedNetwork(_gan(), 3).train()
    network(torch.rand(4, 1, 8, 8)).square().sum().backward()
    grown = [p.grad for name, p in network.named_parameters() if name.startswith("model.critic.encoder")]
    assert grown
    assert all(math.isfinite(float(g.abs().sum())) and g.abs().sum() > 0 for g in grown)


def test_letters(digits):
    conditional, linear = ZOO["gan.conditional"]().model.eval(), _gan()
    with pytest.raises(ValueError, match="would know the labels"):
        FeatureReader(conditional)
    with pytest.raises(ValueError, match=r"no layer 'critic.7'.*critic.0"):
        FeatureReader(linear, ["critic.7"])
    with pytest.raises(ValueError, match="at least 1 cell"):
        FeatureReader(linear, grid=0)
    with pytest.raises(ValueError, match="training mode"):
        FeatureReader(linear.train())(torch.zeros(1, 1, 8, 8))
    with pytest.raises(ValueError, match="latentia recipes"):
        FeatureReader(ZOO["gan.restore"]().model)
    model = _gan()
    with pytest.raises(ValueError, match="smallest has"):
        transfer(model, digits, sizes=(10_000,))
    with pytest.raises(ValueError, match="0 draws"):
        transfer(model, digits, seeds=0)
    with pytest.raises(ValueError, match="untrained"):
        transfer(model, digits, supervised=True)
    with pytest.raises(ValueError, match="0 classes"):
        transfer(model, prepare(torch.rand(64, 1, 8, 8).numpy(), progress=False))
