"""`latentia augment`: the folder, the account, the answer, and the letters."""

import json
from importlib import import_module

import pytest

SMALL = ["--width", "4", "--num-latents", "4"]


@pytest.fixture(scope="module")
def conditional(tmp_path_factory, cache):
    """Folder of a conditional VAE that has seen a few digits."""
    from latentia.cli import main

    folder = tmp_path_factory.mktemp("runs") / "conditional"
    words = ["train", "vae.conditional", "digits", "--out", str(folder), "--images", "1280", *SMALL]
    assert main(words) == 0
    return folder


@pytest.fixture
def quick(monkeypatch):
    """Classifiers that learn for a moment."""
    monkeypatch.setattr("latentia.metrics.usefulness.steps_for", lambda num_images: 20)
    monkeypatch.setattr(import_module("latentia.tasks.augment"), "steps_for", lambda num_images: 20)


def test_writes_labelled_images_and_their_provenance(latentia, conditional, tmp_path):
    ended = latentia("augment", conditional, "digits", tmp_path / "made", "--per-class", 20, "--agreement", 0)
    assert ended.code == 0
    assert "200 synthetic images" in ended.out
    assert "copying" in ended.out or "copies" in ended.out
    manifest = (tmp_path / "made" / "manifest.csv").read_text().splitlines()
    assert len(manifest) == 201
    assert manifest[0].startswith("file,class,run,recipe,weights,way,seed,draw,agreement,nearest,distance")
    looked = latentia("data", tmp_path / "made", "--json")
    assert looked.code == 0


def test_says_whether_it_helped(latentia, conditional, quick, tmp_path):
    words = ["--per-class", 20, "--agreement", 0, "--measure", "--seeds", 2]
    ended = latentia("augment", conditional, "digits", tmp_path / "made", *words)
    assert ended.code == 0
    assert "Did synthetic images help?" in ended.out
    measured = json.loads((tmp_path / "made" / "usefulness.json").read_text())
    assert set(measured["accuracy"]) == {"real", "classical", "synthetic", "both"}
    assert {gain["helped"] for gain in measured["gains"]} <= {"yes", "no", "not shown"}
    assert measured["seeds"] == 2


def test_varies_images_of_a_run_that_is_told_nothing(latentia, vae, tmp_path):
    words = ["--way", "vary", "--per-class", 5, "--agreement", 0, "--usual", 0]
    ended = latentia("augment", vae, "digits", tmp_path / "made", *words)
    assert ended.code == 0
    assert ",vary," in (tmp_path / "made" / "manifest.csv").read_text()


def test_a_critic_cannot_vary(latentia, gan, tmp_path):
    words = ["--way", "vary", "--per-class", 5]
    ended = latentia("augment", gan, "digits", tmp_path / "made", *words)
    assert ended.code == 2
    assert "encode images into latents" in ended.err


def test_balance_compares_with_repeating(latentia, conditional, quick, tmp_path):
    words = ["--balance", "--agreement", 0, "--measure", "--seeds", 2]
    ended = latentia("augment", conditional, "digits", tmp_path / "made", *words)
    assert ended.code == 0
    assert "every class as often" in ended.out
    assert "recall" in ended.out


class TestLetters:
    @pytest.mark.parametrize(
        ("words", "letter"),
        [
            ([], "Say how many"),
            (["--per-class", 5, "--measure", "--seeds", 1], "got 1 seeds"),
            (["--per-class", 5, "--measure", "--share", 1], "share is 1"),
            (["--per-class", 5, "--agreement", 2], "agreement is 2"),
        ],
    )
    def test_of_flags(self, latentia, conditional, tmp_path, words, letter):
        ended = latentia("augment", conditional, "digits", tmp_path / "made", *words)
        assert ended.code == 2
        assert letter in ended.err
        assert "Traceback" not in ended.err
        assert not (tmp_path / "made").exists()

    def test_of_a_run_that_is_told_nothing(self, latentia, vae, tmp_path):
        ended = latentia("augment", vae, "digits", tmp_path / "made", "--per-class", 5)
        assert ended.code == 2
        assert "vae.conditional" in ended.err

    def test_of_other_classes(self, latentia, conditional, tmp_path):
        ended = latentia("augment", conditional, "shapes", tmp_path / "made", "--per-class", 5)
        assert ended.code == 2

    def test_of_a_folder_that_is_not_empty(self, latentia, conditional, tmp_path):
        (tmp_path / "mine").write_text("mine")
        ended = latentia("augment", conditional, "digits", tmp_path, "--per-class", 5)
        assert ended.code == 2
        assert "not empty" in ended.err

    def test_of_no_run(self, latentia, tmp_path):
        ended = latentia("augment", tmp_path / "none", "digits", tmp_path / "made", "--per-class", 5)
        assert ended.code == 2
