"""Runs, from Python and from the command line: seeds, resuming, kills, and letters."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from latentia import recipes
from latentia.data import Preparation
from latentia.protocols import GenerativeModel, Objective
from latentia.recipes.opening import plan_of, untrained
from latentia.training import Plan, TrainingStopped, checkpoint
from latentia.training.folder import RunFolder

SMALL = {"show": False, "width": 2, "num_latents": 2}


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LATENTIA_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    recipes.train("vae.gaussian", "digits", out=tmp_path / "run", images=640, **SMALL)
    return tmp_path / "run"


def weights(path: Path) -> bytes:
    return (path / checkpoint.WEIGHTS).read_bytes()


def tensors(path: Path) -> dict[str, torch.Tensor]:
    from safetensors.torch import load_file

    return load_file(path / checkpoint.WEIGHTS)


def test_a_run_folder_holds_what_it_says(trained: Path) -> None:
    said = json.loads((trained / "run.json").read_text())
    assert said["recipe"] == "vae.gaussian"
    assert said["arguments"]["width"] == 2
    assert said["arguments"]["likelihood"] == "gaussian", "defaults are written too"
    assert said["data"]["facts"]["levels"] == 17
    assert said["horizon"] == said["images"] == 640
    rows = RunFolder(trained).history()
    assert rows[-1]["images_seen"] == 640
    assert rows[0]["terms"] == {}, "the first look is before the first turn"
    assert set(rows[1]["terms"]) == {"evidence/distortion", "evidence/rate"}
    assert set(rows[0]["validation"]) == {"kernel_distance"}
    assert set(rows[-1]["validation"]) == {"bound", "kernel_distance"}
    assert [p.suffix for p in (trained / "samples").iterdir()] == [".png"] * 10
    assert {key.split(".")[0] for key in tensors(trained)} == {"raw", "average"}


def test_load_gives_the_averaged_weights_in_evaluation_mode(trained: Path) -> None:
    model = recipes.load(trained)
    assert not model.training
    average = checkpoint.part_of(tensors(trained), "average.")
    assert all(torch.equal(value, average[key]) for key, value in model.state_dict().items())
    assert not torch.equal(average["decoder.1.mean"], tensors(trained)["raw.decoder.1.mean"])


@pytest.mark.parametrize("recipe", ["vae.gaussian", "gan.dcgan", "vae.linear"])
def test_stopping_at_half_and_resuming_gives_byte_equal_weights(recipe: str, tmp_path: Path) -> None:
    own = {"show": False, "num_latents": 2} | ({} if recipe == "vae.linear" else {"width": 2})
    recipes.train(recipe, "digits", out=tmp_path / "whole", images=1280, **own)
    recipes.train(recipe, "digits", out=tmp_path / "half", images=640, **own)
    recipes.resume(tmp_path / "half", images=1280, show=False)
    assert weights(tmp_path / "whole") == weights(tmp_path / "half")
    assert json.loads((tmp_path / "half" / "run.json").read_text())["horizon"] == 640


def test_a_balanced_run_differs_and_resumes_balanced(tmp_path: Path) -> None:
    own = {"show": False, "num_latents": 2, "width": 2}
    recipes.train("vae.gaussian", "digits", out=tmp_path / "as-it-is", images=1280, **own)
    recipes.train("vae.gaussian", "digits", out=tmp_path / "whole", images=1280, balance=True, **own)
    recipes.train("vae.gaussian", "digits", out=tmp_path / "half", images=640, balance=True, **own)
    recipes.resume(tmp_path / "half", images=1280, show=False)
    assert weights(tmp_path / "whole") == weights(tmp_path / "half") != weights(tmp_path / "as-it-is")
    assert recipes.open_run(tmp_path / "half").description.balance


def test_what_has_no_classes_is_not_balanced(tmp_path: Path) -> None:
    unlabelled = Preparation(labels="none")
    with pytest.raises(ValueError, match="no classes to balance"):
        recipes.train(
            "vae.gaussian", "digits", out=tmp_path / "run", preparation=unlabelled, balance=True, **SMALL
        )
    assert not (tmp_path / "run").exists()


def command(*words: object) -> list[str]:
    return [sys.executable, "-m", "latentia", *map(str, words)]


@pytest.mark.parametrize("recipe", ["vae.gaussian", "gan.dcgan"])
def test_killed_half_way_and_resumed_it_ends_byte_equal(recipe: str, tmp_path: Path) -> None:
    """kill -9 at a moment of its own choosing, from the command line, in processes of their own."""
    images = 40_000
    flags = ["--images", images, "--num-latents", 2, "--width", 2]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    subprocess.run(
        command("train", recipe, "digits", "--out", whole, *flags),
        check=True,
        env=environment,
        capture_output=True,
    )
    process = subprocess.Popen(
        command("train", recipe, "digits", "--out", killed, *flags),
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        rows = RunFolder(killed).history() if (killed / "run.json").exists() else []
        if rows and rows[-1]["images_seen"] > images // 3:
            break
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    stood = int(checkpoint.position(killed)["images_seen"])
    assert 0 < stood < images, "the kill came too late, or before the first checkpoint"
    subprocess.run(command("resume", killed), check=True, env=environment, capture_output=True)
    assert weights(whole) == weights(killed)
    seen = [row["images_seen"] for row in RunFolder(killed).history()]
    assert seen == sorted(set(seen)), "rows after the checkpoint were logged twice"


def test_interrupting_saves_and_says_so(tmp_path: Path) -> None:
    process = subprocess.Popen(
        command("train", "vae.gaussian", "digits", "--out", tmp_path / "run", "--images", 10_000_000),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    deadline = time.monotonic() + 60
    while not (tmp_path / "run" / checkpoint.WEIGHTS).exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "latentia resume" in output
    assert checkpoint.position(tmp_path / "run")["images_seen"] > 0


def test_a_run_has_ended_when_its_plan_is_done_or_it_had_to_stop(trained: Path) -> None:
    run = recipes.open_run(trained)
    assert run.ended
    assert not replace(run, images_seen=639).ended
    with (trained / "metrics.jsonl").open("a") as file:
        file.write('{"images_seen": 650, "terms": {}, "stopped": "a weight became nan"}\n')
    assert replace(run, images_seen=639).ended


def test_minutes_end_a_run_and_plan_its_horizon(tmp_path: Path) -> None:
    run = recipes.train("vae.linear", "digits", out=tmp_path / "run", minutes=0.02, show=False)
    assert 0.02 * 60 <= run.seconds < 0.02 * 60 + 5
    assert run.ended
    assert run.horizon > 64
    with pytest.raises(ValueError, match="has done what it had planned"):
        recipes.resume(run.path, show=False)
    longer = recipes.resume(run.path, minutes=0.01, show=False)
    assert longer.seconds >= 0.03 * 60
    assert longer.horizon == run.horizon


def test_a_full_disk_keeps_the_last_checkpoint(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = weights(trained)

    def full(*args, **kwargs) -> None:
        Path(args[1]).write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint, "save_file", full)
    with pytest.raises(OSError, match="No space left"):
        recipes.resume(trained, images=1280, show=False)
    assert weights(trained) == before
    assert not list(trained.glob("*.new"))
    monkeypatch.undo()
    assert recipes.resume(trained, images=1280, show=False).images_seen == 1280


def test_a_kill_between_the_two_renames_is_mended(trained: Path, tmp_path: Path) -> None:
    shutil.copytree(trained, tmp_path / "later")
    recipes.resume(tmp_path / "later", images=1280, show=False)
    torn = tmp_path / "torn"
    shutil.copytree(trained, torn)
    shutil.copy(tmp_path / "later" / checkpoint.STATE, torn)
    shutil.copy(tmp_path / "later" / checkpoint.WEIGHTS, torn / f"{checkpoint.WEIGHTS}.new")
    assert checkpoint.position(torn)["images_seen"] == 1280
    assert weights(torn) == weights(tmp_path / "later")


def test_files_of_different_steps_are_a_letter(trained: Path, tmp_path: Path) -> None:
    shutil.copytree(trained, tmp_path / "later")
    recipes.resume(tmp_path / "later", images=1280, show=False)
    shutil.copy(tmp_path / "later" / checkpoint.STATE, trained)
    with pytest.raises(ValueError, match="belong to different steps"):
        recipes.open_run(trained)


class Exploding(GenerativeModel):
    """A model of one's own, whose term is infinite from the third step on."""

    def __init__(self, *, explodes: bool = True) -> None:
        super().__init__()
        self.image_shape = (1, 8, 8)
        self.image = nn.Parameter(torch.zeros(self.image_shape))
        self.explodes = explodes

    def sample(self, num_images, *, given=None, generator=None, noise=True):
        return self.image.expand(num_images, *self.image_shape).clamp(-1, 1)

    def objectives(self):
        def terms(batch, turn):
            distance = (batch.images - self.image).square().flatten(1).sum(1)
            late = self.explodes and turn.images_seen >= 2 * len(batch)
            return {"distance": distance * float("inf") if late else distance}

        return (Objective("closeness", "image", terms, (self,), {"distance": 1.0}),)


