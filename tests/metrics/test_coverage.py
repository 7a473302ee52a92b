"""Precision, recall, density and coverage against the definitions, written out in full."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from latentia.metrics import measure_coverage


def _definitions(real, fake, k_manifold, k_density):
    """Loops over all pairs, as the papers write the four measures."""

    def radius(points, index, k):
        return sorted(np.linalg.norm(points[index] - points[j]) for j in range(len(points)) if j != index)[
            k - 1
        ]

    def distance(i, j):
        return np.linalg.norm(real[i] - fake[j])

    rows, columns = range(len(real)), range(len(fake))
    wide = [radius(real, i, k_manifold) for i in rows]
    dense = [radius(real, i, k_density) for i in rows]
    drawn = [radius(fake, j, k_manifold) for j in columns]
    return (
        np.mean([any(distance(i, j) <= wide[i] for i in rows) for j in columns]),
        np.mean([any(distance(i, j) <= drawn[j] for j in columns) for i in rows]),
        np.mean([sum(distance(i, j) <= dense[i] for i in rows) / k_density for j in columns]),
        np.mean([any(distance(i, j) <= dense[i] for j in columns) for i in rows]),
    )


@settings(max_examples=15, deadline=None)
@given(
    num_real=st.integers(7, 25),
    num_fake=st.integers(7, 25),
    shift=st.floats(0, 2),
    chunk=st.sampled_from([3, 512]),
)
def test_all_four_meet_their_definitions(num_real, num_fake, shift, chunk):
    rng = np.random.default_rng(num_real * 100 + num_fake)
    real = rng.normal(size=(num_real, 3))
    fake = rng.normal(size=(num_fake, 3)) + shift
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("latentia.metrics.coverage.CHUNK", chunk)
        measured = measure_coverage(torch.tensor(real), torch.tensor(fake))
    expected = _definitions(real, fake, 3, 5)
    assert (measured.precision, measured.recall, measured.density, measured.coverage) == pytest.approx(
        expected
    )


def test_copies_of_one_image_are_precise_and_cover_nothing(digits):
    points = digits[0][:300].flatten(1)
    copies = points[:1].repeat(300, 1) + 1e-3 * torch.randn(
        300, 64, generator=torch.Generator().manual_seed(0)
    )
    measured = measure_coverage(points, copies)
    assert measured.precision == 1
    assert measured.recall < 0.02
    assert measured.coverage < 0.1


def test_too_few_points_are_refused():
    points = torch.randn(5, 2)
    with pytest.raises(ValueError, match="at least 6"):
        measure_coverage(points, torch.randn(50, 2))
