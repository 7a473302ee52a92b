"""`latentia transfer`."""

import csv

import numpy as np
import pytest
from PIL import Image

WORDS = ["--labels", 5, 20, "--seeds", 2]


@pytest.mark.parametrize("run", ["gan", "vae"])
def test_a_table_of_features_pixels_and_no_training(latentia, request, run, tmp_path):
    ended = latentia("transfer", request.getfixturevalue(run), "digits", *WORDS, "--out", tmp_path / "t.csv")
    assert ended.code == 0, ended.err
    for word in ("this model", "pixels", "untrained network", "all ("):
        assert word in ended.out
    with (tmp_path / "t.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 3 * (2 * 2 + 1)
    assert all(0.3 < float(row["accuracy"]) <= 1 for row in rows)
    said = next(line.split() for line in ended.out.splitlines() if line.startswith("pixels"))
    mean = np.mean(
        [float(r["accuracy"]) for r in rows if r["what"] == "pixels" and r["labels_a_class"] == "5"]
    )
    assert float(said[2]) == pytest.approx(100 * mean, abs=0.051)


def test_curves_are_a_picture(latentia, gan, tmp_path):
    ended = latentia("transfer", gan, "digits", *WORDS, "--probe", "nearest", "--out", tmp_path / "t.png")
    assert ended.code == 0, ended.err
    assert np.asarray(Image.open(tmp_path / "t.png").convert("L")).std() > 5
    assert len(list(tmp_path.iterdir())) == 1


def test_your_own_folder_is_learned_from_by_its_subfolders(latentia, gan, tmp_path):
    generator = np.random.default_rng(0)
    for shade, name in ((60, "dark"), (190, "bright")):
        (tmp_path / "own" / name).mkdir(parents=True)
        for number in range(40):
            pixels = generator.normal(shade, 20, (10, 10)).clip(0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / "own" / name / f"{number}.png")
    ended = latentia("transfer", gan, tmp_path / "own", "--labels", 5)
    assert ended.code == 0, ended.err
    (mine,) = [line.split() for line in ended.out.splitlines() if line.startswith("this model")]
    assert float(mine[3]) > 80


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["digits", "--out", "x.txt"], ".png or a .csv"),
        (["digits", "--labels", 1000], "smallest has"),
        (["digits", "--labels", 1], "a class needs 2"),
        (["digits", "--seeds", 0], "0 draws"),
        (["digits", "--layers", "critic.9"], "Did you mean critic.0"),
        (["digits", "--grid", 0], "at least 1 cell"),
        (["mono", "--labels", 5], "0 classes"),
    ],
)
def test_what_cannot_be_done_is_a_letter(latentia, gan, tmp_path, monkeypatch, words, said):
    monkeypatch.chdir(tmp_path)
    np.save("mono.npy", np.random.default_rng(0).integers(0, 255, (40, 8, 8), dtype=np.uint8))
    ended = latentia("transfer", gan, *("mono.npy" if word == "mono" else word for word in words))
    assert ended.code == 2
    assert said in ended.err
    assert "Traceback" not in ended.err
    assert [path.name for path in tmp_path.iterdir()] == ["mono.npy"]
