"""`latentia train` and `latentia resume`."""

import json
import shutil

import pytest

from latentia import recipes
from latentia.training import folder

TRAIN = ["train", "vae.gaussian", "digits"]


def test_help_lists_the_recipes_with_a_sentence_and_an_example(latentia):
    ended = latentia("train", "--help")
    assert ended.code == 0
    for name in recipes.names():
        assert recipes.describe(name).sentence in ended.out
    assert "latentia train vae.gaussian photos/" in ended.out


def test_help_of_a_recipe_shows_what_its_docstring_says(latentia):
    ended = latentia("train", "gan.dcgan", "--help")
    assert ended.code == 0
    for flag in ("--out", "--images", "--minutes", "--seed", "--size", "--fit", "--game", "--critic-steps"):
        assert flag in ended.out
    assert "{non_saturating,minimax}" in ended.out
    assert "Steps of the critic" in ended.out


def test_a_run_ends_with_where_it_is_and_what_to_do_next(latentia, tmp_path):
    run = tmp_path / "run"
    ended = latentia(*TRAIN, "--out", run, "--images", 64, "--width", 4)
    assert ended.code == 0
    assert f"in {run}" in ended.out
    assert f"latentia sample {run}" in ended.out
    assert "Traceback" not in ended.err


def test_the_recipe_may_stand_anywhere(latentia, tmp_path):
    run = tmp_path / "run"
    ended = latentia("train", "--out", run, "digits", "--images", 64, "vae.linear", "--num-latents", 2)
    assert ended.code == 0
    assert recipes.open_run(run).arguments["num_latents"] == 2


def test_data_alone_is_trained_on_by_what_gan_auto_chooses(latentia, tmp_path):
    run = tmp_path / "run"
    flags = ["--out", run, "--keep-best", "--images", 64, "--flip", "--width", 4]
    ended = latentia("train", *flags, "digits")
    assert ended.code == 0
    assert "No recipe was named, so gan.auto chooses one." in ended.err
    assert "gan.auto chose gan.r3:" in ended.err
    opened = recipes.open_run(run)
    assert opened.recipe == "gan.r3"
    assert opened.arguments["flip"]


def test_data_that_is_named_like_a_recipe_is_data(latentia, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "beta").mkdir()
    ended = latentia("train", "beta", "--out", "run")
    assert ended.code == 2
    assert "gan.auto chooses one" in ended.err
    assert "There is no recipe" not in ended.err


def test_flags_of_the_data_reach_the_run(latentia, tmp_path):
    run = tmp_path / "run"
    flags = ["--size", 16, "--binarise", "threshold", "--seed", 7, "--images", 64]
    assert latentia("train", "vae.linear", "digits", "--out", run, *flags).code == 0
    opened = recipes.open_run(run)
    assert opened.facts.image_shape == (1, 16, 16)
    assert opened.facts.levels == 2
    assert opened.seed == 7


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["vae.gausian", "digits", "--out", "x"], "did you mean 'vae.gaussian'"),
        (["vae.gausian", "--out", "x"], "did you mean 'vae.gaussian'"),
        (["hinge", "--flip", "photos", "--out", "x"], "did you mean 'gan.hinge'"),
        (["one", "other", "--out", "x"], "There is no recipe 'one'. Recipes: "),
        (["--out", "x"], "No data was named. Recipes: ae.contractive"),
        ([], "No data was named."),
    ],
)
def test_an_unknown_recipe_is_answered_with_the_nearest(latentia, words, said):
    ended = latentia("train", *words)
    assert ended.code == 2
    assert said in ended.err


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--game", "minimax"], "--game is a flag of gan.conditional, gan.dcgan"),
        (["--critic-steps=2"], "--critic-steps is a flag of gan.dcgan"),
        (["--num-latent", "3"], "--num-latents"),
        (["--num-latents", "many"], "--num-latents"),
        (["--likelihood", "laplace"], "'gaussian', 'shared', 'bernoulli'"),
        (["--num-latents", "0"], "num_latents is 0"),
        (["--size", "33"], "size is 33, but must be a multiple of 4"),
        (["--fit", "stretch"], "'crop', 'pad'"),
        (["--seed", "1.5"], "--seed"),
        (["--images", "0"], "images"),
        (["--minutes", "-1"], "minutes"),
        (["--images", "64", "--minutes", "1"], "minutes"),
        (["--device", "abacus"], "'abacus' is not a device"),
        (["--likelihood", "bernoulli"], "ernoulli"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_written(latentia, tmp_path, flags, said):
    run = tmp_path / "run"
    ended = latentia(*TRAIN, "--out", run, *flags)
    assert ended.code == 2
    assert said in ended.err
    assert "Traceback" not in ended.err
    assert not run.exists()


def test_missing_data_is_a_letter(latentia, tmp_path):
    ended = latentia("train", "vae.gaussian", tmp_path / "nowhere", "--out", tmp_path / "run")
    assert ended.code == 2
    assert "nowhere" in ended.err


def test_a_folder_that_holds_a_run_is_not_written_over(latentia, vae):
    before = (vae / "run.json").read_bytes()
    ended = latentia(*TRAIN, "--out", vae)
    assert ended.code == 2
    assert "latentia resume" in ended.err
    assert (vae / "run.json").read_bytes() == before


def test_resume_goes_on_to_a_new_total(latentia, vae, tmp_path):
    run = shutil.copytree(vae, tmp_path / "run")
    ended = latentia("resume", run, "--images", 192)
    assert ended.code == 0
    assert recipes.open_run(run).images_seen == 192


def test_resume_of_a_finished_run_says_so(latentia, vae, tmp_path):
    run = shutil.copytree(vae, tmp_path / "run")
    ended = latentia("resume", run)
    assert "Traceback" not in ended.err
    assert recipes.open_run(run).images_seen == 128


BROKEN = {
    "no folder": lambda run: shutil.rmtree(run),
    "no run.json": lambda run: (run / "run.json").unlink(),
    "half a run.json": lambda run: (run / "run.json").write_text((run / "run.json").read_text()[:40]),
    "another version": lambda run: (run / "run.json").write_text(
        json.dumps({**json.loads((run / "run.json").read_text()), "format": folder.FORMAT + 1})
    ),
    "half a file of weights": lambda run: (run / "weights.safetensors").write_bytes(
        (run / "weights.safetensors").read_bytes()[:100]
    ),
    "no weights": lambda run: (run / "weights.safetensors").unlink(),
    "weights of another model": lambda run: (run / "run.json").write_text(
        (run / "run.json").read_text().replace('"num_latents": 4', '"num_latents": 5')
    ),
}


@pytest.mark.parametrize("damage", BROKEN)
@pytest.mark.parametrize("command", ["resume", "sample"])
def test_a_run_that_cannot_be_read_is_a_letter(latentia, vae, tmp_path, damage, command):
    run = shutil.copytree(vae, tmp_path / "run")
    BROKEN[damage](run)
    ended = latentia(command, run, *(["--out", tmp_path / "x.png"] if command == "sample" else []))
    assert ended.code == 2, ended.err
    assert str(run) in ended.err
    assert "Traceback" not in ended.err
    assert "defect" not in ended.err


def test_a_stop_by_ctrl_c_says_how_to_go_on(latentia, vae, monkeypatch):
    from dataclasses import replace

    stopped = replace(recipes.open_run(vae), interrupted=True, images_seen=64)
    monkeypatch.setattr("latentia.recipes.train", lambda *args, **named: stopped)
    ended = latentia(*TRAIN, "--out", "anywhere")
    assert ended.code == 130
    assert f"latentia resume {vae}" in ended.out
