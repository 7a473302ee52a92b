"""The Fréchet distance against closed forms."""

import warnings

import pytest
import torch

from latentia.metrics import frechet_distance


def _whitened(num_points, dimensions, seed):
    """Points whose sample mean is 0 and whose sample covariance is the identity, exactly."""
    points = torch.randn(
        num_points, dimensions, generator=torch.Generator().manual_seed(seed), dtype=torch.float64
    )
    points = points - points.mean(0)
    return points @ torch.linalg.inv(torch.linalg.cholesky(points.T.cov())).T


def test_two_gaussians_with_covariances_that_do_not_commute():
    """With S_1 = I the distance is |m|^2 + sum (sqrt(l_i) - 1)^2 over the eigenvalues l of S_2."""
    generator = torch.Generator().manual_seed(2)
    factor = torch.randn(6, 6, generator=generator, dtype=torch.float64)
    mean = torch.randn(6, generator=generator, dtype=torch.float64)
    first, second = _whitened(50, 6, 0), _whitened(80, 6, 1) @ factor.T + mean
    spectrum = torch.linalg.eigvalsh(factor @ factor.T)
    expected = mean.square().sum() + (spectrum.sqrt() - 1).square().sum()
    assert frechet_distance(first, second) == pytest.approx(expected.item(), rel=1e-9)
    assert frechet_distance(second, first) == pytest.approx(expected.item(), rel=1e-9)
    # Distances do not change when both sets are mapped by one rotation ...
    rotation, _ = torch.linalg.qr(torch.randn(6, 6, generator=generator, dtype=torch.float64))
    assert frechet_distance(first @ rotation, second @ rotation) == pytest.approx(expected.item(), rel=1e-9)


def test_general_pair_meets_the_matrix_square_root():
    linalg = pytest.importorskip("scipy.linalg")
    generator = torch.Generator().manual_seed(3)
    first = torch.randn(200, 5, generator=generator, dtype=torch.float64)
    second = first[:150] @ torch.randn(5, 5, generator=generator, dtype=torch.float64) + 1
    one, two = first.T.cov().numpy(), second.T.cov().numpy()
    root = linalg.sqrtm(one @ two).real
    expected = (first.mean(0) - second.mean(0)).square().sum().item() + (one + two - 2 * root).trace()
    assert frechet_distance(first, second) == pytest.approx(expected, rel=1e-8)


def test_identical_sets_have_distance_zero_also_where_the_covariance_is_singular():
    points = torch.randn(100, 3, generator=torch.Generator().manual_seed(0))
    flat = torch.cat([points, points], dim=1)
    assert frechet_distance(flat, flat) == pytest.approx(0, abs=1e-6)


def test_too_few_points_warn_and_one_is_refused():
    with pytest.warns(UserWarning, match="more than 10 images"):
        frechet_distance(torch.randn(10, 10), torch.randn(20, 10))
    with pytest.raises(ValueError, match="at least 2"):
        frechet_distance(torch.randn(1, 10), torch.randn(20, 10))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        frechet_distance(torch.randn(11, 10), torch.randn(20, 10))
