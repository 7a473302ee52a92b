import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from latentia.data import Order

numbers = st.integers(1, 50)
seeds = st.integers(0, 2**40)


@given(numbers, seeds, st.integers(0, 5))
def test_every_epoch_is_a_permutation(num_images, seed, epoch):
    drawn = Order(num_images, seed).at(epoch * num_images, num_images)
    assert sorted(drawn.tolist()) == list(range(num_images))


@given(numbers, seeds, st.integers(0, 200), st.lists(st.integers(0, 30), max_size=8))
def test_batches_of_any_size_are_pieces_of_one_stream(num_images, seed, start, counts):
    stream = Order(num_images, seed).at(start, sum(counts))
    resumed, position, pieces = Order(num_images, seed), start, []
    for count in counts:
        pieces.append(resumed.at(position, count))
        position += count
    assert torch.equal(stream, torch.cat([torch.empty(0, dtype=torch.int64), *pieces]))


def test_epochs_and_seeds_differ():
    order = Order(100, seed=1)
    assert not torch.equal(order.at(0, 100), order.at(100, 100))
    assert not torch.equal(order.at(0, 100), Order(100, seed=2).at(0, 100))


def test_asking_out_of_turn_changes_nothing():
    order = Order(10, seed=3)
    first = order.at(0, 10)
    order.at(500, 10), order.at(30, 25)
    assert torch.equal(order.at(0, 10), first)


@pytest.mark.parametrize(("num_images", "seed", "letter"), [(0, 0, "at least 1"), (5, -1, "from 0")])
def test_letters(num_images, seed, letter):
    with pytest.raises(ValueError, match=letter):
        Order(num_images, seed)