def test_a_term_that_is_not_finite_stops_and_keeps_the_last_checkpoint(tmp_path: Path) -> None:
    expected = r"closeness/distance became (inf|nan) in step 3 .*last good checkpoint is kept.*--rate"
    with pytest.raises(TrainingStopped, match=expected):
        recipes.train(Exploding(), "digits", out=tmp_path / "run", images=640, show=False)
    assert checkpoint.position(tmp_path / "run")["images_seen"] in (0, 64, 128)


def test_a_model_of_ones_own(tmp_path: Path) -> None:
    model = Exploding(explodes=False)
    run = recipes.train(Plan(model, batch_size=32), "digits", out=tmp_path / "run", images=64, show=False)
    assert run.model.sample(3).shape == (3, 1, 8, 8)
    with pytest.raises(ValueError, match="a model of your own"):
        recipes.load(run.path)
    again = recipes.load(run.path, model=Exploding())
    assert torch.equal(again.image, run.model.image)
    resumed = recipes.resume(
        run.path, images=128, model=Plan(Exploding(explodes=False), batch_size=32), show=False
    )
    assert resumed.images_seen == 128


def test_what_is_no_model_is_a_letter(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Got a Linear to train"):
        recipes.train(nn.Linear(2, 2), "digits", out=tmp_path / "run", show=False)


def test_an_array_of_ones_own(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 1), dtype=np.uint8)
    run = recipes.train("vae.gaussian", pixels, out=tmp_path / "run", images=64, **SMALL)
    assert run.facts.levels == 256
    resumed = recipes.resume(run.path, images=128, data=pixels, show=False)
    assert resumed.images_seen == 128
    with pytest.raises(ValueError, match=r"the run was trained on, array, is not there.*data="):
        recipes.resume(run.path, images=256, show=False)


