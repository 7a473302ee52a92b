"""`latentia sample`, `reconstruct` and `interpolate`."""

import numpy as np
import pytest
from PIL import Image


def test_sample_writes_one_picture(latentia, vae, tmp_path):
    ended = latentia("sample", vae, "--num", 9, "--out", tmp_path / "a.png")
    assert ended.code == 0
    assert str(tmp_path / "a.png") in ended.out
    assert Image.open(tmp_path / "a.png").size[0] >= 3 * 8


@pytest.mark.parametrize("run", ["vae", "gan"])
def test_sample_writes_a_folder_with_every_image(latentia, request, run, tmp_path):
    ended = latentia("sample", request.getfixturevalue(run), "--num", 5, "--out", tmp_path / "many")
    assert ended.code == 0
    files = sorted((tmp_path / "many").glob("*.png"))
    assert len(files) == 5
    assert {Image.open(file).size for file in files} == {(8, 8)}


def test_a_seed_draws_the_same_images_and_another_draws_others(latentia, vae, tmp_path):
    for name, seed in {"a": 1, "b": 1, "c": 2}.items():
        assert (
            latentia("sample", vae, "--num", 4, "--seed", seed, "--out", tmp_path / f"{name}.png").code == 0
        )
    a, b, c = (np.asarray(Image.open(tmp_path / f"{name}.png")) for name in "abc")
    assert (a == b).all()
    assert (a != c).any()


def test_without_noise_means_are_shown(latentia, vae, tmp_path):
    latentia("sample", vae, "--num", 4, "--out", tmp_path / "draws.png")
    ended = latentia("sample", vae, "--num", 4, "--out", tmp_path / "means.png", "--no-noise")
    assert "4 means of vae.gaussian" in ended.out
    draws, means = (np.asarray(Image.open(tmp_path / f"{n}.png")) for n in ("draws", "means"))
    assert (draws != means).any()


def test_more_images_than_are_drawn_at_once(latentia, vae, tmp_path):
    assert latentia("sample", vae, "--num", 300, "--out", tmp_path / "many").code == 0
    assert len(list((tmp_path / "many").glob("*.png"))) == 300


def test_reconstructions_stand_below_what_they_reconstruct(latentia, vae, tmp_path):
    """Twelve images in rows of eight: the half-filled row must not shift its reconstructions."""
    assert latentia("reconstruct", vae, "--num", 12, "--out", tmp_path / "r.png").code == 0
    picture = np.asarray(Image.open(tmp_path / "r.png").convert("L"))
    rows = np.array_split(picture, 4)
    half = picture.shape[1] // 2
    for row in rows[2:]:
        assert (row[:, half + 4 :] == 255).all()
        assert (row[:, :half] != 255).any()


def test_an_adversarial_network_cannot_reconstruct(latentia, gan, tmp_path):
    ended = latentia("reconstruct", gan, "--out", tmp_path / "r.png")
    assert ended.code == 2
    assert "latentia recipes" in ended.err
    assert not (tmp_path / "r.png").exists()


@pytest.mark.parametrize(("run", "ends"), [("vae", "test images"), ("gan", "draws from the prior")])
def test_interpolate(latentia, request, run, ends, tmp_path):
    words = ["--num", 2, "--steps", 5, "--out", tmp_path / "i.png"]
    ended = latentia("interpolate", request.getfixturevalue(run), *words)
    assert ended.code == 0
    assert ends in ended.out
    width, height = Image.open(tmp_path / "i.png").size
    assert width / height == pytest.approx(5 / 2, rel=0.1)


def test_images_from_elsewhere_are_prepared_to_fit(latentia, vae, tmp_path):
    others = tmp_path / "others.npy"
    np.save(others, np.random.default_rng(0).integers(0, 256, (40, 20, 12, 3), dtype=np.uint8))
    ended = latentia("reconstruct", vae, "--data", others, "--num", 2, "--out", tmp_path / "r.png")
    assert ended.code == 0, ended.err


def test_a_setting_that_is_ignored_is_said(latentia, gan, tmp_path):
    with pytest.warns(UserWarning, match="--data is ignored"):
        latentia("interpolate", gan, "--data", "digits", "--out", tmp_path / "i.png")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["sample", "--num", 0, "--out", "x.png"], "--num is 0"),
        (["sample", "--out", "x.docx"], "x.docx"),
        (["reconstruct", "--num", 100_000, "--out", "x.png"], "100000 test images"),
        (["reconstruct", "--out", "x"], "x.png"),
        (["interpolate", "--steps", 1, "--out", "x.png"], "1 steps"),
        (["interpolate", "--data", "no/where", "--out", "x.png"], "no/where"),
        (["sample", "--device", "abacus", "--out", "x.png"], "'abacus' is not a device"),
    ],
)
def test_what_cannot_be_drawn_is_a_letter(latentia, vae, tmp_path, monkeypatch, words, said):
    monkeypatch.chdir(tmp_path)
    command, *flags = words
    ended = latentia(command, vae, *flags)
    assert ended.code == 2
    assert said in ended.err
    assert "Traceback" not in ended.err
    assert not list(tmp_path.iterdir())
