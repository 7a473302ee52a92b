"""Recipes of adversarial networks: what they build, on which images, and what they refuse."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch.nn.modules.batchnorm import _BatchNorm

from latentia import recipes
from latentia.data import Facts
from latentia.networks import BottleneckCritic, Critic, MLPCritic, MLPGenerator, SpectralNorm
from latentia.protocols import Batch
from latentia.recipes import find
from latentia.training import Plan, State, checkpoint, take_turn
from zoo import facts

# Restorers are told damaged images, and have tests of their own.
NAMES = [name for name in recipes.names() if name.startswith("gan.") and name != "gan.restore"]
SMALL = {"num_latents": 3, "width": 4, "batch_size": 4}
SHAPES = {"digits": (1, 8, 8), "28 px": (1, 28, 28), "colour, not square": (3, 32, 48)}
KINDS = {
    "relativistic, convolutional": ("gan.r3", {"network": "convolutional"}),
    "relativistic, grouped": ("gan.r3", {"dense": False}),
    "progressive, non-saturating": ("gan.progressive", {"game": "non_saturating", "penalty": 1.0}),
    "conditional, residual": ("gan.conditional", {"game": "hinge", "network": "residual"}),
    "conditional, bottlenecks": ("gan.conditional", {"network": "bottleneck"}),
    "hinge, batch norm, augmented": ("gan.hinge", {"norm": "batch", "augment": "always"}),
    "least squares, adaptive": ("gan.least_squares", {"augment": "adaptive", "flip": True}),
} | {name: (name, {}) for name in NAMES}


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LATENTIA_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


def built(name: str, image_shape: tuple[int, int, int] = (1, 8, 8), **arguments: object) -> Plan:
    channels, height, width = image_shape
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return find(name)(facts(channels=channels, height=height, width=width), **SMALL | arguments)


def take_turns(plan: Plan, count: int) -> list[dict[str, torch.Tensor]]:
    """Turns on random images and classes."""

    def draw(position: int, images: int) -> Batch:
        generator = torch.Generator().manual_seed(position)
        drawn = 2 * torch.rand(images, *plan.model.image_shape, generator=generator) - 1
        classes = torch.randint(3, (images,), generator=generator)
        return Batch(drawn, classes)

    state = State.fresh(plan, torch.device("cpu"))
    return [take_turn(state, plan, draw, seed=0, horizon=1000) for _ in range(count)]


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("kind", KINDS)
def test_it_takes_steps_and_draws_whatever_the_images(kind: str, shape: tuple[int, int, int]) -> None:
    name, arguments = KINDS[kind]
    plan = built(name, shape, **arguments)
    for terms in take_turns(plan, 3):
        assert all(bool(value.isfinite()) for value in terms.values())
    images = plan.model.eval().sample(5)
    assert images.shape == (5, *shape)
    assert bool((images.abs() <= 1).all())


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("gan.r3", {"augment": "adaptive"}),
        ("gan.progressive", {"phase": 256, "fade": 768}),
        ("gan.conditional", {"cool_down": 0.0}),  # or the half would end at a lower rate
    ],
)
def test_resumed_it_is_the_unbroken_run_bit_for_bit(name: str, arguments: dict, tmp_path: Path) -> None:
    """The progressive run is broken off when a quarter of the next resolution is faded in."""
    own = {"show": False, "num_latents": 2, "width": 2, **arguments}
    recipes.train(name, "digits", out=tmp_path / "whole", images=896, **own)
    recipes.train(name, "digits", out=tmp_path / "half", images=448, **own)
    recipes.resume(tmp_path / "half", images=896, show=False)
    whole, half = ((tmp_path / run / checkpoint.WEIGHTS).read_bytes() for run in ("whole", "half"))
    assert whole == half


def test_classes_are_drawn_where_none_are_named_and_made_where_one_is() -> None:
    for name in ("gan.conditional", "gan.auxiliary"):
        model = built(name).model.eval()
        assert model.sample(6).shape == (6, 1, 8, 8)
        seeds = [torch.Generator().manual_seed(0) for _ in range(2)]
        one, other = (
            model.sample(4, given=torch.full((4,), label), generator=seed) for label, seed in enumerate(seeds)
        )
        assert not torch.equal(one, other), "the class makes no difference"


def test_the_penalties_are_those_of_the_papers() -> None:
    def penalties(name: str, **arguments: object) -> dict[str, float]:
        return {p.name: p.weight for p in built(name, **arguments).model.penalties}

    assert penalties("gan.r3", gamma=0.3) == {"r1": 0.15, "r2": 0.15}
    assert penalties("gan.r3", gamma=0) == {}
    assert penalties("gan.wgan_gp") == {"gradient_penalty": 10}
    assert penalties("gan.progressive") == {"gradient_penalty": 10}
    assert penalties("gan.progressive", game="non_saturating", penalty=1) == {"r1": 0.5}
    assert penalties("gan.conditional", game="hinge") == {}
    assert penalties("gan.conditional", gamma=1.0) == {"r1": 0.5, "r2": 0.5}


def test_penalties_come_as_often_as_asked_and_count_as_many_times() -> None:
    for name in ("gan.r3", "gan.conditional"):
        due = {o.name: o.every for o in built(name, penalty_every=3).model.objectives()}
        assert due == {"critic": 1, "r1": 3, "r2": 3, "generator": 1}


def test_the_critic_learns_classes_from_real_images_and_the_generator_makes_what_it_can_read() -> None:
    critic, *_, generator = built("gan.conditional").model.objectives()
    assert critic.weights["recognition_of_real"] == generator.weights["recognition"] == 0.2
    assert "recognition" not in critic.weights, "a nine made for a four is no example of a four"
    for silent in ({"recognition": 0.0}, {"game": "hinge"}):
        assert built("gan.conditional", **silent).model.recognition is None
    told = replace(facts(), classes=(), attributes=("wide",), attribute_values=torch.rand(64, 1))
    assert find("gan.conditional")(told).model.recognition is None
    with pytest.raises(ValueError, match=r"recognition is 0\.5.*has no classes, only attributes.*--labels"):
        find("gan.conditional")(told, recognition=0.5)


def test_a_critic_has_one_norm_or_a_penalty() -> None:
    """Every weight of a spectrally normalised critic is, and batch norms stand where the recipe says."""

    def norms(name: str, kind: type, **arguments: object) -> int:
        return sum(
            isinstance(part, kind) for part in built(name, (1, 32, 32), **arguments).model.critic.modules()
        )

    assert norms("gan.hinge", SpectralNorm) == 3 + 1, "three levels and the score"
    assert norms("gan.conditional", SpectralNorm, game="hinge") == 3 + 2, "and the vectors of classes"
    assert norms("gan.hinge", _BatchNorm) == norms("gan.wgan_gp", _BatchNorm) == 0
    assert norms("gan.hinge", _BatchNorm, norm="batch") == norms("gan.dcgan", _BatchNorm) == 2


def test_points_get_fully_connected_networks() -> None:
    points = replace(facts(), channels=2, height=1, width=1)
    model = find("gan.r3")(points, width=8).model
    assert isinstance(model.generator, MLPGenerator)
    assert isinstance(model.critic, MLPCritic)
    assert isinstance(built("gan.r3").model.critic, BottleneckCritic)
    assert isinstance(built("gan.r3", network="convolutional").model.critic, Critic)
    with pytest.raises(ValueError, match=r"Images of one pixel cannot be augmented"):
        find("gan.r3")(points, augment="always")


@pytest.mark.parametrize(
    "name", [name for name in NAMES if name not in ("gan.r3", "gan.minimax", "gan.auto")]
)
def test_a_size_that_a_network_cannot_make_is_a_letter(name: str) -> None:
    with pytest.raises(ValueError, match=r"halve images at least once, and 1 x 1 px cannot"):
        built(name, (1, 1, 1))


WRONG = [
    ("gan.minimax", {"critic_steps": 0}, "critic_steps is 0"),
    ("gan.dcgan", {"batch_size": 1}, "batch_size is 1; it has to be 2 or more"),
    ("gan.dcgan", {"flip": True}, "flip is a part of the augmentation, and there is none"),
    ("gan.least_squares", {"rate": 0.0}, "rate is 0.0"),
    ("gan.wasserstein", {"clip": 0.0}, "clip is 0.0; it has to be greater than 0"),
    ("gan.wgan_gp", {"penalty": 0.0}, "penalty is 0.0"),
    ("gan.hinge", {"width": 0}, "width is 0"),
    ("gan.sngan", {"num_latents": 0}, "num_latents is 0"),
    ("gan.progressive", {"fade": 0}, "fade is 0; it has to be 1 or more"),
    ("gan.r3", {"gamma": -1.0}, "gamma is -1.0; it has to be 0 or more"),
    ("gan.r3", {"cool_down": 2.0}, "cool_down is 2.0"),
    ("gan.r3", {"penalty_every": 0}, "penalty_every is 0; it has to be 1 or more"),
    ("gan.conditional", {"recognition": -1.0}, "recognition is -1.0; it has to be 0 or more"),
    ("gan.conditional", {"game": "hinge", "penalty_every": 2}, "in the hinge game there is no penalty"),
    (
        "gan.conditional",
        {"game": "hinge", "network": "bottleneck"},
        "convolutional or residual, and got bottleneck",
    ),
    ("gan.info", {"num_categories": 1}, "a category has at least 2 values"),
    ("gan.info", {"num_categories": 0, "num_continuous": 0}, "nothing to be read"),
    ("gan.auxiliary", {"recognition": 0.0}, "recognition is 0.0; it has to be greater than 0"),
]


@pytest.mark.parametrize(("name", "arguments", "letter"), WRONG)
def test_what_makes_no_sense_is_refused_with_a_letter(name: str, arguments: dict, letter: str) -> None:
    with pytest.raises(ValueError, match=letter):
        built(name, **arguments)


@pytest.mark.parametrize("name", ["gan.conditional", "gan.auxiliary"])
@pytest.mark.parametrize("classes", [(), ("only",)])
def test_data_without_classes_is_a_letter(name: str, classes: tuple[str, ...]) -> None:
    unlabelled: Facts = replace(facts(), classes=classes)
    with pytest.raises(ValueError, match=rf"{name} is told the classes .*--labels folders.*gan\.r3"):
        find(name)(unlabelled)


def test_one_image_a_step_where_nothing_couples() -> None:
    assert built("gan.r3", batch_size=1).batch_size == 1
