"""The adversarial network's own arithmetic: growth, classes, codes, clipped weights, shared images."""

import itertools
import math

import pytest
import torch
from torch import nn
from torch.nn import functional
from training import feed, fresh, turns

from latentia.distributions import CodedPrior, Codes
from latentia.losses import GAMES, r1, r2
from latentia.models import AdversarialNetwork
from latentia.models.gan.growth import Growth
from latentia.models.gan.recognition import ClassRecognition, CodeRecognition
from latentia.networks import ProgressiveGenerator
from latentia.protocols import Batch
from latentia.training import Adam, Plan, State, take_turn
from zoo import SHAPE, ZOO


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_real_images_fade_as_generated_ones_do() -> None:
    growth = Growth(num_phases=3, images=100, fade=50)
    images = torch.rand(2, 1, 16, 24, generator=seeded())
    assert torch.equal(growth.at_depth(images, 2.0), images)
    assert growth.at_depth(images, 0.0).shape == (2, 1, 4, 6)
    half = growth.at_depth(images, 1.0)
    assert torch.equal(half, functional.avg_pool2d(images, 2))
    # Where a fade begins, the new resolution shows the old one enlarged; where it ends, itself.
    begun, ended = growth.at_depth(images, 1 + 1e-6), growth.at_depth(images, 2 - 1e-6)
    assert torch.allclose(begun, half.repeat_interleave(2, 2).repeat_interleave(2, 3), atol=1e-5)
    assert torch.allclose(ended, images, atol=1e-5)
    assert (
        growth.at_depth(images, 1.3).shape
        == ProgressiveGenerator(2, (1, 16, 24), width=2)(torch.zeros(2, 2), depth=1.3).shape
    )


def test_depth_rises_steadily_and_stops_at_the_whole_image() -> None:
    growth = Growth(num_phases=3, images=100, fade=50)
    by_the_run = Growth(num_phases=3)
    for depths in (
        [growth.depth_at(seen, horizon=1000) for seen in range(0, 1000, 5)],
        [by_the_run.depth_at(seen, horizon=800) for seen in range(0, 1000, 5)],
    ):
        assert depths == sorted(depths)
        assert max(b - a for a, b in itertools.pairwise(depths)) <= 0.1 + 1e-9
        assert depths[-1] == 2.0
    assert [by_the_run.depth_at(seen, 800) for seen in (100, 399, 400)] == [0.0, 1.99, 2.0]
    with pytest.raises(ValueError, match="fade = 0: it has to be 1 or more"):
        Growth(num_phases=2, images=100, fade=0)


def test_draws_are_as_deep_as_what_was_trained_last_averaged_weights_too() -> None:
    plan = ZOO["gan growing"]()
    state = fresh(plan)
    for count, enlarged in ((1, True), (3, False)):
        turns(state, plan, 17, count)
        for model in (state.model, state.average.model):
            assert int(model.images_seen) == state.images_seen - 32
            images = model.sample(3, generator=seeded()).detach()
            assert images.shape == (3, *SHAPE)
            blocks = functional.interpolate(images[:, :, ::2, ::2], scale_factor=2)
            assert torch.equal(images, blocks) == enlarged, "pixels of 2 x 2 before the fade begins"
            assert model.features(images)[-1].shape[0] == 3


def test_a_conditional_model_draws_the_classes_it_is_told() -> None:
    model = ZOO["gan conditional"]().model.eval()
    given = torch.tensor([0, 1, 2, 1])
    latents = torch.zeros(4, 3)
    images = model.decode(latents, given=given).mean
    assert torch.equal(images[1], images[3])
    assert not torch.allclose(images[0], images[1])
    drawn = model.sample(300, generator=seeded(), temperature=0.0)
    kinds = torch.stack([(drawn - images[k]).abs().amax((1, 2, 3)) < 1e-5 for k in range(3)])
    assert bool((kinds.sum(0) == 1).all())
    assert bool((kinds.sum(1) > 70).all()), "each as often"


def test_classes_that_are_missing_or_unknown_are_letters() -> None:
    plan = ZOO["gan conditional"]()
    model = plan.model
    with pytest.raises(ValueError, match=r"class of every image.*0 to 2.*got nothing"):
        model.decode(torch.zeros(1, 3))
    with pytest.raises(ValueError, match=r"from 0 to 3; this model knows those from 0 to 2"):
        model.eval().sample(2, given=torch.tensor([0, 3]))
    images = feed(plan, 17)(0, 32).images
    for given in (None, torch.zeros(32, 5)):
        with pytest.raises(ValueError, match=r"Give classes, or train on data that has some"):
            take_turn(fresh(plan), plan, lambda *_, g=given: Batch(images, g), seed=0, horizon=100)


