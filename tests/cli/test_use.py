"""`latentia traverse`, `manifold`, `encode`, `compress` and `decompress`."""

import json

import numpy as np
import pytest
from PIL import Image
from safetensors import safe_open

from latentia.cli import main


@pytest.fixture(scope="module")
def binary(tmp_path_factory, cache):
    """Folder of a VAE with two latents that has seen 128 black and white digits."""
    folder = tmp_path_factory.mktemp("runs") / "binary"
    words = ["--images", "128", "--num-latents", "2", "--width", "4", "--binarise", "threshold"]
    assert main(["train", "vae.beta", "digits", "--out", str(folder), *words]) == 0
    return folder


def test_traverse(latentia, vae, tmp_path):
    ended = latentia("traverse", vae, "--num", 3, "--steps", 5, "--out", tmp_path / "t.png")
    assert ended.code == 0, ended.err
    assert ended.out.count("latent ") == 3
    width, height = Image.open(tmp_path / "t.png").size
    assert width / height == pytest.approx(5 / 3, rel=0.1)


def test_manifold(latentia, binary, tmp_path):
    ended = latentia("manifold", binary, "--side", 6, "--out", tmp_path / "m.png")
    assert ended.code == 0, ended.err
    width, height = Image.open(tmp_path / "m.png").size
    assert width == height


def test_encode_writes_what_any_program_reads_without_pickle(latentia, vae, tmp_path):
    for name in ("l.npz", "l.safetensors"):
        ended = latentia("encode", vae, "digits", "--out", tmp_path / name)
        assert ended.code == 0, ended.err
        assert "1,797 images, 4 latents" in ended.out
    arrays = np.load(tmp_path / "l.npz", allow_pickle=False)
    assert arrays["mean"].shape == arrays["std"].shape == (1797, 4)
    assert (arrays["std"] > 0).all()
    with safe_open(tmp_path / "l.safetensors", "numpy") as file:
        assert (file.get_tensor("mean") == arrays["mean"]).all()
        assert json.loads(file.metadata()["names"]) == arrays["names"].tolist()
        assert json.loads(file.metadata()["splits"]) == arrays["splits"].tolist()
        assert json.loads(file.metadata()["classes"]) == arrays["classes"].tolist()
    assert set(arrays["classes"]) == set("0123456789")
    assert len(set(arrays["names"])) == 1797


def test_compress_and_decompress(latentia, binary, tmp_path):
    pytest.importorskip("constriction")
    file = tmp_path / "d.lat"
    ended = latentia("compress", binary, "digits", "--num", 40, "--out", file)
    assert ended.code == 0, ended.err
    whole, net, claimed = (float(line.split(":")[1].split()[0]) for line in ended.out.splitlines()[1:])
    assert whole == pytest.approx(8 * file.stat().st_size / (40 * 64), abs=1e-4)
    assert net == pytest.approx(claimed, rel=0.03)
    assert latentia("decompress", binary, file, "--out", tmp_path / "d").code == 0
    found = [np.asarray(Image.open(path)) for path in sorted((tmp_path / "d").glob("*.png"))]
    assert np.shape(found) == (40, 8, 8)
    assert set(np.unique(found)) == {0, 255}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["traverse", "vae", "--image", 10_000, "--out", "x.png"], "--image is 10000"),
        (["manifold", "vae", "--out", "x.png"], "--num-latents 2"),
        (["encode", "vae", "digits", "--out", "x.pkl"], ".safetensors"),
        (["encode", "gan", "digits", "--out", "x.npz"], "latentia recipes"),
        (["compress", "vae", "digits", "--num", 0, "--out", "x.lat"], "--num is 0"),
        (["compress", "gan", "digits", "--out", "x.lat"], "latentia recipes"),
        (["decompress", "vae", "no.lat", "--out", "x"], "no.lat"),
        (["sample", "vae", "--temperature", -1, "--out", "x.png"], "temperature is -1"),
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


def test_temperature_zero_draws_one_image(latentia, vae, tmp_path):
    cold = ["--num", 3, "--temperature", 0, "--no-noise", "--out", tmp_path / "cold"]
    ended = latentia("sample", vae, *cold)
    assert "temperature 0" in ended.out
    first, *others = (np.asarray(Image.open(path)) for path in sorted((tmp_path / "cold").glob("*.png")))
    assert all((first == other).all() for other in others)
