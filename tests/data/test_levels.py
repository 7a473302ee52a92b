import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentia.data.levels import binarise, find_step, spread

DIVISORS = [1, 3, 5, 15, 17, 51, 85, 255]


@given(st.sampled_from(DIVISORS), st.lists(st.integers(0, 255), min_size=1))
def test_the_step_explains_all_values_and_is_the_widest(step, steps):
    values = np.array(steps) % (255 // step + 1) * step
    found = find_step(np.bincount(values, minlength=256))
    assert 255 % found == 0
    assert (values % found == 0).all()
    assert found % step == 0
    assert all((values % wider).any() for wider in DIVISORS if wider > found)


@pytest.mark.parametrize("number", [2, 16, 17, 256])
def test_spread_reaches_both_ends_and_keeps_order(number):
    values = spread(np.arange(number, dtype=np.uint8), number)
    assert values[0] == 0
    assert values[-1] == 255
    assert (np.diff(values.astype(int)) > 0).all()


def test_static_draws_follow_the_intensities_and_never_change():
    levels = np.full((1, 100, 100), 64, dtype=np.uint8)
    seed = hashlib.sha256(b"an image").digest()
    drawn = binarise(levels, 257, seed)
    assert set(np.unique(drawn)) == {0, 1}
    assert abs(drawn.mean() - 0.25) < 4 * np.sqrt(0.25 * 0.75 / drawn.size)
    assert np.array_equal(drawn, binarise(levels, 257, seed))
    assert binarise(np.array([0, 127, 128, 255]), 256, None).tolist() == [0, 0, 1, 1]
