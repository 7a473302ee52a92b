import hashlib
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentia.data.splitting import by_group, duplicates, published

groups = st.lists(st.text(max_size=3), min_size=3, max_size=60).filter(lambda names: len(set(names)) >= 3)


@given(groups)
def test_a_group_stands_on_one_side_and_no_part_is_empty(names):
    split = by_group(names)
    sides = {}
    for name, part in zip(names, split, strict=True):
        assert sides.setdefault(name, part) == part
    assert set(split.tolist()) == {0, 1, 2}


@given(groups, st.randoms())
def test_the_order_of_images_does_not_matter(names, random):
    order = list(range(len(names)))
    random.shuffle(order)
    shuffled = by_group([names[i] for i in order])
    assert np.array_equal(by_group(names)[order], shuffled)


def test_shares_and_stability():
    names = [str(number) for number in range(10_000)]
    split = by_group(names)
    counts = Counter(split.tolist())
    assert abs(counts[0] - 8000) < 200
    assert abs(counts[1] - 1000) < 150
    assert np.array_equal(split[:9000], by_group(names[:9000])), "adding images moves no other image"


def test_too_few_groups():
    with pytest.raises(ValueError, match="2 distinct"):
        by_group(["a", "a", "b"])


def contents(number):
    return [hashlib.sha256(bytes([i % 256, i // 256])).digest() for i in range(number)]


def test_published_split_lends_train_images_to_missing_parts():
    names = ["train"] * 500 + ["test"] * 100
    split, notes = published(names, contents(600))
    assert (split[500:] == 2).all()
    assert set(split[:500].tolist()) == {0, 1}
    assert 25 <= (split == 1).sum() <= 80
    assert "no validation" in notes[0]
    whole, silent = published(["train", "validation", "test"] * 10, contents(30))
    assert whole.tolist() == [0, 1, 2] * 10
    assert silent == []
    with pytest.raises(ValueError, match="train"):
        published(["test"] * 5, contents(5))


def test_duplicates_across_the_split_are_counted():
    a, b, c = contents(3)
    found = duplicates([a, a, b, b, c], np.array([0, 2, 0, 0, 1]))
    assert found == {"groups": 2, "images": 4, "test_in_train": 1}
