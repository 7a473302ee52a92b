"""Copies among samples, one by one."""

import pytest
import torch

from latentia.data import prepare
from latentia.metrics import CopyTest, moved_neighbours


@pytest.fixture(scope="module")
def digits():
    return prepare("digits", progress=False)


@pytest.fixture(scope="module")
def test(digits):
    return CopyTest(digits.split("train"), digits.split("validation"), usual=0.02)


def test_finds_copies_that_were_blurred_moved_and_noisy(digits, test):
    copies = digits.split("train").images(slice(0, 60))
    noise = 0.02 * torch.randn(copies.shape, generator=torch.Generator().manual_seed(0))
    for changed in (copies, copies.roll(1, 3), 0.9 * copies + noise):
        found = test.nearest(changed)
        assert test.copies(found).float().mean() > 0.95
    assert torch.equal(test.nearest(copies).indices[:, 0], torch.arange(60))


def test_calls_few_unseen_images_copies(digits, test):
    unseen = digits.split("test").images(slice(None))
    assert test.copies(test.nearest(unseen)).float().mean() < 0.08
    assert test.copies(test.nearest(0.7 * unseen)).float().mean() < 0.08


def test_reading_in_parts_finds_the_same(digits, monkeypatch):
    whole = digits.split("train").images(slice(None))
    queries = digits.split("test").images(slice(0, 20))
    expected = moved_neighbours(queries, whole, num_neighbours=10, flips=False, max_shift=1)
    monkeypatch.setattr("latentia.metrics.copies.READ", 300)
    found = CopyTest(digits.split("train"), digits.split("validation")).nearest(queries)
    assert torch.allclose(found.distances, expected.distances)
    assert torch.equal(found.indices[:, 0], expected.indices[:, 0])


def test_mirror_images_are_copies_where_asked(digits):
    mirrored = digits.split("train").images(slice(0, 40)).flip(3)
    parts = digits.split("train"), digits.split("validation")
    share = [
        (test := CopyTest(*parts, flips=flips)).copies(test.nearest(mirrored)).float().mean()
        for flips in (True, False)
    ]
    assert share[0] > 0.95 > share[1]


def test_refuses_what_it_cannot_tell(digits):
    train, few = digits.split("train"), digits.split("test").only(torch.arange(20))
    with pytest.raises(ValueError, match="20 held-out images"):
        CopyTest(train, few)
    with pytest.raises(ValueError, match="usual is 0"):
        CopyTest(train, train, usual=0)
