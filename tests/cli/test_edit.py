"""`latentia edit`, `map` and `disentangle`."""

import json
import re
import sys

import pytest
from PIL import Image

from latentia.tasks import Direction


@pytest.fixture
def photos(latentia, vae, tmp_path):
    folder = tmp_path / "photos"
    assert latentia("sample", vae, "--num", 3, "--out", folder).code == 0
    (folder / "inner").mkdir()
    (folder / "0000.png").rename(folder / "inner" / "a.png")
    return folder


def test_a_picture_has_a_row_an_image_and_a_column_a_strength(latentia, vae, tmp_path):
    words = ["--direction", "3", "principal-1", "--apart", "8", "--num", 2, "--steps", 5]
    ended = latentia("edit", vae, *words, "--out", tmp_path / "e.png")
    assert ended.code == 0, ended.err
    width, height = Image.open(tmp_path / "e.png").size
    assert width / height == pytest.approx(5 / 4, rel=0.05)
    assert "3 (difference of means, apart from 8): picture 0." in ended.out
    assert "principal-1 (principal component of posterior means): picture 0." in ended.out


def test_a_direction_that_was_saved_edits_files_and_keeps_their_names(latentia, vae, photos, tmp_path):
    file = tmp_path / "three.safetensors"
    ended = latentia("edit", vae, "--direction", "3", "--save", file, "--out", tmp_path / "e.png")
    assert ended.code == 0, ended.err
    assert Direction.load(file).effect["picture"] > 0
    words = ["--direction", file, "--strength", 0, "--out", tmp_path / "same"]
    ended = latentia("edit", vae, photos, *words)
    assert ended.code == 0, ended.err
    written = {str(path.relative_to(tmp_path / "same")) for path in (tmp_path / "same").rglob("*.png")}
    assert written == {"0001.png", "0002.png", "inner/a.png"}
    for name in written:  # strength 0, residual kept: the image itself
        assert Image.open(tmp_path / "same" / name).tobytes() == Image.open(photos / name).tobytes()


def test_examples_instead_of_names(latentia, vae, photos, tmp_path):
    words = ["--plus", photos / "0001.png", "--minus", photos / "0002.png", "--together"]
    ended = latentia("edit", vae, photos, *words, "--strength", 1, "--out", tmp_path / "e.png")
    assert ended.code == 0, ended.err
    width, height = Image.open(tmp_path / "e.png").size
    assert width / height == pytest.approx(7, rel=0.1)
    assert "mean of 1 examples less mean of 1 others" in ended.out


def test_a_model_without_encoder_inverts(latentia, gan, photos, tmp_path):
    ended = latentia("edit", gan, photos, "--direction", "principal-1", "--out", tmp_path / "edited")
    assert ended.code == 0, ended.err
    assert len(list((tmp_path / "edited").rglob("*.png"))) == 3
    ended = latentia("traverse", gan, "--num", 2, "--steps", 3, "--out", tmp_path / "t.png")
    assert ended.code == 0, ended.err
    assert re.search(r"principal-2: picture 0\.\d+.* a step", ended.out)


def test_a_map_is_a_picture_or_a_page_that_needs_nothing_else(latentia, vae, tmp_path):
    ended = latentia("map", vae, "--num", 20, "--out", tmp_path / "m.png")
    assert ended.code == 0, ended.err
    assert Image.open(tmp_path / "m.png").size[0] > 4 * 8
    assert latentia("map", vae, "--num", 20, "--out", tmp_path / "m.html").code == 0
    page = (tmp_path / "m.html").read_text()
    assert not re.search(r"(src|href)=.(?!data:)", page.replace('sheet.src = "data:', ""))
    places = json.loads(re.search(r"places = (\[\[.*?\]\])", page)[1])
    assert len(places) == 20
    assert all(0 <= number <= 1 for place in places for number in place)
    assert '"class": [' in page


def test_shapes_have_factors(latentia, tmp_path):
    train = ["train", "vae.tc", "shapes", "--images", 128, "--width", 4, "--num-latents", 3]
    assert latentia(*train, "--out", tmp_path / "run").code == 0
    ended = latentia("disentangle", tmp_path / "run", "--num", 1000, "--votes", 100)
    assert ended.code == 0, ended.err
    assert "FactorVAE score" in ended.out
    assert "rotation" in ended.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["edit", "vae", "--out", "x.png"], "Say what to change"),
        (["edit", "vae", "--direction", "3", "--plus", "a.png", "--out", "x.png"], "in one way"),
        (["edit", "vae", "--plus", "a.png", "--out", "x.png"], "Examples need both"),
        (["edit", "vae", "--plus", "a.png", "--minus", "b.png", "--out", "x.png"], "no image a.png"),
        (["edit", "vae", "--direction", "3", "4", "--out", "folder"], "take one direction"),
        (["edit", "vae", "--direction", "three", "--out", "x.png"], "no attribute or class 'three'"),
        (["edit", "vae", "--direction", "principal-99", "--out", "x.png"], "principal direction 99"),
        (["edit", "vae", "--direction", "x.safetensors", "--out", "x.png"], "no file x.safetensors"),
        (["edit", "vae", "--direction", "3", "--steps", 4, "--out", "x.png"], "odd number"),
        (["edit", "vae", "--direction", "3", "--num", 0, "--out", "x.png"], "--num is 0"),
        (["edit", "vae", "--direction", "3", "--save", "x.pt", "--out", "x.png"], "--save is x.pt"),
        (["map", "vae", "--out", "x.pdf"], ".png or a .html"),
        (["map", "vae", "--num", 2, "--out", "x.png"], "3 or more"),
        (["map", "vae", "--method", "umap", "--out", "x.png"], "latentia[umap]"),
        (["disentangle", "vae"], "whose factors nobody knows"),
        (["disentangle", "vae", "--votes", 5], "at least 1000 and 100"),
    ],
)
def test_what_cannot_be_done_is_a_letter(latentia, request, tmp_path, monkeypatch, words, said):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "umap", None)
    command, run, *flags = words
    ended = latentia(command, request.getfixturevalue(run), *flags)
    assert ended.code == 2
    assert said in ended.err
    assert "Traceback" not in ended.err
    assert not list(tmp_path.iterdir())
