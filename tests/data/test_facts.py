import json
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from latentia.data import Facts, Preparation, prepare


@given(st.integers(-10, 400))
def test_sizes_are_kept_or_get_a_letter_with_a_size_that_works(size):
    try:
        assert Preparation(size=size).size == size
        assert size % 4 == 0
        assert 8 <= size <= 256
    except ValueError as error:
        hint = int("".join(c for c in str(error).split("Try ")[1].split(" ")[0] if c.isdigit()))
        assert Preparation(size=hint).size == hint


def test_facts_survive_json_without_their_statistics():
    facts = prepare("digits", progress=False).facts
    again = Facts.from_json(json.loads(json.dumps(facts.to_json())))
    assert again == facts
    assert again.image_shape == (1, 8, 8)
    assert again.mean is None
    assert again.std is None


def test_statistics_are_those_of_the_training_split():
    store = prepare("digits", progress=False)
    images = store.split("train").images(slice(None)).double()
    assert torch.allclose(store.facts.mean.double(), images.mean(0), atol=1e-6)
    assert torch.allclose(store.facts.std.double(), images.std(0, correction=0), atol=1e-6)


def test_attributes_are_those_of_the_training_split(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (40, 8, 8), dtype=np.uint8)
    names = [f"{index}.png" for index in range(40)]
    for name, pixels in zip(names, images, strict=True):
        Image.fromarray(pixels).save(tmp_path / name)
    rows = [f"{name},{'' if index % 4 == 0 else float(index)}" for index, name in enumerate(names)]
    table = tmp_path / "table.csv"
    table.write_text("\n".join(["file,number", *rows]))
    store = prepare(tmp_path, Preparation(labels=str(table)), cache=tmp_path / "cache", progress=False)
    values = store.facts.attribute_values
    assert values.shape == (store.facts.num_train, 1)
    expected = [int(name.removesuffix(".png")) for name in store.split("train").names]
    for value, number in zip(values[:, 0].tolist(), expected, strict=True):
        assert math.isnan(value) if number % 4 == 0 else value == number
    assert prepare("digits", progress=False).facts.attribute_values is None


@pytest.mark.parametrize("field", ["fit", "channels", "background", "split", "binarise"])
def test_unknown_choices_get_a_letter(field):
    preparation = Preparation()
    object.__setattr__(preparation, field, "nonsense")  # past the type checker of the tests
    with pytest.raises(ValueError, match=f"{field} is 'nonsense'"):
        preparation.__post_init__()
