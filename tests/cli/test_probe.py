"""`latentia probe`."""

import re

import pytest

SMALL = ["--width", 2, "--num-latents", 2, "--images", 64]


def test_a_line_for_each_value_and_which_it_is(latentia, tmp_path):
    ended = latentia("probe", "digits", "--out", tmp_path / "probe", *SMALL, "--network", "convolutional")
    assert ended.code == 0, ended.err
    lines = ended.out.splitlines()
    assert lines[0].split() == ["gamma", "kernel", "distance", "x", "1000"]
    assert {float(line.split()[0]) for line in lines[1:4]} == {0.1, 1, 10}
    best = lines[1].split()[0]
    assert re.match(rf"Nearest to held-out images: gamma {best}(, not told apart from .*)?\.$", lines[4])
    assert f"--gamma {best}" in lines[5]
    assert (tmp_path / "probe" / "gamma-10" / "run.json").exists()


def test_any_recipe_and_any_number(latentia, tmp_path):
    words = ["gan.dcgan", "digits", "--out", tmp_path / "probe", *SMALL]
    ended = latentia("probe", *words, "--argument", "rate", "--factors", 1, 3)
    assert ended.code == 0, ended.err
    assert len(ended.out.splitlines()) == 5
    assert "train with --rate 0.000" in ended.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["gan.r4", "digits", "--out", "x"], "There is no recipe 'gan.r4'; did you mean 'gan.r3'"),
        (["gan.dcgan", "digits", "--out", "x"], "gan.dcgan has no number 'gamma'"),
        (["digits", "--out", "x", "--factors", "1"], "give two values or more"),
        (["digits"], "--out"),
    ],
)
def test_what_does_not_fit_is_refused(latentia, words, said):
    ended = latentia("probe", *words)
    assert ended.code == 2
    assert said in ended.err


def test_help_shows_the_flags_of_the_probe_and_of_the_recipe(latentia):
    ended = latentia("probe", "gan.wgan_gp", "--help")
    assert ended.code == 0
    for flag in ("--argument", "--factors", "--out", "--size", "--penalty"):
        assert flag in ended.out
