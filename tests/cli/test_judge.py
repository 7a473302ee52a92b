"""`latentia evaluate`, `latentia compare` and `latentia leaderboard`."""

import json
import shutil
import time

import numpy as np
import pytest

LITTLE = ["--num-samples", 50, "--num-draws", 2, "--features", "pixels"]


def test_evaluate_of_an_explicit_model_prints_a_likelihood_and_its_protocol(latentia, vae):
    ended = latentia("evaluate", vae, *LITTLE)
    assert ended.code == 0
    assert "nats an image" in ended.out
    assert "latents are active" in ended.out
    assert "Protocol" in ended.out


def test_evaluate_as_json_is_nothing_but_json(latentia, vae, gan):
    explicit, implicit = (
        latentia("evaluate", vae, "--json", *LITTLE).json(),
        latentia("evaluate", gan, "--json", *LITTLE).json(),
    )
    assert explicit["likelihood"]["mean"] < 0
    assert explicit["latent_use"]["rate"] > 0
    assert implicit["likelihood"] is None
    assert implicit["latent_use"] is None
    assert implicit["family"] == "implicit"


def test_evaluate_is_repeatable(latentia, vae):
    assert (
        latentia("evaluate", vae, "--json", *LITTLE).out == latentia("evaluate", vae, "--json", *LITTLE).out
    )


def test_other_data_with_other_levels_are_refused_for_a_likelihood(latentia, vae, tmp_path):
    np.save(tmp_path / "others.npy", np.random.default_rng(0).integers(0, 256, (40, 8, 8), dtype=np.uint8))
    ended = latentia("evaluate", vae, "--data", tmp_path / "others.npy")
    assert ended.code == 2
    assert "17 levels" in ended.err


def test_compare_writes_one_file_that_opens_offline(latentia, vae, gan, tmp_path):
    out = tmp_path / "deep" / "report.html"
    ended = latentia("compare", vae, gan, "--out", out, *LITTLE)
    assert ended.code == 0, ended.err
    page = out.read_text(encoding="utf-8")
    assert "vae.gaussian" in page
    assert "gan.dcgan" in page
    assert "data:image/png;base64" in page
    assert 'src="http' not in page


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["compare", "--out", "r.html"], "at least one run"),
        (["compare", "VAE", "--out", "r.pdf"], "r.html"),
        (["compare", "VAE", "no/run", "--out", "r.html"], "no/run"),
        (["evaluate", "VAE", "--data", "no/where"], "no/where"),
    ],
)
def test_what_cannot_be_judged_is_a_letter(latentia, vae, tmp_path, monkeypatch, words, said):
    monkeypatch.chdir(tmp_path)
    ended = latentia(*(vae if word == "VAE" else word for word in words))
    assert ended.code == 2
    assert said in ended.err
    assert not list(tmp_path.iterdir())


def test_a_diagnosis_speaks_plainly_and_as_json(latentia, vae, gan):
    told = latentia("evaluate", vae, "--diagnose")
    assert told.code == 0, told.err
    assert "latents are active" in told.out
    findings = latentia("evaluate", vae, "--diagnose", "--json").json()
    assert {"posterior", "decoder", "fit"} <= {finding["topic"] for finding in findings}
    refused = latentia("evaluate", gan, "--diagnose")
    assert refused.code == 2
    assert "AdversarialNetwork cannot" in refused.err


def test_an_evaluation_goes_on_the_card_and_one_on_other_data_does_not(latentia, vae, tmp_path):
    run = shutil.copytree(vae, tmp_path / "run")
    before = (run / "README.md").read_text(encoding="utf-8")
    own = ["--seed", 5, *LITTLE]
    assert latentia("evaluate", run, "--data", "digits", *own).code == 0
    assert (run / "README.md").read_text(encoding="utf-8") == before
    assert latentia("evaluate", run, *own).code == 0
    card = (run / "README.md").read_text(encoding="utf-8")
    for words in ("Kernel distance", "Log-likelihood, bound", "nearest image"):
        assert words in card
    kept = json.loads((run / "evaluation.json").read_text(encoding="utf-8"))
    assert kept["settings"] == {"num_samples": 50, "num_draws": 2, "features": "pixels", "seed": 5}


def test_compare_writes_json_and_markdown_beside_the_page(latentia, vae, gan, tmp_path):
    assert latentia("compare", vae, gan, "--out", tmp_path / "r.html", *LITTLE).code == 0
    numbers = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    assert [model["family"] for model in numbers["models"]] == ["explicit", "implicit"]
    assert (tmp_path / "r.md").read_text(encoding="utf-8").count("\n| ") > 10


def test_watching_writes_the_report_as_runs_go_on_and_ends_with_them(latentia, vae, tmp_path, monkeypatch):
    run = shutil.copytree(vae, tmp_path / "run")
    planned = json.loads((run / "run.json").read_text(encoding="utf-8"))
    unfinished = {**planned, "images": 10_000}
    (run / "run.json").write_text(json.dumps(unfinished), encoding="utf-8")
    out, pages = tmp_path / "r.html", []

    def passes(seconds: float) -> None:  # in place of a wait: meanwhile the run ends
        pages.append(out.read_text(encoding="utf-8"))
        (run / "run.json").write_text(json.dumps(planned), encoding="utf-8")

    monkeypatch.setattr(time, "sleep", passes)
    assert latentia("compare", run, "--out", out, "--watch", *LITTLE).code == 0
    assert len(pages) == 1
    assert 'http-equiv="refresh"' in pages[0]
    assert 'http-equiv="refresh"' not in out.read_text(encoding="utf-8")


def test_a_leaderboard_ranks_runs_measures_each_once_and_lists_what_is_broken(
    latentia, vae, gan, tmp_path, monkeypatch
):
    for name, run in {"a-vae": vae, "a-gan": gan}.items():
        shutil.copytree(run, tmp_path / "runs" / name)
    (tmp_path / "runs" / "broken").mkdir()
    (tmp_path / "runs" / "broken" / "run.json").write_text("{", encoding="utf-8")
    first = latentia("leaderboard", tmp_path / "runs", *LITTLE)
    assert first.code == 0, first.err
    assert "broken" in first.err
    assert all(words in first.out for words in ("a-vae", "a-gan", "Kernel distance", "Protocol"))
    monkeypatch.setattr("latentia.report.leaderboard.evaluate_run", lambda *_, **__: pytest.fail("again"))
    assert latentia("leaderboard", tmp_path / "runs", *LITTLE).out == first.out
    out = tmp_path / "ranking.json"
    assert latentia("leaderboard", tmp_path / "runs", "--out", out, *LITTLE).code == 0
    (board,) = json.loads(out.read_text(encoding="utf-8"))
    distances = [run["results"]["Kernel distance x 1000"]["value"] for run in board["runs"]]
    assert distances == sorted(distances)


def test_a_folder_without_runs_and_a_strange_ending_are_letters(latentia, tmp_path):
    assert "no run" in latentia("leaderboard", tmp_path).err
    ended = latentia("leaderboard", tmp_path, "--out", tmp_path / "r.csv")
    assert ended.code == 2
    assert ".md or a .json" in ended.err
