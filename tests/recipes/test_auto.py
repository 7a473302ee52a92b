"""The default recipe: what it chooses and why, and that a run of it is a run of what it chose."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from latentia import recipes
from latentia.networks import MLPGenerator
from latentia.recipes import find
from latentia.recipes.budget import Budget
from latentia.recipes.gan.automatic import AVERAGED, CANDIDATES, FEW, PASSES, RECIPES, SMALLER, choose
from latentia.recipes.register import bind, configuration
from latentia.training import checkpoint
from latentia.training.folder import RunFolder
from zoo import facts

MANY = replace(facts(height=28, width=28), num_train=50_000)
SMALL = {"show": False, "width": 2, "num_latents": 2}


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LATENTIA_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


def no_clock(recipe: str, arguments: object) -> float:
    raise AssertionError("a number of images was given: nothing may depend on a clock")


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("runs") / "auto"
    recipes.train("gan.auto", "digits", out=path, images=640, **SMALL)
    return path


class TestTheChoice:
    @pytest.mark.parametrize(
        ("images", "device", "network"),
        [
            (1, "cpu", "convolutional"),
            (50_000_000, "cpu", "convolutional"),
            (5_000_000, "mps", "convolutional"),
            (4_999_999, "cuda", "convolutional"),
            (5_000_000, "cuda", "bottleneck"),
        ],
    )
    def test_follows_the_images_to_be_shown(self, images: int, device: str, network: str) -> None:
        choice = choose(MANY, Budget(images, device=device), no_clock)
        assert (choice.recipe, choice.arguments["network"], choice.images) == ("gan.r3", network, images)

    def test_follows_the_speed_of_each_candidate_where_minutes_are_given(self) -> None:
        asked = []

        def speed(recipe: str, arguments: dict) -> float:
            asked.append(arguments["network"])
            return {"bottleneck": 3_000.0, "convolutional": 12_000.0}[asked[-1]]

        short = choose(MANY, Budget(minutes=10, device="cuda"), speed)
        assert (short.images, asked) == (7_200_000, ["bottleneck", "convolutional"])
        assert short.arguments["network"] == "convolutional"
        assert "1,800,000 images can be shown in 10 min (3,000 a second measured)" in short.reasons[0]
        assert "7,200,000 images can be shown in 10 min (12,000 a second measured)" in short.reasons[1]
        asked.clear()
        long = choose(MANY, Budget(minutes=30, device="cuda"), speed)
        assert (long.images, asked) == (5_400_000, ["bottleneck"]), "no more is measured than it needs"
        assert long.arguments["network"] == "bottleneck"

    def test_is_the_same_for_the_same_measurements(self) -> None:
        first, other = (choose(MANY, Budget(minutes=3), lambda *_: 123.4) for _ in range(2))
        assert first == other

    def test_measures_the_arguments_that_it_will_use(self) -> None:
        asked = []
        choose(
            MANY,
            Budget(minutes=1, device="cuda"),
            lambda _, arguments: asked.append(arguments) or 10.0,
            batch_size=8,
        )
        assert [arguments["batch_size"] for arguments in asked] == [8, 8]
        assert {arguments["width"] for arguments in asked} == {64}

    def test_averages_over_a_part_of_the_run(self) -> None:
        assert choose(MANY, Budget(370_000)).arguments["half_life"] == 370_000 // AVERAGED == 18_500
        assert choose(MANY, Budget(1)).arguments["half_life"] == 1

    def test_takes_smaller_batches_for_few_images(self) -> None:
        few, many = choose(MANY, Budget(FEW - 1)), choose(MANY, Budget(FEW))
        assert (few.arguments["batch_size"], many.arguments["batch_size"]) == (SMALLER, 64)
        assert f"batches of {SMALLER}, since fewer than 200,000 images are to be shown" in few.reasons
        assert choose(MANY, Budget(FEW - 1), batch_size=8).arguments["batch_size"] == 8

    def test_augments_where_images_are_shown_often(self) -> None:
        few = replace(MANY, num_train=1_000)
        assert choose(few, Budget(PASSES * 1_000)).arguments["augment"] == "adaptive"
        assert choose(few, Budget(PASSES * 1_000 - 1)).arguments["augment"] == "none"
        assert choose(few, Budget(100), augment="always").arguments["augment"] == "always"
        assert choose(few, Budget(10**6), augment="none").arguments["augment"] == "none"
        assert choose(few, Budget(100), flip=True).arguments["augment"] == "adaptive"

    def test_says_why_for_every_rule_that_spoke(self) -> None:
        said = choose(replace(MANY, num_train=1_000), Budget(370_000)).reasons
        assert said[0] == "gan.r3 with convolutional networks: 370,000 images are to be shown"
        assert said[2].startswith("gamma 1, ")
        assert said[3] == "half-life 18,500, a twentieth of the run"
        assert said[4] == "augmentation adaptive, since each of 1,000 training images is shown 370.0 times"
        assert not any(reason.endswith(".") for reason in said)
        on_a_gpu = choose(MANY, Budget(370_000, device="cuda")).reasons
        assert "pays from 5,000,000 images on, and 370,000 images are to be shown" in on_a_gpu[0]

    def test_points_get_fully_connected_networks_on_every_device(self) -> None:
        points = replace(facts(), channels=2, height=1, width=1)
        for device in ("cpu", "cuda"):
            choice = choose(points, Budget(100, device=device))
            assert (choice.recipe, choice.arguments["network"]) == ("gan.r3", "mlp")
            assert choice.arguments["augment"] == "none"
            assert choice.arguments["width"] == 128, "units, not the channels of a GPU"
        model = find("gan.auto")(points, width=8).model
        assert isinstance(model.generator, MLPGenerator)

    @pytest.mark.parametrize("candidate", CANDIDATES, ids=lambda candidate: candidate.words)
    def test_every_candidate_takes_what_is_chosen_for_it(self, candidate) -> None:
        device = candidate.devices[0]
        choice = choose(MANY, Budget(max(1, candidate.fewest), device=device), width=4, num_latents=3)
        assert choice.recipe == candidate.recipe
        assert choice.arguments.keys() <= configuration(RECIPES[choice.recipe]).keys()
        plan = find(choice.recipe)(MANY, **bind(choice.recipe, dict(choice.arguments)))
        assert plan.model.eval().sample(2).shape == (2, 1, 28, 28)

    def test_names_recipes_as_the_register_does(self) -> None:
        assert all(find(name) is recipe for name, recipe in RECIPES.items())


class TestTheRun:
    def test_is_of_a_plain_recipe_with_all_arguments_and_says_who_chose_it(self, run: Path) -> None:
        said = json.loads((run / "run.json").read_text())
        assert said["recipe"] == "gan.r3"
        assert said["arguments"].keys() == configuration(find("gan.r3")).keys()
        assert said["arguments"]["width"] == 2
        assert said["chosen_by"] == "gan.auto"
        assert any("half-life 32" in reason for reason in said["reasons"])
        assert RunFolder(run).read().reasons == tuple(said["reasons"])

    def test_equals_the_run_of_that_recipe_bit_for_bit_resumed_too(
        self, run: Path, tmp_path: Path, monkeypatch
    ) -> None:
        def weights(path: Path) -> bytes:
            return (path / checkpoint.WEIGHTS).read_bytes()

        said, plain = json.loads((run / "run.json").read_text()), tmp_path / "plain"
        recipes.train(said["recipe"], "digits", out=plain, images=640, show=False, **said["arguments"])
        assert weights(run) == weights(plain)
        assert RunFolder(plain).read().chosen_by == ""
        monkeypatch.setattr("latentia.recipes.choosing.choose", no_clock)  # it is not chosen again
        chosen = shutil.copytree(run, tmp_path / "chosen")
        for path in (chosen, plain):
            recipes.resume(path, images=960, show=False)
        assert weights(chosen) == weights(plain) != weights(run)
        assert recipes.open_run(chosen).arguments["half_life"] == 32, "as for the run's own length"

    def test_older_runs_say_nothing_of_a_choice(self, run: Path) -> None:
        content = json.loads((run / "run.json").read_text())
        del content["chosen_by"], content["reasons"]
        old = type(RunFolder(run).read()).from_json(content)
        assert (old.chosen_by, old.reasons) == ("", ())

    def test_minutes_are_measured_and_said(self, tmp_path: Path, capsys) -> None:
        run = recipes.train(
            "gan.auto", "digits", out=tmp_path / "run", minutes=0.01, **SMALL | {"show": True}
        )
        assert run.recipe == "gan.r3"
        said = capsys.readouterr().err
        assert "gan.auto chose gan.r3:" in said
        assert "a second measured" in said

    @pytest.mark.parametrize(
        ("arguments", "letter"),
        [
            ({"gamma": 1.0}, "gan.auto has no argument 'gamma'"),
            ({"augment": "often"}, "augment is 'often'; it has to be 'auto' or"),
            ({"augment": "none", "flip": True}, "flip is a part of the augmentation"),
            ({"width": 0}, "width is 0"),
            ({"batch_size": 1}, "batch_size is 1"),
            ({"micro_batches": 3}, "cannot be divided evenly"),
        ],
    )
    def test_letters(self, arguments: dict, letter: str, tmp_path: Path) -> None:
        with pytest.raises(ValueError, match=letter):
            recipes.train("gan.auto", "digits", out=tmp_path / "run", images=64, show=False, **arguments)
        assert not (tmp_path / "run").exists()


class TestTheProbe:
    def test_runs_differ_in_one_argument_and_the_nearest_stands_first(self, tmp_path: Path) -> None:
        found = recipes.probe(
            "gan.r3", "digits", out=tmp_path, images=64, network="convolutional", gamma=2.0, **SMALL
        )
        assert sorted(probed.value for probed in found) == [0.2, 2.0, 20.0]
        assert [p.distance.value for p in found] == sorted(p.distance.value for p in found)
        described = [RunFolder(probed.run.path).read() for probed in found]
        assert len({str({**d.arguments, "gamma": 0}) for d in described}) == 1
        assert {(d.images, d.seed) for d in described} == {(64, 0)}
        assert found[0].run.path == tmp_path / f"gamma-{found[0].value:g}"

    def test_minutes_are_made_images_once(self, tmp_path: Path) -> None:
        found = recipes.probe(
            "gan.hinge", "digits", out=tmp_path, minutes=0.005, argument="rate", factors=(1, 3), **SMALL
        )
        assert len({probed.run.images_seen for probed in found}) == 1

    def test_whole_numbers_stay_whole(self, tmp_path: Path) -> None:
        own = {"show": False, "num_latents": 2, "width": 4}
        found = recipes.probe(
            "gan.hinge", "digits", out=tmp_path, images=32, argument="width", factors=(0.5, 1), **own
        )
        assert sorted(probed.value for probed in found) == [2, 4]

    @pytest.mark.parametrize(
        ("own", "letter"),
        [
            ({"argument": "sharpness"}, "gan.r3 has no number 'sharpness' above 0.*gamma"),
            ({"argument": "network"}, "gan.r3 has no number 'network'"),
            ({"gamma": 0.0}, "gan.r3 has no number 'gamma' above 0"),
            ({"factors": (1.0,)}, "give two values or more"),
            ({"factors": (-1.0, 1.0)}, "have to be above 0"),
            ({"images": 64, "minutes": 1.0}, "Give one of the two"),
        ],
    )
    def test_letters(self, own: dict, letter: str, tmp_path: Path) -> None:
        with pytest.raises(ValueError, match=letter):
            recipes.probe("gan.r3", "digits", out=tmp_path / "probe", **SMALL | own)
        assert not (tmp_path / "probe").exists()

    def test_too_few_images_to_judge_by_are_a_letter(self, tmp_path: Path) -> None:
        pixels = torch.randint(0, 256, (40, 8, 8, 1), dtype=torch.uint8).numpy()
        with pytest.raises(ValueError, match="there have to be 20 or more"):
            recipes.probe("gan.r3", pixels, out=tmp_path / "probe", **SMALL)
