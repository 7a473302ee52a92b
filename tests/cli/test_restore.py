from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from latentia import train
from latentia.cli import main

SIZE = {"images": 32, "show": False, "width": 4, "latent_channels": 1}


@pytest.fixture(scope="module")
def photos(tmp_path_factory) -> np.ndarray:
    """Smooth pictures in colour."""
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(40, 3, 4, 4, generator=generator)
    images = torch.nn.functional.interpolate(coarse, (16, 16), mode="bilinear")
    return (images.permute(0, 2, 3, 1) * 255).round().to(torch.uint8).numpy()


def run_of(photos, folder: Path, recipe: str = "gan.restore", **arguments: object) -> Path:
    path = folder / "run"
    train(recipe, photos, out=path, **{**SIZE, **arguments})
    return path


@pytest.fixture(scope="module")
def upscaler(photos, tmp_path_factory) -> Path:
    return run_of(photos, tmp_path_factory.mktemp("upscale"), task="upscale", factor=2)


@pytest.fixture(scope="module")
def colourist(photos, tmp_path_factory) -> Path:
    return run_of(photos, tmp_path_factory.mktemp("colour"), "vae.restore", task="colourise")


@pytest.fixture(scope="module")
def filler(photos, tmp_path_factory) -> Path:
    return run_of(photos, tmp_path_factory.mktemp("fill"), task="inpaint", critic_width=4)


