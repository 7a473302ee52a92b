"""Laws of every pair of generator and critic."""

from itertools import pairwise

import pytest
import torch
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st
from networks.pairs import NUM_LATENTS, PAIRS, pair
from torch import nn

from latentia.networks import MinibatchDeviation, SpectralNorm
from latentia.networks.bottlenecks import Smooth
from latentia.networks.conditions import Attributes, Classes, Score

ALL = pytest.mark.parametrize("name", list(PAIRS))
COUPLING = (nn.BatchNorm2d, MinibatchDeviation)
TOLD = {"classes": Classes(3), "attributes": Attributes(3, 5)}
GIVEN = {
    "classes": torch.tensor([0, 1, 2, 0]),
    "attributes": torch.tensor([[1.0, -1, 0], [0, 2, 1], [3, 0, 1], [1, 1, 1]]),
}


def latents(count: int) -> torch.Tensor:
    return torch.randn(count, NUM_LATENTS, generator=torch.Generator().manual_seed(1))


def perturbed(network: nn.Module) -> nn.Module:
    """No law holds by initialisation: some layers start at zero."""
    generator = torch.Generator().manual_seed(2)
    for parameter in network.parameters():
        parameter.data += 0.1 * torch.randn(parameter.shape, generator=generator)
    return network


@ALL
@settings(max_examples=8, deadline=None)
@drawn(
    channels=st.integers(1, 4),
    height=st.sampled_from([8, 12, 20, 28, 32]),
    width=st.sampled_from([8, 16, 28, 36]),
    told=st.sampled_from([None, *TOLD]),
    batch=st.integers(1, 3),
)
def test_shapes_and_ranges(name, channels, height, width, told, batch) -> None:
    generator, critic = pair(name, (channels, height, width), condition=TOLD.get(told))
    given = GIVEN["attributes" if told == "attributes" else "classes"][:batch]
    images = generator(latents(batch), given)
    assert images.shape == (batch, channels, height, width)
    assert images.dtype == torch.float32
    assert float(images.detach().abs().max()) <= 1
    scores = critic(images, given)
    assert scores.shape == (batch,)
    assert bool(torch.isfinite(scores).all())
    features = critic.features(images, given)
    assert isinstance(features, tuple)
    assert all(level.shape[0] == batch and bool(torch.isfinite(level).all()) for level in features)


@pytest.mark.parametrize("name", [name for name in PAIRS if name != "mlp"])
@pytest.mark.parametrize("sides", [(9, 9), (4, 4), (8, 7)])
def test_sizes_that_cannot_be_halved_are_refused(name: str, sides: tuple[int, int]) -> None:
    for build in PAIRS[name]:
        with pytest.raises(ValueError, match=f"{sides[0]} x {sides[1]} px cannot be"):
            build(*[20] * (build is PAIRS[name][0]), (1, *sides), width=4)


def test_points_are_images_of_one_pixel() -> None:
    generator, critic = pair("mlp", (2, 1, 1), width=16)
    points = generator(latents(5))
    assert points.shape == (5, 2, 1, 1)
    assert [tuple(level.shape) for level in critic.features(points)] == [(5, 16)] * 3


@ALL
def test_features_are_shallow_first_and_what_the_score_is_made_of(name: str) -> None:
    _, critic = pair(name, (1, 32, 16))
    images = torch.randn(3, 1, 32, 16, requires_grad=True)
    features = critic.features(images)
    places = [level[0, 0].numel() for level in features if level.dim() == 4]
    assert places == sorted(places, reverse=True)
    for shallow, deep in pairwise(features):
        (slope,) = torch.autograd.grad(deep.sum(), shallow, retain_graph=True)
        assert bool((slope != 0).any())


@ALL
@pytest.mark.parametrize("told", list(TOLD))
def test_gradients_reach_every_parameter(name: str, told: str) -> None:
    generator, critic = (perturbed(n) for n in pair(name, (1, 16, 16), condition=TOLD[told]))
    given = GIVEN[told]
    critic(generator(latents(4), given), given).square().sum().backward()
    idle = {"from_pixels", "to_pixels"}  # of resolutions that are faded in no more
    for network in (generator, critic):
        for key, parameter in network.named_parameters():
            reached = parameter.grad is not None and bool((parameter.grad != 0).any())
            assert reached or key.split(".")[0] in idle, key


@ALL
@pytest.mark.parametrize("which", [0, 1], ids=["generator", "critic"])
def test_an_image_is_seen_alone(name: str, which: int) -> None:
    """But for batch normalisation and the deviation over the batch."""
    network = perturbed(pair(name, (1, 16, 16))[which])
    alone = not any(isinstance(part, COUPLING) for part in network.modules())
    inputs = torch.randn(4, 1, 16, 16) if which else latents(4)
    whole, two = network(inputs), network(inputs[:2])
    assert torch.allclose(whole[:2], two, atol=1e-4) == alone


