"""Nearest training images against an exact search."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from latentia.metrics import moved_neighbours, nearest_neighbours
from latentia.metrics.neighbours import _coarse


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


def _all_views(image, size, flips, max_shift):
    """Every window of the image and of its mirror image, one by one."""
    mirrored = [image, image.flip(2)] if flips else [image]
    steps = range(2 * max_shift + 1)
    return [m[:, i : i + size[0], j : j + size[1]] for m in mirrored for i in steps for j in steps]


@settings(deadline=None)
@given(
    num_queries=st.integers(1, 5),
    num_references=st.integers(1, 20),
    flips=st.booleans(),
    max_shift=st.integers(0, 2),
    channels=st.sampled_from([1, 3]),
)
def test_moved_neighbours_meet_their_definition(num_queries, num_references, flips, max_shift, channels):
    generator = torch.Generator().manual_seed(num_queries + 10 * num_references)
    queries = torch.rand(num_queries, channels, 7, 6, generator=generator)
    references = torch.rand(num_references, channels, 7, 6, generator=generator)
    size = (7 - 2 * max_shift, 6 - 2 * max_shift)
    found = moved_neighbours(queries, references, num_neighbours=3, flips=flips, max_shift=max_shift)
    for row, query in enumerate(queries):
        middles = [r[:, max_shift : 7 - max_shift, max_shift : 6 - max_shift] for r in references]
        views = _all_views(query, size, flips, max_shift)
        distances = torch.stack(
            [torch.stack([(m - v).square().mean().sqrt() for v in views]).min() for m in middles]
        )
        expected, indices = distances.sort()
        torch.testing.assert_close(found.distances[row], expected[:3])
        assert torch.equal(found.indices[row], indices[:3])


@pytest.mark.parametrize("shift", [(0, 0), (1, 0), (-1, 1), (2, -2)])
def test_a_moved_copy_of_a_large_image_is_found_at_distance_zero(shift):
    references = torch.rand(60, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1
    found = moved_neighbours(references[30:34].roll(shift, (2, 3)).flip(3), references, max_shift=2)
    assert found.indices.flatten().tolist() == [30, 31, 32, 33]
    assert found.distances.max() == 0


def test_first_comparison_never_exceeds_the_distance():
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(30, 3, 62, 55, generator=generator) * torch.rand(30, 1, 1, 1, generator=generator)
    coarse, flat = _coarse(images.double()), images.double().flatten(1)
    bounds, distances = (torch.pdist(vectors) for vectors in (coarse, flat))
    assert (bounds <= distances).all()
    assert bounds.sum() > 0.5 * distances.sum()


def test_there_must_be_references_for_moved_images_too():
    with pytest.raises(ValueError, match="no reference images"):
        moved_neighbours(_images(2, 0), _images(0, 0))