@pytest.fixture(scope="module")
def decoder(photos, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("vae") / "run"
    train("vae.gaussian", photos, out=path, images=32, show=False, width=4, num_latents=2)
    return path


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A half-broken folder: colour and grey, big and small, nested, transparent, and no pictures at all."""
    folder = tmp_path / "in"
    (folder / "deeper").mkdir(parents=True)
    random = np.random.default_rng(0)
    Image.fromarray(random.integers(0, 256, (20, 30, 3), dtype=np.uint8)).save(folder / "colour.png")
    Image.fromarray(random.integers(0, 256, (9, 11), dtype=np.uint8)).save(folder / "deeper" / "grey.bmp")
    holed = random.integers(0, 256, (16, 16, 4), dtype=np.uint8)
    holed[:, :, 3] = 255
    holed[4:8, 4:8, 3] = 0
    Image.fromarray(holed).save(folder / "holed.png")
    (folder / "broken.jpg").write_bytes(b"no picture")
    (folder / "notes.txt").write_text("not even a name")
    return folder


def said(capsys) -> tuple[str, str]:
    captured = capsys.readouterr()
    return captured.out, captured.err


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path)).astype(float)


def test_enlarging_keeps_names_and_agrees_with_the_files(upscaler, files, tmp_path, capsys) -> None:
    out = tmp_path / "out"
    assert main(["restore", str(upscaler), str(files), str(out), "--answers", "2", "--spread"]) == 0
    told, left_out = said(capsys)
    assert "broken.jpg: text, not an image" in left_out
    assert "60 x 40 px, 2 answers; off the file by" in told
    written = {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()}
    each = ("", "-1", "-2", "-spread")
    stems = ("colour", "deeper/grey", "holed")
    assert written == {f"{stem}{ending}.png" for stem in stems for ending in each}
    for name in ("colour", "colour-1", "colour-2"):
        large = pixels(out / f"{name}.png")
        small = large.reshape(20, 2, 30, 2, 3).mean((1, 3))
        assert np.abs(small - pixels(files / "colour.png")).max() < 0.51, "rounding alone"
    assert Image.open(out / "deeper" / "grey.png").mode == "L"
    assert Image.open(out / "colour-spread.png").mode == "L"
    assert not np.array_equal(pixels(out / "colour-1.png"), pixels(out / "colour-2.png"))


def test_the_same_seed_gives_the_same_answers(upscaler, files, tmp_path) -> None:
    for name, seed in (("one", "1"), ("two", "1"), ("three", "2")):
        words = ["restore", str(upscaler), str(files / "colour.png"), str(tmp_path / name)]
        assert main([*words, "--answers", "1", "--seed", seed]) == 0
    one, two, three = (pixels(tmp_path / name / "colour-1.png") for name in ("one", "two", "three"))
    assert np.array_equal(one, two)
    assert not np.array_equal(one, three)


def test_colouring_keeps_the_grey_of_the_file(colourist, files, tmp_path) -> None:
    out = tmp_path / "out"
    assert main(["restore", str(colourist), str(files), str(out), "--task", "colourise"]) == 0
    for name, file in (("colour", "colour.png"), ("deeper/grey", "deeper/grey.bmp")):
        grey = np.asarray(Image.open(files / file).convert("L")).astype(float)
        found = np.asarray(Image.open(out / f"{name}.png").convert("L")).astype(float)
        assert Image.open(out / f"{name}.png").mode == "RGB"
        assert np.abs(grey - found).max() <= 2


def test_holes_are_boxes_masks_or_what_is_transparent(filler, files, tmp_path, capsys) -> None:
    out = tmp_path / "box"
    assert main(["restore", str(filler), str(files), str(out), "--box", "2", "3", "5", "4"]) == 0
    before, after = pixels(files / "colour.png"), pixels(out / "colour.png")
    hidden = np.zeros(before.shape[:2], bool)
    hidden[3:7, 2:7] = True
    assert np.array_equal(before[~hidden], after[~hidden])
    assert not np.array_equal(before[hidden], after[hidden])

    masks = tmp_path / "masks"
    masks.mkdir()
    Image.fromarray(hidden.astype(np.uint8) * 255).save(masks / "colour.bmp")
    capsys.readouterr()
    assert main(["restore", str(filler), str(files), str(tmp_path / "mask"), "--mask", str(masks)]) == 0
    assert "holed.png: there is no file" in said(capsys)[1]
    assert np.array_equal(pixels(tmp_path / "mask" / "colour.png"), after), "the same hole, the same filling"

    assert main(["restore", str(filler), str(files), str(tmp_path / "alpha")]) == 0
    assert "colour.png: nothing in it is transparent" in said(capsys)[1]
    filled, holed = pixels(tmp_path / "alpha" / "holed.png"), pixels(files / "holed.png")
    assert filled.shape == (16, 16, 3)
    assert np.array_equal(filled[holed[:, :, 3] > 0], holed[holed[:, :, 3] > 0][:, :3])


@pytest.mark.parametrize("task", ["upscale", "colourise", "inpaint", "denoise", "deblur"])
def test_any_model_that_decodes_searches(decoder, files, tmp_path, task: str, capsys) -> None:
    words = ["restore", str(decoder), str(files / "colour.png"), str(tmp_path / "out"), "--task", task]
    words += ["--steps", "3", "--restarts", "1", "--answers", "1"]
    assert main([*words, *(["--box", "2", "2", "4", "4"] if task == "inpaint" else [])]) == 0
    size = (120, 80) if task == "upscale" else (30, 20)
    assert Image.open(tmp_path / "out" / "colour.png").size == size
    assert Image.open(tmp_path / "out" / "colour-1.png").size == size


@pytest.mark.parametrize(
    ("words", "letter"),
    [
        (["--spread"], "--spread needs --answers 2"),
        (["--task", "denoise"], "learned to upscale, and --task is denoise"),
        (["--factor", "4"], r"learned to undo Downscaled\(factor=2\), and was asked for --factor 4"),
        (["--noise", "0.1"], "noise is 0.1, a setting of the task denoise"),
        (["--tile", "20"], "tile is 20"),
        (["--answers", "-1"], "num_answers is -1"),
    ],
)
def test_what_a_run_did_not_learn_is_a_letter(upscaler, files, tmp_path, words, letter, capsys) -> None:
    import re

    assert main(["restore", str(upscaler), str(files), str(tmp_path / "out"), *words]) == 2
    assert re.search(letter, said(capsys)[1])
    assert not list(tmp_path.glob("out/**/*.png"))


def test_other_refusals(upscaler, decoder, filler, files, tmp_path, capsys) -> None:
    out = str(tmp_path / "out")
    cases = {
        "has not learned to restore": [str(decoder), str(files), out],
        "Name another folder": [str(upscaler), str(files), str(files)],
        "There is no file or folder": [str(upscaler), str(tmp_path / "nowhere"), out],
        "There are no images in": [str(upscaler), str(upscaler / "run.json" / ".."), out],
        "leaves the picture": [str(filler), str(files), out, "--box", "0", "0", "500", "4"],
        "None of the 1 files": [str(upscaler), str(files / "broken.jpg"), out],
    }
    (upscaler / "samples").exists()
    for letter, words in cases.items():
        if letter == "There are no images in":
            (tmp_path / "empty").mkdir()
            words[1] = str(tmp_path / "empty")
        assert main(["restore", *words]) == 2, letter
        assert letter in said(capsys)[1]


def test_commands_that_draw_of_nothing_name_the_one_that_restores(upscaler, tmp_path, capsys) -> None:
    for words in (["sample", str(upscaler), "--out", str(tmp_path / "a.png")], ["evaluate", str(upscaler)]):
        assert main(words) == 2
        assert "latentia restore" in said(capsys)[1]


def test_masks_that_do_not_fit_and_names_that_meet_are_listed(filler, tmp_path, capsys) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    Image.new("RGB", (16, 16)).save(folder / "a.png")
    Image.new("RGB", (16, 16)).save(folder / "a.bmp")
    Image.new("RGB", (12, 16)).save(folder / "b.png")
    Image.new("L", (16, 16), 0).save(tmp_path / "black.png")
    mask = np.zeros((16, 16), np.uint8)
    mask[:4] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    words = ["restore", str(filler), str(folder), str(tmp_path / "out"), "--mask"]
    assert main([*words, str(tmp_path / "mask.png")]) == 0
    listed = said(capsys)[1]
    assert "a.png: it would be written to" in listed
    assert "b.png: the mask mask.png has 16 x 16 px, and the image 12 x 16" in listed
    assert main([*words, str(tmp_path / "black.png")]) == 2
    assert "the mask black.png hides nothing" in said(capsys)[1]
