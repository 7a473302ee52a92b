import math

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from latentia.data import builtin, prepare
from latentia.data.builtin import FACTORS, draw_shape


def test_digits_are_the_real_ones():
    store, real = prepare("digits", progress=False), load_digits()
    assert store.facts.levels == 17
    assert store.facts.classes == tuple("0123456789")
    for name in ("train", "validation", "test"):
        part = store.split(name)
        rows = [int(n) for n in part.names]
        assert np.array_equal(((part.images(slice(None)) + 1) * 8).numpy()[:, 0], real.images[rows])
        assert part.given(slice(None)).tolist() == real.target[rows].tolist()


def test_shapes_are_what_their_factors_say():
    contents = builtin.shapes()
    values = contents.labels.values
    assert len(values) == builtin.NUM_SHAPES
    assert len(np.unique(values, axis=0)) == builtin.NUM_SHAPES
    assert contents.labels.attributes == tuple(FACTORS)
    for column, (name, allowed) in enumerate(FACTORS.items()):
        assert set(np.unique(values[:, column])) == set(np.float32(allowed)), name
    for row in (0, 777, 19_999):
        assert np.array_equal(contents.read(row), draw_shape(*values[row].tolist()))


@pytest.mark.parametrize("shape", [0.0, 1.0, 2.0])
def test_factors_move_what_they_name(shape):
    def centre(image):
        weight = image.astype(float).sum(axis=2)
        rows, columns = np.indices(weight.shape)
        return (columns * weight).sum() / weight.sum(), (rows * weight).sum() / weight.sum()

    left, right = (draw_shape(shape, 0.8, 0.0, x, 0.5, 0.0) for x in (0.0, 1.0))
    top, bottom = (draw_shape(shape, 0.8, 0.0, 0.5, y, 0.0) for y in (0.0, 1.0))
    assert centre(right)[0] - centre(left)[0] == pytest.approx(16, abs=0.1)
    assert centre(bottom)[1] - centre(top)[1] == pytest.approx(16, abs=0.1)
    small, large = (draw_shape(shape, s, 0.0, 0.5, 0.5, 0.0).sum() for s in (0.5, 1.0))
    assert large / small == pytest.approx(4, rel=0.15)
    turned = draw_shape(shape, 1.0, math.pi / 2, 0.5, 0.5, 0.0)
    assert np.abs(turned.astype(int) - np.rot90(draw_shape(shape, 1.0, 0.0, 0.5, 0.5, 0.0), -1)).mean() < 2
    red, green = (draw_shape(shape, 1.0, 0.0, 0.5, 0.5, h)[16, 16] for h in (0.0, 1 / 3))
    assert red.argmax() == 0
    assert green.argmax() == 1


def test_no_shape_is_cut_off_and_edges_are_smooth():
    for shape in (0.0, 1.0, 2.0):
        for rotation in FACTORS["rotation"]:
            image = draw_shape(shape, 1.0, rotation, 0.0, 1.0, 0.5)
            assert image[0].sum() + image[:, -1].sum() == 0
    assert len(np.unique(draw_shape(1.0, 1.0, 0.3, 0.5, 0.5, 0.0)[:, :, 0])) > 8


def test_attributes_are_given(monkeypatch):
    monkeypatch.setattr(builtin, "NUM_SHAPES", 200)
    store = prepare("shapes", progress=False)
    given = store.split("test").given(torch.tensor([0, 5]))
    assert given.shape == (2, 6)
    assert store.facts.attributes == ("shape", "scale", "rotation", "x", "y", "hue")
