"""`latentia detect`."""

import csv

import numpy as np
import pytest
import torch
from PIL import Image

from latentia import anomaly_scores, detect, open_run, prepare


@pytest.fixture(scope="module")
def noise(tmp_path_factory):
    """A folder with two classes of pictures of the size of digits: noise, and plain ones."""
    folder, generator = tmp_path_factory.mktemp("pictures") / "own", np.random.default_rng(0)
    for name in ("noise", "plain"):
        (folder / name).mkdir(parents=True)
        for number in range(30):
            pixels = generator.integers(0, 256, (8, 8)) if name == "noise" else np.full((8, 8), 4 * number)
            Image.fromarray(pixels.astype(np.uint8)).save(folder / name / f"{number}.png")
    return folder


def _rows(path):
    with path.open() as file:
        return list(csv.DictReader(file))


def test_scores_stand_in_order_beside_p_values_with_the_caveat(latentia, vae, tmp_path):
    ended = latentia("detect", vae, "digits", "--out", tmp_path / "s.csv")
    assert ended.code == 0, ended.err
    assert "Nalisnick" in ended.err
    rows = _rows(tmp_path / "s.csv")
    assert len(rows) == 1797
    scores = [float(row["score"]) for row in rows]
    assert scores == sorted(scores, reverse=True)
    p = np.array([float(row["p_value"]) for row in rows])
    assert (np.diff(p) >= 0).all()
    assert {row["class"] for row in rows} == set("0123456789")
    test = np.array([row["split"] == "test" for row in rows])
    assert 0.3 < p[test].mean() < 0.7  # of usual images p values are uniform
    assert f"{(p <= 0.01).sum()} of 1,797 images have p <= 0.01" in ended.out
    assert [path.name for path in tmp_path.iterdir()] == ["s.csv"]


def test_what_is_compared_with_was_never_trained_on(vae, noise):
    run, digits = open_run(vae), prepare("digits", progress=False)
    for data, part in (("digits", "validation"), (str(noise), "test")):
        found = detect(run, data, score="reconstruction", held_out=10_000)
        images = digits.split(part).images(slice(None))
        assert torch.allclose(found.held_out, anomaly_scores(run.model, images, score="reconstruction"))


@pytest.mark.parametrize("correction", ["png", "background", "reconstruction"])
def test_what_is_no_raw_likelihood_has_no_caveat(latentia, vae, tmp_path, correction):
    flags = {
        "png": ["--complexity", "png"],
        "background": ["--background", vae],
        "reconstruction": ["--score", "reconstruction"],
    }
    ended = latentia("detect", vae, "digits", "--out", tmp_path / "s.csv", "--num", 20, *flags[correction])
    assert ended.code == 0, ended.err
    assert "Nalisnick" not in ended.err
    assert len(_rows(tmp_path / "s.csv")) == 60


def test_a_gan_inverts_and_names_what_is_found_how_well(latentia, gan, noise, tmp_path):
    words = ["--unusual", "noise", "--steps", 20, "--held-out", 30, "--picture", tmp_path / "s.png"]
    ended = latentia("detect", gan, noise, "--out", tmp_path / "s.csv", *words)
    assert ended.code == 0, ended.err
    assert "inversion error" in ended.out
    (line,) = [line for line in ended.out.splitlines() if line.startswith("noise (30)")]
    rows = _rows(tmp_path / "s.csv")
    scores = {kind: [float(r["score"]) for r in rows if r["class"] == kind] for kind in ("noise", "plain")}
    area = np.mean([[float(a > b) for b in scores["plain"]] for a in scores["noise"]])
    assert f"curve {area:.3f} (" in line
    assert np.asarray(Image.open(tmp_path / "s.png").convert("L")).std() > 5


def test_other_images_are_found_among_the_runs_own(latentia, vae, noise, tmp_path):
    words = ["--score", "reconstruction", "--held-out", 50]
    ended = latentia("detect", vae, noise, "--out", tmp_path / "s.csv", *words)
    assert ended.code == 0, ended.err
    assert "own (60) among held-out images of the run (50)" in ended.out
    assert max(float(row["p_value"]) for row in _rows(tmp_path / "s.csv") if row["class"] == "noise") < 0.1


def test_a_run_whose_images_are_gone_still_scores(latentia, noise, tmp_path):
    from latentia.cli import main

    array = np.random.default_rng(1).integers(0, 256, (64, 8, 8), dtype=np.uint8)
    np.save(tmp_path / "gone.npy", array)
    run = tmp_path / "run"
    words = ["--images", "64", "--width", "4", "--num-latents", "2", "--out", str(run)]
    assert main(["train", "ae.plain", str(tmp_path / "gone.npy"), *words]) == 0
    (tmp_path / "gone.npy").unlink()
    ended = latentia("detect", run, noise, "--out", tmp_path / "s.csv")
    assert ended.code == 0, ended.err
    assert "No p values" in ended.out
    assert {row["p_value"] for row in _rows(tmp_path / "s.csv")} == {""}


@pytest.mark.parametrize(
    ("run", "words", "said"),
    [
        ("gan", ["digits", "--score", "likelihood"], "latentia recipes"),
        ("gan", ["digits", "--score", "reconstruction"], "reconstruct"),
        ("vae", ["digits", "--score", "reconstruction", "--complexity", "png"], "corrects a likelihood"),
        ("vae", ["digits", "--unusual", "77"], "no class '77'"),
        ("vae", ["digits", "--unusual", *"0123456789"], "leaves none"),
        ("vae", ["digits", "--num", 0], "expected 1"),
        ("vae", ["digits", "--held-out", -1], "-1 held-out"),
        ("vae", ["digits", "--picture", "x.pdf"], "a .png file"),
        ("vae", ["nowhere"], "nowhere"),
    ],
)
def test_what_cannot_be_done_is_a_letter(latentia, request, tmp_path, monkeypatch, run, words, said):
    monkeypatch.chdir(tmp_path)
    ended = latentia("detect", request.getfixturevalue(run), *words, "--out", "x.csv")
    assert ended.code == 2
    assert said in ended.err
    assert "Traceback" not in ended.err
    assert not list(tmp_path.iterdir())


def test_out_is_a_table(latentia, vae, tmp_path):
    assert latentia("detect", vae, "digits", "--out", tmp_path / "x.txt").code == 2