@ALL
@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 28, 28), (3, 64, 32)])
def test_outputs_are_about_one_at_the_start(name: str, shape: tuple[int, int, int]) -> None:
    """Before the hyperbolic tangent; but of DCGAN, whose weights start small, as published."""
    torch.manual_seed(0)
    generator, critic = pair(name, shape, width=8)
    images = generator(latents(32)).detach()
    deviation = float(images.clamp(-1 + 1e-6, 1 - 1e-6).atanh().std())
    scores = critic(images).detach().abs()
    print(f"{name} {shape}: {deviation:.2f} {float(scores.mean()):.3f}")
    assert (0.03 if name == "dcgan" else 0.2) < deviation < 2
    assert float(scores.max()) < 10


@ALL
@pytest.mark.parametrize("told", list(TOLD))
def test_what_is_told_is_asked_for_and_heard(name: str, told: str) -> None:
    networks = pair(name, (1, 8, 8), condition=TOLD[told])
    for network, inputs in zip(networks, (latents(3), torch.randn(3, 1, 8, 8)), strict=True):
        perturbed(network)
        with pytest.raises(ValueError, match=rf"of 3 {told} has to be given .* got nothing"):
            network(inputs)
        with pytest.raises(ValueError, match=r"got torch.float32 of shape \(3, 2\)"):
            network(inputs, torch.randn(3, 2))
        one, other = (network(inputs, given.expand(3, *given.shape)) for given in GIVEN[told][:2])
        assert not torch.allclose(one, other)


@ALL
def test_a_network_without_classes_is_told_of_them_in_vain(name: str) -> None:
    generator, critic = pair(name, (1, 8, 8))
    given, images = torch.tensor([0, 1, 2]), torch.randn(3, 1, 8, 8)
    assert torch.equal(generator(latents(3), given), generator(latents(3)))
    assert torch.equal(critic(images, given), critic(images))


def test_a_score_projects_features_on_their_class() -> None:
    score = Score(5, Classes(3))
    features, given = torch.randn(4, 5), torch.tensor([2, 0, 1, 1])
    expected = [
        score.weight[0] @ f + score.bias[0] + score.classes.weight[y] @ f
        for f, y in zip(features, given, strict=True)
    ]
    assert torch.allclose(score(features, given), torch.stack(expected), atol=1e-6)


def test_smoothing_up_and_down_are_each_others_transpose() -> None:
    smooth, small, large = Smooth().double(), *(torch.randn(2, 3, s, s, dtype=torch.float64) for s in (4, 8))
    downwards = (smooth.halved(large) * small).sum()
    assert float(downwards) == pytest.approx(float((large * smooth.doubled(small)).sum()) / 4)
    flat = torch.ones(1, 2, 8, 8, dtype=torch.float64)
    assert torch.equal(smooth.halved(flat)[..., 1:, 1:], flat[..., :3, :3])
    line = torch.tensor([0.0, 2.0, 4.0, 6.0], dtype=torch.float64).expand(1, 1, 4, 4)
    assert torch.equal(smooth.doubled(line)[0, 0, 0], torch.tensor([0, 1, 2, 3, 4, 5, 6, 3.0]).double())


@ALL
def test_slopes_have_slopes(name: str) -> None:
    """What R1 and the gradient penalty descend, against central differences along a direction."""
    _, critic = pair(name, (1, 8, 8), condition=Classes(2))
    critic = perturbed(critic).double()
    images, given = torch.rand(4, 1, 8, 8, dtype=torch.float64), torch.tensor([0, 1, 1, 0])
    norms = [part for part in critic.modules() if isinstance(part, SpectralNorm)]
    for _ in range(500 if norms else 0):  # their gradient is exact where the iteration has come to rest
        critic(images, given)
        for norm in norms:
            norm.fold()
    parameters = list(critic.parameters())
    direction = [torch.randn_like(parameter) for parameter in parameters]

    def squared_slope() -> torch.Tensor:
        at = images.clone().requires_grad_()
        (slope,) = torch.autograd.grad(critic(at, given).sum(), at, create_graph=True)
        return slope.square().sum()

    def moved(by: float) -> torch.Tensor:
        for parameter, way in zip(parameters, direction, strict=True):
            parameter.data += by * way
        return squared_slope().detach()

    found = torch.autograd.grad(squared_slope(), parameters, allow_unused=True)
    along = sum((g * way).sum() for g, way in zip(found, direction, strict=True) if g is not None)
    bit = 1e-7
    expected = (moved(bit) - moved(-2 * bit)) / (2 * bit)
    assert float(along) == pytest.approx(float(expected), rel=1e-4)
