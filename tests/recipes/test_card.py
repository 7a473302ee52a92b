"""The card of a run: what it says, what it keeps, and that others can read it."""

import importlib.util
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from latentia import recipes
from latentia.data import Preparation
from latentia.training import Run, TrainingStopped
from latentia.training.card import EVALUATION, MARKER, Measured, Result, write_card

SMALL = {"show": False, "width": 2, "num_latents": 2}
RESULTS = [
    Result("kernel distance | random", 1e-7, -2e-7, 4e-7, "lower", "500 draws, seed 0"),
    Result("bits/dim", 2.5, None, None, "lower", "all 200 test images, K = 64"),
]


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LATENTIA_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def original(cache, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "small"
    recipes.train("vae.gaussian", "digits", out=folder, images=640, **SMALL)
    return folder


@pytest.fixture
def run(original: Path, tmp_path: Path) -> Run:
    return recipes.open_run(shutil.copytree(original, tmp_path / "small"))


def card(run: Run) -> str:
    return (run.path / "README.md").read_text()


def front(text: str) -> str:
    found = re.match(r"---\n(.*?)\n---\n", text, re.DOTALL)
    assert found is not None
    return found[1]


def test_a_trained_run_has_a_card_that_says_what_it_is(run: Run) -> None:
    text = card(run)
    for said in (
        "# small",
        "Recipe `vae.gaussian` of Latentia",
        "explicit: it says at least how likely an image is (lower bound)",
        f"{sum(p.numel() for p in run.model.parameters()):,}",
        "Kingma & Welling 2014 ([arXiv:1312.6114](https://arxiv.org/abs/1312.6114))",
        "1,426 training, 171 validation, 200 test",
        run.facts.fingerprint,
        "640, each training image 0.449 times",
        "| `num_latents` | 2 |",
        "The bound on validation images ended at",
        "kernel distance between draws and validation images",
        "latentia sample small",
        "Not evaluated yet: `latentia evaluate small`",
        "Not measured yet",
        "None has been chosen",
    ):
        assert said in text, said
    (picture,) = re.findall(r"!\[.*\]\((.*)\)", text)
    assert picture == "samples/000000640.png"
    assert (run.path / picture).exists()
    for line in ("license: other", "library_name: latentia", "pipeline_tag: unconditional-image-generation"):
        assert line in front(text).splitlines()
    assert '- "digits"' in front(text)
    assert "model-index" not in front(text)


def test_an_implicit_model_is_called_so(tmp_path: Path) -> None:
    text = card(recipes.train("gan.dcgan", "digits", out=tmp_path / "run", images=64, **SMALL))
    assert "implicit: one can draw from it, and it has no density" in text
    assert '- "generative-adversarial-network"' in text


def test_the_path_of_private_data_stays_private(tmp_path: Path) -> None:
    photos = tmp_path / "secret"
    photos.mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 1), dtype=np.uint8)
    np.save(photos / "photos.npy", pixels)
    run = recipes.train(
        "vae.linear",
        photos / "photos.npy",
        out=tmp_path / "run",
        images=64,
        preparation=Preparation(size=12),
        show=False,
    )
    assert "secret" not in card(run)
    assert "| preparation | size 12 |" in card(run)
    assert "datasets:" not in front(card(run))


def test_results_stand_in_the_table_and_in_the_index(run: Run) -> None:
    write_card(run, results=RESULTS, verdict="No sign of copies (p = 0.4).")
    text = card(run)
    assert r"| kernel distance \| random | 1e-07 | -2e-07 to 4e-07 | lower | 1 |" in text
    assert "| bits/dim | 2.5 |  | lower | 2 |" in text
    assert "1. 500 draws, seed 0\n2. all 200 test images, K = 64" in text
    assert "No sign of copies (p = 0.4)." in text
    assert "earlier state" not in text
    assert "Not evaluated yet" not in text
    assert '    - type: "bits_dim"\n      name: "bits/dim"\n      value: 2.5' in front(text)
    assert "value: 1.0e-07" in front(text), "YAML takes 1e-07 for a word"


def test_a_name_with_accents_has_an_identifier_in_plain_letters(run: Run) -> None:
    write_card(run, results=[replace(RESULTS[1], name="Fréchet distance (Bińkowski)")])
    assert '    - type: "frechet_distance_binkowski"\n      name: "Fréchet' in front(card(run))


def test_results_and_verdict_may_come_one_after_the_other(run: Run) -> None:
    write_card(run, results=RESULTS)
    write_card(run, verdict="No sign of copies.", settings={"seed": 3})
    assert Measured.read(run.path) == Measured(640, tuple(RESULTS), "No sign of copies.", {"seed": 3})
    write_card(run)
    assert "bits/dim" in card(run)


