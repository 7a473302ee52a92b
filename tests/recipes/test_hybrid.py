"""Recipes of hybrids with a critic: what they build, what they refuse, and all that a run of one can."""

from pathlib import Path

import pytest
import torch
from torch.nn.modules.batchnorm import _BatchNorm

from latentia import recipes
from latentia.cli import main
from latentia.networks import MLPCritic
from latentia.recipes import find
from latentia.training import Plan, State, checkpoint
from zoo import facts

NAMES = ["hybrid.vae_gan", "hybrid.adversarial", "hybrid.bigan"]
SMALL = {"num_latents": 3, "width": 4, "batch_size": 4}
SHAPES = {"28 px": (1, 28, 28), "colour, not square": (3, 16, 24)}
EXAMPLES = ["--images", "128", "--num-latents", "3", "--width", "4"]


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


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("network", ["convolutional", "mlp"])
@pytest.mark.parametrize("name", NAMES)
def test_it_encodes_and_draws_whatever_the_images(name: str, network: str, shape: tuple) -> None:
    model = built(name, shape, network=network).model.eval()
    images = model.sample(5)
    assert images.shape == (5, *shape)
    assert bool((images.abs() <= 1).all())
    latents = model.encode(images).mean
    assert latents.shape == (5, 3)
    assert model.decode(latents).mean.shape == images.shape


@pytest.mark.parametrize("name", NAMES)
def test_all_players_share_a_rate_that_rises(name: str) -> None:
    plan = built(name, rate=2e-3)
    assert {settings.rate for settings in plan.players().values()} == {2e-3}
    assert len(plan.players()) == 3
    assert State.fresh(plan, torch.device("cpu")).optimizers.keys() == plan.players().keys()


def test_penalties_stand_where_there_is_no_norm() -> None:
    def penalties(name: str, **arguments: object) -> dict[str, float]:
        return {p.name: p.weight for p in built(name, **arguments).model.penalties}

    assert penalties("hybrid.vae_gan", gamma=0.3) == {"r1": 0.15}
    assert penalties("hybrid.adversarial", gamma=0.3) == penalties("hybrid.bigan", gamma=0.3)
    assert penalties("hybrid.bigan", gamma=0.3) == {"r1": 0.15, "r2": 0.15}
    for name in NAMES:
        assert penalties(name, gamma=0) == {}
        assert not any(isinstance(part, _BatchNorm) for part in built(name).model.critic.modules())


def test_the_critic_of_codes_sees_points() -> None:
    critic = built("hybrid.adversarial", critic_width=6).model.critic
    assert isinstance(critic, MLPCritic)
    assert critic(torch.zeros(2, 3, 1, 1)).shape == (2,)


WRONG = [
    ("hybrid.vae_gan", {"level": 1}, "level 1 of a critic that has 1"),
    ("hybrid.vae_gan", {"beta": -1.0}, "beta is -1.0; it has to be 0 or more"),
    ("hybrid.vae_gan", {"fidelity": -1.0}, "fidelity is -1.0; it has to be 0 or more"),
    ("hybrid.vae_gan", {"gamma": -1.0}, "gamma is -1.0; it has to be 0 or more"),
    ("hybrid.vae_gan", {"batch_size": 1}, "batch_size is 1; it has to be 2 or more"),
    ("hybrid.vae_gan", {"told": "attributes"}, "attributes"),
    ("hybrid.adversarial", {"critic_width": 0}, "critic_width is 0"),
    ("hybrid.adversarial", {"rate": 0.0}, "rate is 0.0; it has to be greater than 0"),
    ("hybrid.adversarial", {"num_latents": 0}, "num_latents is 0"),
    ("hybrid.bigan", {"critic_width": 0}, "critic_width is 0"),
    ("hybrid.bigan", {"width": 0}, "width is 0"),
    ("hybrid.bigan", {"half_life": 0}, "half_life is 0"),
]


@pytest.mark.parametrize(("name", "arguments", "letter"), WRONG)
def test_what_makes_no_sense_is_refused_with_a_letter(name: str, arguments: dict, letter: str) -> None:
    with pytest.raises(ValueError, match=letter):
        built(name, **arguments)


def test_one_image_a_step_where_nothing_couples() -> None:
    assert built("hybrid.bigan", batch_size=1, network="mlp").batch_size == 1
    assert built("hybrid.adversarial", batch_size=1).batch_size == 1


def test_a_hybrid_says_what_it_can() -> None:
    for name in NAMES:
        described = recipes.describe(name)
        assert described.density == "none"
        assert described.can == ("encode", "decode")
        assert "arXiv" in described.source


@pytest.fixture(scope="module", params=NAMES)
def run(request, tmp_path_factory, cache) -> Path:
    """Folder of a hybrid that has seen 128 digits."""
    folder = tmp_path_factory.mktemp("runs") / request.param
    assert main(["train", request.param, "digits", "--out", str(folder), *EXAMPLES]) == 0
    return folder


def test_a_run_does_all_that_encoders_and_decoders_can(run: Path, tmp_path: Path, capsys) -> None:
    def commanded(*words: object) -> int:
        return main([str(word) for word in words])

    def picture(command: str, *words: object) -> None:
        out = tmp_path / f"{command}.png"
        assert commanded(command, run, *words, "--out", out) == 0, capsys.readouterr().err
        assert out.stat().st_size > 0

    picture("sample", "--num", 4)
    picture("reconstruct", "--num", 4)
    picture("interpolate")
    picture("invert", "--num", 2, "--steps", 2)
    assert commanded("features", run, "digits", "--out", tmp_path / "f.npz") == 0


def test_resumed_it_is_the_unbroken_run_bit_for_bit(run: Path, tmp_path: Path) -> None:
    own = {"show": False, "num_latents": 3, "width": 4}
    recipes.train(run.name, "digits", out=tmp_path / "whole", images=256, **own)
    recipes.resume(run, images=256, show=False)
    whole, half = (checkpoint.read(path / checkpoint.WEIGHTS) for path in (tmp_path / "whole", run))
    assert whole.keys() == half.keys()
    assert all(torch.equal(value, half[key]) for key, value in whole.items())