def test_data_that_changed_is_a_letter(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 1), dtype=np.uint8)
    np.save(tmp_path / "images.npy", pixels)
    source = str(tmp_path / "images.npy")
    run = recipes.train("vae.linear", source, out=tmp_path / "run", images=64, show=False)
    np.save(tmp_path / "images.npy", 255 - pixels)
    with pytest.raises(ValueError, match="has changed since the run was started"):
        recipes.resume(run.path, images=128, show=False)


@pytest.mark.parametrize(
    ("arguments", "letter"),
    [
        ({"recipe": "vae.gausian"}, r"no recipe 'vae.gausian'.*Perhaps you meant vae.gaussian"),
        ({"widht": 3}, r"no argument 'widht'.*Perhaps you meant width"),
        ({"game": "minimax"}, "vae.gaussian has no argument 'game'"),
        ({"width": "wide"}, "width is 'wide'; it has to be a whole number"),
        ({"width": 0}, "width is 0; it has to be 1 or more"),
        ({"rate": -1.0}, "rate is -1.0; it has to be greater than 0"),
        ({"likelihood": "beta"}, "it has to be 'gaussian' or 'shared' or 'bernoulli'"),
        ({"likelihood": "bernoulli"}, "17 levels"),
        ({"images": 0}, "images is 0"),
        ({"images": 5, "minutes": 1.0}, "Give one of the two"),
        ({"minutes": -1.0}, "minutes is -1.0"),
        ({"micro_batches": 7}, "cannot be divided evenly"),
        ({"device": "gpu"}, "'gpu' is not a device"),
        ({"data": "digit"}, "digits"),
    ],
)
def test_wrong_use_is_a_letter(arguments: dict, letter: str, tmp_path: Path) -> None:
    given = {"recipe": "vae.gaussian", "data": "digits", "out": tmp_path / "run", **arguments}
    with pytest.raises(ValueError, match=letter):
        recipes.train(given.pop("recipe"), given.pop("data"), show=False, **given)
    assert not (tmp_path / "run").exists()


