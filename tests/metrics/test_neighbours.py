"""Nearest training images against an exact search."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from latentia.metrics import nearest_neighbours


def _images(count, seed):
    return torch.rand(count, 1, 4, 4, generator=torch.Generator().manual_seed(seed)) * 2 - 1


@settings(deadline=None)
@given(num_queries=st.integers(1, 9), num_references=st.integers(1, 40), batch=st.integers(1, 41))
def test_the_nearest_is_found_however_references_are_batched(num_queries, num_references, batch):
    queries, references = _images(num_queries, 1), _images(num_references, 2)
    found = nearest_neighbours(queries, references.split(batch))
    distances = (queries[:, None] - references[None]).flatten(2).square().mean(2).sqrt()
    expected, indices = distances.min(1)
    torch.testing.assert_close(found.distances, expected)
    assert torch.equal(found.indices, indices)


def test_a_copy_is_found_at_distance_zero_among_near_copies():
    """The fast distance alone cannot tell these apart: its rounding error is larger than the noise."""
    original = _images(1, 0) + 100
    noise = torch.randn(3, 1, 4, 4, generator=torch.Generator().manual_seed(0)) * 1e-4
    found = nearest_neighbours(original, [original + noise, original])
    assert found.indices.item() == 3
    assert found.distances.item() == 0


def test_black_and_white_are_two_apart():
    found = nearest_neighbours(torch.ones(1, 1, 4, 4), [-torch.ones(1, 1, 4, 4)])
    assert found.distances.item() == pytest.approx(2)


def test_there_must_be_references():
    with pytest.raises(ValueError, match="no reference images"):
        nearest_neighbours(_images(2, 0), [])