def test_after_resuming_results_are_of_an_earlier_state(run: Run) -> None:
    write_card(run, results=RESULTS, verdict="No sign of copies.")
    resumed = recipes.resume(run.path, images=1280, show=False)
    text = card(resumed)
    assert "**These numbers are of an earlier state**, after 640 images" in text
    assert "Of an earlier state, after 640 images: No sign of copies." in text
    assert "| bits/dim | 2.5 |" in text
    assert "model-index" not in front(text), "which speaks of the weights as they are"
    write_card(resumed, results=RESULTS[1:])
    assert "earlier state" not in card(resumed)
    assert Measured.read(run.path).verdict == "", "a verdict on other weights is none on these"


def test_what_a_person_wrote_stays(run: Run) -> None:
    path = run.path / "README.md"
    chosen = card(run).replace("license: other\nlicense_name: not-yet-chosen", "license: cc-by-4.0")
    path.write_text(chosen + "\n## My notes\nHands off: café.\n")
    write_card(run, results=RESULTS)
    recipes.resume(run.path, images=1280, show=False)
    text = path.read_text()
    assert "license: cc-by-4.0" in front(text).splitlines()
    assert "not-yet-chosen" not in text
    assert "As the head of this file says." in text
    assert text.endswith(f"{MARKER}\n\n## My notes\nHands off: café.\n")
    again = path.read_text()
    write_card(recipes.open_run(run.path))
    assert path.read_text() == again


@pytest.mark.parametrize(
    "licence",
    ["license:\n- mit\n- apache-2.0", "license: other\nlicense_name: mine\nlicense_link: LICENSE.md"],
)
def test_a_licence_may_take_several_lines(run: Run, licence: str) -> None:
    path = run.path / "README.md"
    path.write_text(card(run).replace("license: other\nlicense_name: not-yet-chosen", licence))
    write_card(run)
    assert front(path.read_text()).startswith(licence + "\nlibrary_name")


def test_a_card_without_the_marker_is_not_ours(run: Run) -> None:
    (run.path / "README.md").write_text("My own words.")
    write_card(run, results=RESULTS)
    assert card(run) == "My own words."
    assert Measured.read(run.path).results == tuple(RESULTS)


def test_a_damaged_evaluation_is_warned_of_and_costs_no_run(run: Run) -> None:
    (run.path / EVALUATION).write_text('{"images_seen": 640, "res')
    with pytest.warns(UserWarning, match="is damaged.*makes it anew"):
        resumed = recipes.resume(run.path, images=1280, show=False)
    assert "Not evaluated yet" in card(resumed)


def test_a_result_that_is_no_number_is_a_letter(run: Run) -> None:
    with pytest.raises(ValueError, match="bits/dim is nan, which no card can show"):
        write_card(run, results=[replace(RESULTS[1], value=float("nan"))])


def test_a_run_that_had_to_stop_says_so(tmp_path: Path) -> None:
    with pytest.raises(TrainingStopped):
        recipes.train("vae.gaussian", "digits", out=tmp_path / "run", images=6400, rate=1e30, **SMALL)
    text = (tmp_path / "run" / "README.md").read_text()
    assert re.search(r"\*\*Training stopped: .* became -?(nan|inf) .*\*\* The weights are", text)
    assert str(tmp_path) not in text


def test_runs_of_older_versions_have_a_card_too(run: Run) -> None:
    said = json.loads((run.path / "run.json").read_text())
    for name in ("sentence", "paper", "device"):
        del said[name]
    (run.path / "run.json").write_text(json.dumps(said))
    (run.path / "README.md").unlink()
    write_card(recipes.open_run(run.path))
    assert "no paper that is known here" in card(run)


@pytest.mark.skipif(importlib.util.find_spec("yaml") is None, reason="needs PyYAML")
def test_yaml_reads_the_head(run: Run) -> None:
    import yaml

    awkward = Result('a "quoted": name # and — more', 3e-9, None, None, "", "p")
    write_card(run, results=[*RESULTS, awkward])
    head = yaml.safe_load(front(card(run)))
    metrics = head["model-index"][0]["results"][0]["metrics"]
    assert [metric["value"] for metric in metrics] == [1e-7, 2.5, 3e-9]
    assert metrics[2]["name"] == awkward.name
    assert head["license"] == "other"


@pytest.mark.skipif(importlib.util.find_spec("huggingface_hub") is None, reason="needs huggingface_hub")
def test_the_hubs_own_reader_takes_it(run: Run) -> None:
    from huggingface_hub import ModelCard

    write_card(run, results=RESULTS)
    found = ModelCard.load(run.path / "README.md").data
    assert [result.metric_value for result in found.eval_results] == [1e-7, 2.5]
    assert found.pipeline_tag == "unconditional-image-generation"
