"""`latentia invert`, `neighbours`, `features`, and `sample --truncation`."""

import numpy as np
import pytest
from PIL import Image


@pytest.mark.parametrize("run", ["vae", "gan"])
def test_invert_draws_rows_in_threes_and_says_the_error(latentia, request, run, tmp_path):
    words = ["--num", 10, "--steps", 2, "--out", tmp_path / "i.png"]
    ended = latentia("invert", request.getfixturevalue(run), *words)
    assert ended.code == 0, ended.err
    assert "PSNR" in ended.out
    width, height = Image.open(tmp_path / "i.png").size
    assert width / height == pytest.approx(8 / 6, rel=0.05)


def test_more_steps_come_nearer(latentia, gan, tmp_path):
    def error(steps: int) -> float:
        out = latentia("invert", gan, "--num", 2, "--steps", steps, "--out", tmp_path / "i.png").out
        return float(out.split("error:")[1].split()[0])

    assert error(30) < error(0)


@pytest.mark.parametrize("run", ["vae", "gan"])
def test_each_row_of_neighbours_is_a_draw_and_what_is_nearest(latentia, request, run, tmp_path):
    words = ["--num", 3, "--count", 4, "--out", tmp_path / "n.png"]
    ended = latentia("neighbours", request.getfixturevalue(run), *words)
    assert ended.code == 0, ended.err
    width, height = Image.open(tmp_path / "n.png").size
    assert width / height == pytest.approx(5 / 3, rel=0.05)
    rows = [line.split(":")[1].split() for line in ended.out.splitlines() if line.strip().startswith("row")]
    distances = [[float(number) for number in row] for row in rows]
    assert len(distances) == 3
    assert all(row == sorted(row) and len(row) == 4 for row in distances)


def test_training_images_are_searched_in_portions_as_in_one_go(latentia, gan, tmp_path, monkeypatch):
    def said() -> str:
        return latentia("neighbours", gan, "--num", 3, "--out", tmp_path / "n.png").out

    whole = said()
    monkeypatch.setattr("latentia.cli.latents.AT_ONCE", 100)
    assert said() == whole


@pytest.mark.parametrize(("run", "layer"), [("gan", "critic.0"), ("vae", "latents")])
def test_features_are_written_beside_names(latentia, request, run, layer, tmp_path):
    folder = request.getfixturevalue(run)
    whole = latentia("features", folder, "digits", "--out", tmp_path / "all.npz")
    assert whole.code == 0, whole.err
    assert layer in whole.out
    words = ["--layers", layer, "--grid", 1, "--out", tmp_path / "one.npz"]
    assert latentia("features", folder, "digits", *words).code == 0
    every, one = (np.load(tmp_path / f"{name}.npz", allow_pickle=False) for name in ("all", "one"))
    assert len(every["names"]) == len(every["features"]) == len(one["classes"]) == 1797
    assert np.isfinite(every["features"]).all()
    assert one["features"].shape[1] < every["features"].shape[1]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["all.npz", "one.npz"]


def test_truncation_pulls_draws_together(latentia, gan, tmp_path):
    def spread(threshold: float) -> float:
        folder = tmp_path / f"within-{threshold:g}".replace(".", "-")
        ended = latentia("sample", gan, "--num", 20, "--truncation", threshold, "--out", folder)
        assert f"within {threshold:g}" in ended.out, ended.err
        return np.stack([np.asarray(Image.open(path)) for path in folder.glob("*.png")]).std(0).mean()

    assert spread(0.1) < spread(4.0)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["invert", "vae", "--num", 0, "--out", "x.png"], "0 test images"),
        (["invert", "vae", "--steps", -1, "--out", "x.png"], "-1 steps"),
        (["invert", "vae", "--features", 1, "--out", "x.png"], "Adversarial networks"),
        (["neighbours", "gan", "--count", 0, "--out", "x.png"], "--count 0"),
        (["features", "gan", "digits", "--out", "x.pkl"], ".safetensors"),
        (["features", "gan", "digits", "--layers", "critic.9", "--out", "x.npz"], "Did you mean critic.0"),
        (["features", "gan", "digits", "--grid", 0, "--out", "x.npz"], "at least 1 cell"),
        (["sample", "gan", "--truncation", 0, "--out", "x.png"], "above 0"),
        (["sample", "gan", "--truncation", 1, "--temperature", 0.5, "--out", "x.png"], "one of the two"),
    ],
)
def test_what_cannot_be_done_is_a_letter(latentia, request, tmp_path, monkeypatch, words, said):
    monkeypatch.chdir(tmp_path)
    command, run, *flags = words
    ended = latentia(command, request.getfixturevalue(run), *flags)
    assert ended.code == 2
    assert said in ended.err
    assert "Traceback" not in ended.err
    assert not list(tmp_path.iterdir())
