"""Autoencoders that are told something: a distribution over all images for each thing that they are told."""

import itertools

import pytest
import torch
from training import feed, fresh, turns

from latentia.models import VariationalAutoencoder
from latentia.protocols import Batch
from latentia.recipes import find
from latentia.training import take_turn
from zoo import ZOO, facts, told

ALL_IMAGES = torch.tensor(list(itertools.product([-1.0, 1.0], repeat=4))).reshape(16, 1, 2, 2)
GIVEN = {
    False: torch.tensor([0, 2]),
    True: torch.tensor([[0.0, 11.0, 3.0], [1.0, torch.nan, 3.0]]),
}


def tiny(described: bool, **arguments: object) -> VariationalAutoencoder:
    """A model of 2 x 2 binary images, perturbed, with q(z|x, y) as wide as the prior."""
    data = facts(2, height=2, width=2, described=described)
    torch.manual_seed(0)
    plan = find("vae.conditional")(data, network="mlp", width=8, num_latents=2, **arguments)
    model = plan.model.eval().requires_grad_(False)
    assert isinstance(model, VariationalAutoencoder)
    for parameter in model.parameters():
        parameter += 0.3 * torch.randn(parameter.shape)
    head = model.encoder[-1]
    head.linear.weight *= 0.1
    head.linear.bias[2:] = 0.4
    return model


@pytest.mark.parametrize("described", [False, True], ids=["classes", "attributes"])
def test_probabilities_of_all_images_sum_to_one_whatever_is_told(described: bool) -> None:
    model, draws = tiny(described).double(), 30_000
    for one in GIVEN[described]:
        given = one.expand(16, *one.shape)
        given = given.double() if given.is_floating_point() else given
        generator = torch.Generator().manual_seed(5)
        log_weights = model.log_weights(ALL_IMAGES.double(), draws, given=given, generator=generator)
        assert float(log_weights.mean(0).exp().sum()) <= 1
        probabilities = log_weights.exp()
        standard_error = float((probabilities.var(0) / draws).sum().sqrt())
        assert float(probabilities.mean(0).sum()) == pytest.approx(1, abs=3 * standard_error)
        assert standard_error < 0.05, "too noisy to fail"


@pytest.mark.parametrize("described", [False, True], ids=["classes", "attributes"])
def test_posterior_likelihood_and_density_follow_what_is_told(described: bool) -> None:
    model = tiny(described)
    first, second = (one.expand(16, *one.shape) for one in GIVEN[described])
    means = [model.encode(ALL_IMAGES, given=given).mean for given in (first, second)]
    assert not torch.allclose(*means)
    decoded = [model.decode(torch.zeros(16, 2), given=given).mean for given in (first, second)]
    assert not torch.allclose(*decoded)
    apart = torch.stack([model.log_prob(ALL_IMAGES, given=given) for given in (first, second)])
    assert not torch.allclose(apart[0], apart[1])
    # Every draw of an image is decoded with what that image is told, in whichever batch it stands.
    mixed = torch.cat([first[:8], second[8:]])
    expected = torch.cat([apart[0, :8], apart[1, 8:]])
    torch.testing.assert_close(model.log_prob(ALL_IMAGES, given=mixed), expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("described", [False, True], ids=["classes", "attributes"])
def test_samples_are_those_of_what_is_told_or_of_what_the_data_tells(described: bool) -> None:
    model = tiny(described)
    for one in GIVEN[described]:
        given = one.expand(4000, *one.shape)
        generator = torch.Generator().manual_seed(1)
        drawn = model.sample(4000, given=given, generator=generator)
        likely = model.log_weights(ALL_IMAGES, 2000, given=given[:16], generator=generator)
        expected = likely.exp().mean(0)
        seen = (drawn.flatten(1)[:, None] == ALL_IMAGES.flatten(1)).all(2).float().mean(0)
        assert float((seen - expected).abs().max()) < 0.04
    means = model.sample(64, generator=torch.Generator().manual_seed(0), noise=False, temperature=0.0)
    kinds = len(means.flatten(1).unique(dim=0))
    assert kinds == 3 if not described else kinds > 10


@pytest.mark.parametrize(
    ("described", "given", "letter"),
    [
        (False, None, r"class of every image.*0 to 2, and got nothing"),
        (False, torch.zeros(16, 3), r"class of every image.*got torch.float32 of shape \(16, 3\)"),
        (False, torch.full((16,), 7), r"from 7 to 7; this model knows those from 0 to 2"),
        (True, None, r"told 3 attributes of every image, and got nothing"),
        (True, torch.zeros(16, dtype=torch.int64), r"told 3 attributes.*torch.int64 of shape \(16,\)"),
        (True, torch.zeros(16, 2), r"told 3 attributes.*NaN for what is unknown"),
    ],
)
def test_what_is_missing_or_of_another_shape_is_a_letter(described: bool, given, letter: str) -> None:
    model = tiny(described)
    for asked in (
        lambda: model.encode(ALL_IMAGES, given=given),
        lambda: model.decode(torch.zeros(16, 2), given=given),
        lambda: model.log_prob(ALL_IMAGES, given=given),
        lambda: model.log_weights(ALL_IMAGES, 3, given=given),
    ):
        with pytest.raises(ValueError, match=letter):
            asked()


@pytest.mark.parametrize("name", ["vae.conditional attributes", "gan.conditional attributes"])
def test_unknown_attributes_train_as_their_mean_does(name: str) -> None:
    """Turns on unknown attributes are those on attributes at the training images' mean, bit for bit."""
    weights = []
    for unknown in (True, False):
        plan = ZOO[name]()
        state, draw, mean = fresh(plan), feed(plan, 17), plan.model.condition.mean
        row = torch.full_like(mean, torch.nan) if unknown else mean

        def told_so(position: int, count: int, draw=draw, row=row) -> Batch:
            return Batch(draw(position, count).images, row.expand(count, 3))

        take_turn(state, plan, told_so, seed=0, horizon=100)
        weights.append(state.model.state_dict())
    assert all(torch.equal(weights[0][key], weights[1][key]) for key in weights[0])


@pytest.mark.parametrize("name", ["vae.conditional attributes", "gan.conditional attributes"])
def test_what_is_known_of_attributes_stands_still_in_training_and_average(name: str) -> None:
    plan = ZOO[name]()
    before = {key: value.clone() for key, value in plan.model.condition.state_dict().items()}
    assert set(before) == {"mean", "scale", "rows"}
    state = turns(fresh(plan), plan, 17, 2)
    for model in (state.model, state.average.model):
        for key, value in model.condition.state_dict().items():
            assert torch.equal(value, before[key])
    assert told(plan.model, 4).isnan().any()
