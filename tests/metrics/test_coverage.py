"""Precision, recall, density and coverage against the definitions, written out in full."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from prdc import compute_prdc

from latentia.metrics import measure_coverage

NAMES = ("precision", "recall", "density", "coverage")


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
    assert _values(measured) == pytest.approx(expected)


def test_copies_of_one_image_are_precise_and_cover_nothing(digits):
    points = digits[0][:300].flatten(1)
    copies = points[:1].repeat(300, 1) + 1e-3 * torch.randn(
        300, 64, generator=torch.Generator().manual_seed(0)
    )
    measured = measure_coverage(points, copies)
    assert measured.precision.value == 1
    assert measured.recall.value < 0.02
    assert measured.coverage.value < 0.1


def _values(measured):
    return [e.value for e in (measured.precision, measured.recall, measured.density, measured.coverage)]


@pytest.mark.parametrize("features", [2, 64, 300])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_all_four_agree_with_an_independent_package(features, dtype, capsys):
    rng = np.random.default_rng(features)
    real, fake = rng.normal(5, 1, size=(900, features)), rng.normal(5, 1.05, size=(700, features))
    real, fake = real.astype(dtype), fake.astype(dtype)
    for k in (3, 5):
        # The package computes float32 distances with float32 roundings: hand it the same values in float64.
        peer = compute_prdc(real.astype(np.float64), fake.astype(np.float64), k)
        ours = measure_coverage(
            torch.tensor(real), torch.tensor(fake), manifold_neighbours=k, density_neighbours=k
        )
        assert _values(ours) == pytest.approx([float(peer[name]) for name in NAMES], abs=1e-12)


@pytest.mark.parametrize("precision", ["highest", "high", "medium"])
def test_rounding_decides_nothing(precision):
    """Near copies far from the origin, repeated points and ties: the answer of float64 in all of them."""
    rng = torch.Generator().manual_seed(0)
    base = 100 + torch.randn(60, 20, generator=rng, dtype=torch.float64).repeat(2, 1)
    near = base + 1e-6 * torch.randn(120, 20, generator=rng, dtype=torch.float64)
    grid = torch.randint(3, (120, 4), generator=rng).double()
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(precision)
    try:
        for real, fake in ((base, near), (near, base), (grid, grid[:80]), (base, base)):
            measured = measure_coverage(real, fake)
            assert _values(measured) == pytest.approx(_definitions(real.numpy(), fake.numpy(), 3, 5))
    finally:
        torch.set_float32_matmul_precision(before)


def test_errors_are_those_of_new_samples():
    """The error of precision and density against their spread over draws, with the same real points."""
    rng = torch.Generator().manual_seed(0)
    real = torch.randn(300, 4, generator=rng)
    drawn = [measure_coverage(real, 1.2 * torch.randn(300, 4, generator=rng)) for _ in range(40)]
    for name in ("precision", "density"):
        spread = np.std([getattr(measured, name).value for measured in drawn], ddof=1)
        error = np.mean([getattr(measured, name).error for measured in drawn])
        assert error == pytest.approx(spread, rel=0.4)


def test_noise_costs_precision_and_lost_classes_cost_coverage(digits):
    """Both ladders, in pixels: each step is worse than the one before."""
    images, classes = (part[:1600] for part in digits)
    real, other, labels = images[:800].flatten(1), images[800:].flatten(1), classes[800:]
    noise = torch.randn(other.shape, generator=torch.Generator().manual_seed(0))
    noisy = [measure_coverage(real, other + level * noise) for level in (0, 0.1, 0.2, 0.4)]
    fewer = [measure_coverage(real, other[labels < most]) for most in (10, 7, 4, 1)]
    for ladder, names in ((noisy, ("precision", "density")), (fewer, ("recall", "coverage"))):
        for name in names:
            steps = [getattr(measured, name).value for measured in ladder]
            assert steps == sorted(steps, reverse=True), name
            assert steps[-1] < 0.5 * steps[0], name


def test_too_few_points_are_refused():
    points = torch.randn(5, 2)
    with pytest.raises(ValueError, match="at least 6"):
        measure_coverage(points, torch.randn(50, 2))


def test_features_that_are_not_finite_are_refused():
    points = torch.randn(20, 2)
    with pytest.raises(ValueError, match="not finite"):
        measure_coverage(points, points / 0)
