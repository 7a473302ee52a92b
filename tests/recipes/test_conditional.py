"""Recipes that are told what images show: on data with classes, with attributes, and with neither."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from latentia import recipes
from latentia.networks import Attributes, Classes
from latentia.recipes import find, open_run
from latentia.recipes.conditions import given_from
from zoo import facts

NAMES = ("vae.conditional", "gan.conditional")
SMALL = {"num_latents": 3, "width": 4}
BARE = replace(facts(), classes=())
BOTH = replace(facts(described=True), classes=("a", "b"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Small pictures, bright or dark, and a table that says which; of some of them nothing is known."""
    place = tmp_path_factory.mktemp("pictures")
    random, rows = np.random.default_rng(0), ["file,bright,same"]
    for index in range(120):
        bright = index % 2
        pixels = random.integers(0, 100, (8, 8), dtype=np.uint8) + np.uint8(150 * bright)
        Image.fromarray(pixels).save(place / f"{index}.png")
        rows.append(f"{index}.png,{'' if index % 10 == 0 else bright},1")
    (place / "table.csv").write_text("\n".join(rows))
    return place


@pytest.fixture(scope="module")
def run(folder, tmp_path_factory) -> recipes.Description:
    """A model that was told whether pictures are bright."""
    from latentia.data import Preparation

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LATENTIA_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield recipes.train(
            "vae.conditional",
            folder,
            out=tmp_path_factory.mktemp("runs") / "run",
            images=6000,
            preparation=Preparation(labels=str(folder / "table.csv")),
            show=False,
            network="mlp",
            width=32,
            num_latents=2,
        )


@pytest.mark.parametrize("name", NAMES)
def test_what_is_told_is_what_the_data_has(name: str) -> None:
    for data, kind in ((facts(), Classes), (facts(described=True), Attributes)):
        for told in ("auto", kind.__name__.lower()):
            assert isinstance(find(name)(data, told=told, **SMALL).model.condition, kind)
    assert isinstance(find(name)(BOTH, **SMALL).model.condition, Classes)


@pytest.mark.parametrize(
    ("data", "told", "letter"),
    [
        (BARE, "auto", r"the classes or attributes of images, and zoo has no classes and no attributes"),
        (BARE, "classes", r"the classes of images.*--labels folders.*--labels FILE.csv"),
        (BARE, "attributes", r"the attributes of images.*and no attributes. To have some, give a table"),
        (replace(BARE, classes=("one",)), "auto", r"zoo has one class and no attributes"),
        (facts(), "attributes", r"the attributes of images.*and no attributes"),
        (facts(described=True), "classes", r"has no classes and 3 attributes.*choose `--told attributes`"),
        (BOTH, "attributes", r"zoo has classes too, which come before them"),
    ],
)
@pytest.mark.parametrize("name", NAMES)
def test_data_that_does_not_say_it_is_a_letter(name: str, data, told: str, letter: str) -> None:
    with pytest.raises(ValueError, match=f"^{name} is .*{letter}"):
        find(name)(data, told=told, **SMALL)


def test_a_model_paints_what_it_is_asked_for_and_a_loaded_one_too(run) -> None:
    loaded = open_run(run.path)
    assert loaded.facts.attribute_values is None, "a run's description holds no tensors"
    for model in (run.model, loaded.model):
        means = []
        for text in ("bright=1", "bright=0"):
            given = given_from(text, loaded.facts, model, 8)
            assert given.shape == (8, 2)
            generator = torch.Generator().manual_seed(0)
            means.append(model.sample(8, given=given, generator=generator, noise=False).mean().item())
        assert means[0] > means[1] + 0.5
    known, same = run.model.condition, loaded.model.condition
    assert torch.equal(known.rows, same.rows)
    assert known.mean[0].item() == pytest.approx(0.5, abs=0.15)
    assert known.scale[1].item() == 0, "the same of all pictures"
    drawn = loaded.model.sample(200, generator=torch.Generator().manual_seed(0), noise=False)
    assert 0.2 < (drawn.mean((1, 2, 3)) > 0).double().mean().item() < 0.8


def test_what_cannot_be_asked_for_is_a_letter(run) -> None:
    for text, letter in {
        "glasses=1": r"no attribute 'glasses'. It has: bright, same",
        "bright": r"Got 'bright' for the attribute bright; write a number behind it",
        "bright=much": r"Got 'bright=much'.*`bright=1`",
    }.items():
        with pytest.raises(ValueError, match=letter):
            given_from(text, run.facts, run.model, 2)
    with pytest.raises(ValueError, match=r"told nothing of images. Leave it out, or train one that is"):
        given_from("a", facts(), find("vae.beta")(facts(), **SMALL).model, 2)
    with pytest.raises(ValueError, match=r"no class 'd'. It has: a, b, c"):
        given_from("d", facts(), find("vae.conditional")(facts(), **SMALL).model, 2)


def test_commands_tell_a_conditional_run_what_its_images_show(run, folder, tmp_path, capsys) -> None:
    from latentia.cli import main

    asked = [
        ("sample", run.path, "--num", 4, "--given", "bright=1", "--no-noise"),
        ("sample", run.path, "--num", 4, "--given", "bright=0", "--truncation", "0.5"),
        ("reconstruct", run.path, "--num", 2),
        ("interpolate", run.path, "--num", 2, "--steps", 3),
    ]
    levels = []
    for number, words in enumerate(asked):
        out = tmp_path / f"{number}.png"
        assert main([str(word) for word in (*words, "--out", out)]) == 0, capsys.readouterr().err
        levels.append(np.asarray(Image.open(out).convert("L"), dtype=float).mean())
    assert levels[0] > levels[1] + 20
    assert main(["detect", str(run.path), str(folder), "--out", str(tmp_path / "scores.csv")]) == 0
    assert main(["encode", str(run.path), str(folder), "--out", str(tmp_path / "latents.npz")]) == 0
    assert main(["sample", str(run.path), "--out", str(tmp_path / "no.png"), "--given", "gleaming"]) == 2
    assert "no attribute 'gleaming'" in capsys.readouterr().err


def test_numbers_of_a_conditional_run_are_told_what_its_images_show(run) -> None:
    from latentia.report.runs import diagnose_run, evaluate_run

    evaluation = evaluate_run(open_run(run.path), num_samples=20, num_draws=2)
    assert evaluation.likelihood is not None
    assert evaluation.likelihood.mean < 0
    assert diagnose_run(open_run(run.path))
