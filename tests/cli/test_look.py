"""`latentia data` and `latentia recipes`."""

import pytest
from PIL import Image

from latentia import recipes


def test_data_says_what_is_there(latentia):
    ended = latentia("data", "digits")
    assert ended.code == 0
    assert "1797" in ended.out.replace(",", "").replace(" ", "")
    assert "latentia train" in ended.err


def test_data_as_json_is_nothing_but_json(latentia):
    report = latentia("data", "digits", "--json").json()
    assert "17" in str(report)


def test_data_writes_a_contact_sheet(latentia, tmp_path):
    assert latentia("data", "digits", "--sheet", tmp_path / "sheet.png").code == 0
    assert Image.open(tmp_path / "sheet.png").size[0] > 64


def test_data_takes_the_flags_of_a_preparation(latentia):
    ended = latentia("data", "digits", "--size", 16, "--binarise", "threshold", "--json")
    assert ended.code == 0
    assert ended.json() != latentia("data", "digits", "--json").json()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["digitz"], "digits"),
        (["no/such/folder"], "no/such/folder"),
        (["digits", "--size", "9"], "size is 9"),
        (["digits", "--fit", "squeeze"], "'crop', 'pad'"),
        ([], "SOURCE"),
    ],
)
def test_a_source_that_cannot_be_read_is_a_letter(latentia, words, said):
    ended = latentia("data", *words)
    assert ended.code == 2
    assert said in ended.err
    assert "Traceback" not in ended.err


def test_an_empty_folder_is_a_letter(latentia, tmp_path):
    assert latentia("data", tmp_path).code == 2


def test_recipes_says_what_each_can_do(latentia):
    ended = latentia("recipes")
    assert ended.code == 0
    for name in recipes.names():
        assert name in ended.out
    assert "(implicit)" in ended.out
    assert "explicit, density: lower bound" in ended.out


def test_recipes_as_json(latentia):
    listed = {recipe["name"]: recipe for recipe in latentia("recipes", "--json").json()}
    assert set(listed) == set(recipes.names())
    assert listed["gan.dcgan"]["density"] == "none"
    assert "encode" in listed["vae.gaussian"]["can"]
    assert listed["vae.gaussian"]["arguments"]["num_latents"]["default"] == 64