def test_codes_are_drawn_uniformly_and_latents_are_divided_as_they_say() -> None:
    codes = Codes(4, categories=(3, 2), num_continuous=1)
    prior = CodedPrior(codes)()
    latents = prior.draw(torch.randn(20_000, *prior.noise_shape, generator=seeded()))
    assert latents.shape == (20_000, codes.num_latents)
    noise, (three, two), numbers = codes.split(latents)
    assert noise.std() == pytest.approx(1, abs=0.02)
    for one_hot in (three, two):
        assert torch.equal(one_hot.sum(1), torch.ones(20_000))
        assert torch.allclose(
            one_hot.mean(0), torch.full((one_hot.shape[1],), 1 / one_hot.shape[1]), atol=0.02
        )
    assert float(numbers.abs().max()) <= 1
    assert numbers.std() == pytest.approx(1 / 3**0.5, abs=0.02)
    assert torch.allclose(latents.mean(0), prior.mean[0], atol=0.03)
    assert codes.entropy == pytest.approx(math.log(3) + math.log(2) + math.log(2))


def test_recognition_is_a_bound_on_the_information_of_codes() -> None:
    """H(c) less the loss is 0 for features that say nothing, and H(c) for those that say all."""
    codes = Codes(1, categories=(4,))
    latents = CodedPrior(codes)().draw(torch.randn(1000, 5, generator=seeded()))
    head = CodeRecognition(4, codes)
    nn.init.zeros_(head.logits.bias)
    nn.init.eye_(head.logits.weight)
    silent, telling = head(torch.zeros(1000, 4), latents, None), head(100 * latents[:, 1:], latents, None)
    assert codes.entropy - silent.mean().item() == pytest.approx(0, abs=1e-5)
    assert codes.entropy - telling.mean().item() == pytest.approx(codes.entropy, abs=1e-5)


def test_class_recognition_is_the_cross_entropy() -> None:
    head = ClassRecognition(4, 3)
    features, given = torch.randn(6, 4), torch.tensor([0, 1, 2, 0, 1, 2])
    expected = -head.logits(features).log_softmax(1)[torch.arange(6), given]
    assert torch.allclose(head(features, None, given), expected)


def test_a_generator_makes_codes_visible() -> None:
    """A hundred turns of digits-free noise: the codes can be read off the images better than by chance."""
    plan = ZOO["gan informed"]()
    state, losses = fresh(plan), []
    for _ in range(120):
        losses.append(take_turn(state, plan, feed(plan, 17), seed=0, horizon=10_000)["generator/recognition"])
    entropy = plan.model.recognition.codes.entropy
    first, last = (float(torch.stack(part).mean()) for part in (losses[:10], losses[-10:]))
    assert entropy - first < 0.3 * entropy < 0.6 * entropy < entropy - last


def test_clipped_weights_stay_within_bounds() -> None:
    plan = ZOO["gan clipped"]()
    state = turns(fresh(plan), plan, 17, 2)
    assert max(p.abs().max().item() for p in state.model.critic.parameters()) < 0.0501
    assert max(p.abs().max().item() for p in state.model.generator.parameters()) > 0.05


class Counting(nn.Module):
    """A generator that counts how often it is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.calls = nn.Linear(2, 4), 0

    def forward(self, latents: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        return self.layer(latents).view(-1, 1, 2, 2).tanh()


class Plain(nn.Module):
    """A critic that keeps what it is shown."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.shown = nn.Linear(4, 1), []

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        self.shown.append(images.detach().clone())
        return (self.layer(images.flatten(1)).squeeze(1)) ** 2


def test_penalties_are_taken_at_the_images_that_the_critic_steps_on() -> None:
    generator, critic = Counting(), Plain()
    model = AdversarialNetwork(
        image_shape=(1, 2, 2),
        generator=generator,
        critic=critic,
        game=GAMES["relativistic"],
        num_latents=2,
        penalties=[r1(1.0), r2(1.0)],
    )
    plan = Plan(model, optimisers={"critic": Adam(), "generator": Adam()}, batch_size=8)

    def draw(position: int, count: int) -> Batch:
        return Batch(torch.rand(count, 1, 2, 2, generator=seeded(position)))

    take_turn(State.fresh(plan, torch.device("cpu")), plan, draw, seed=0, horizon=8)
    assert generator.calls == 2, "once for all that the critic does, once for the generator"
    real, generated, at_r1, at_r2 = critic.shown[:4]
    assert torch.equal(real, at_r1)
    assert torch.equal(generated, at_r2)