def test_folders_that_are_no_runs_are_letters(trained: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="There is no run folder"):
        recipes.open_run(tmp_path / "nothing")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"no run\.json"):
        recipes.open_run(tmp_path / "empty")
    with pytest.raises(ValueError, match=r"not empty.*latentia resume"):
        recipes.train("vae.linear", "digits", out=trained, show=False)
    with pytest.raises(ValueError, match="not empty"):  # said before the data is looked for
        recipes.train("vae.linear", tmp_path / "no data", out=trained, show=False)
    said = json.loads((trained / "run.json").read_text())
    (trained / "run.json").write_text(json.dumps(said | {"format": 99}))
    with pytest.raises(ValueError, match="format 99"):
        recipes.open_run(trained)
    (trained / "run.json").write_text('{"format": 1, "rec')
    with pytest.raises(ValueError, match="damaged"):
        recipes.open_run(trained)


def test_checkpoints_that_do_not_fit_are_letters(trained: Path) -> None:
    said = json.loads((trained / "run.json").read_text())
    said["arguments"]["width"] = 3
    (trained / "run.json").write_text(json.dumps(said))
    with pytest.raises(ValueError, match="does not fit the model"):
        recipes.open_run(trained)
    (trained / checkpoint.WEIGHTS).write_bytes(weights(trained)[:100])
    with pytest.raises(ValueError, match="damaged"):
        recipes.open_run(trained)
    (trained / checkpoint.WEIGHTS).unlink()
    with pytest.raises(ValueError, match="has no checkpoint"):
        recipes.open_run(trained)


def test_binary_data_takes_a_bernoulli(tmp_path: Path) -> None:
    preparation = Preparation(binarise="threshold")
    run = recipes.train(
        "vae.gaussian",
        "digits",
        out=tmp_path / "run",
        images=64,
        preparation=preparation,
        likelihood="bernoulli",
        **SMALL,
    )
    assert run.facts.levels == 2
    assert set(run.model.sample(4).unique().tolist()) <= {-1.0, 1.0}


def test_descriptions_say_what_recipes_can_do() -> None:
    described = {name: recipes.describe(name) for name in recipes.names()}
    assert {"vae.gaussian", "vae.linear", "gan.dcgan"} <= described.keys()
    assert described["vae.linear"].density == "exact"
    assert described["gan.dcgan"].density == "none"
    assert described["gan.dcgan"].can == ("decode",)
    for description in described.values():
        named = r"arXiv:\d{4}\.\d{4,5}|doi:10\.|openreview|\d{4} \((ICML|Science)"
        assert re.search(named, description.source), description.name
        json.dumps(description.arguments)


def test_an_untrained_model_is_that_of_the_first_step_grown_as_far_as_the_run(tmp_path) -> None:
    run = recipes.train(
        "gan.progressive", "digits", out=tmp_path / "run", images=64, width=4, num_latents=2, show=False
    )
    before = torch.get_rng_state()
    model = untrained(run)
    assert torch.equal(torch.get_rng_state(), before), "the global generator is left alone"
    torch.manual_seed(run.seed)
    fresh = plan_of(run.description).model
    weights, trained = dict(fresh.named_parameters()), dict(run.model.named_parameters())
    assert all(torch.equal(part, weights[name]) for name, part in model.named_parameters())
    assert not all(torch.equal(part, trained[name]) for name, part in model.named_parameters())
    assert int(model.images_seen) == int(run.model.images_seen) > 0
    assert int(fresh.images_seen) == 0
    assert not model.training
