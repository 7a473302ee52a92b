"""`latentia demo`, with little training."""

from dataclasses import replace

import pytest

from latentia import recipes
from latentia.cli import demo
from latentia.cli.demo import Contender
from latentia.training.folder import RunFolder

LITTLE = {
    "vae": Contender("vae.gaussian", minutes=1.0, images=64, arguments={"width": 4}),
    "gan": Contender("gan.dcgan", minutes=1.0, images=64, arguments={"width": 4}),
}


@pytest.fixture(autouse=True)
def little(monkeypatch):
    monkeypatch.setattr(demo, "CONTENDERS", LITTLE)
    monkeypatch.setattr(demo, "MEASURED", {"num_samples": 50, "num_draws": 1})


class NoReport:
    """Stands in for the report where a test is about training."""

    def save(self, path):
        path.touch()


def compare_nothing(runs, **settings):
    return NoReport()


def test_demo_writes_a_report_and_trains_nothing_twice(latentia, tmp_path, monkeypatch):
    out = tmp_path / "demo"
    ended = latentia("demo", "--out", out)
    assert ended.code == 0, ended.err
    assert str(out / "report.html") in ended.out
    assert (out / "report.html").stat().st_size > 10_000
    weights = {name: (out / name / "weights.safetensors").read_bytes() for name in LITTLE}

    monkeypatch.setattr(demo, "compare_runs", compare_nothing)
    again = latentia("demo", "--out", out)
    assert again.code == 0
    assert again.err.count("is trained already") == 2
    assert weights == {name: (out / name / "weights.safetensors").read_bytes() for name in LITTLE}

    other = latentia("demo", "shapes", "--out", out)
    assert other.code == 2
    assert "--out" in other.err


def test_demo_finishes_a_run_that_was_stopped(latentia, tmp_path, monkeypatch):
    monkeypatch.setattr(demo, "compare_runs", compare_nothing)
    out = tmp_path / "demo"
    started = recipes.train("vae.gaussian", "digits", out=out / "vae", images=64, width=4, show=False)
    unfinished = replace(started.description, images=128)  # as a run that was killed half way says
    RunFolder(started.path).write(unfinished)
    ended = latentia("demo", "--out", out)
    assert ended.code == 0, ended.err
    assert "Going on with vae.gaussian" in ended.err
    assert recipes.open_run(out / "vae").images_seen == 128


def test_demo_of_a_missing_folder_is_a_letter(latentia, tmp_path):
    ended = latentia("demo", tmp_path / "nowhere", "--out", tmp_path / "demo")
    assert ended.code == 2
    assert "nowhere" in ended.err
    assert not (tmp_path / "demo").exists()


def test_demo_that_is_interrupted_says_how_it_goes_on(latentia, tmp_path, monkeypatch):
    out = tmp_path / "demo"
    run = recipes.train("vae.gaussian", "digits", out=tmp_path / "run", images=64, width=4, show=False)
    monkeypatch.setattr(recipes, "train", lambda *args, **named: replace(run, interrupted=True))
    ended = latentia("demo", "--out", out)
    assert ended.code == 130
    assert f"`latentia demo digits --out {out}` goes on" in ended.err
    assert not (out / "report.html").exists()
