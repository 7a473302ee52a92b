"""The Fréchet distance against closed forms."""

import pytest
import torch
from scipy import linalg
from torchmetrics.image.fid import FrechetInceptionDistance

from latentia.metrics import Estimate, Moments, frechet_distance
from latentia.metrics.gram import gram


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
    assert frechet_distance(first, second).value == pytest.approx(expected.item(), rel=1e-9)
    assert frechet_distance(second, first).value == pytest.approx(expected.item(), rel=1e-9)
    # Distances do not change when both sets are mapped by one rotation ...
    rotation, _ = torch.linalg.qr(torch.randn(6, 6, generator=generator, dtype=torch.float64))
    turned = frechet_distance(first @ rotation, second @ rotation)
    assert turned.value == pytest.approx(expected.item(), rel=1e-9)


def test_general_pair_meets_the_matrix_square_root():
    generator = torch.Generator().manual_seed(3)
    first = torch.randn(200, 5, generator=generator, dtype=torch.float64)
    second = first[:150] @ torch.randn(5, 5, generator=generator, dtype=torch.float64) + 1
    one, two = first.T.cov().numpy(), second.T.cov().numpy()
    root = linalg.sqrtm(one @ two).real
    expected = (first.mean(0) - second.mean(0)).square().sum().item() + (one + two - 2 * root).trace()
    assert frechet_distance(first, second).value == pytest.approx(expected, rel=1e-8)


def test_identical_sets_have_distance_zero_also_where_the_covariance_is_singular():
    points = torch.randn(100, 3, generator=torch.Generator().manual_seed(0))
    flat = torch.cat([points, points], dim=1)
    assert frechet_distance(flat, flat).value == pytest.approx(0, abs=1e-6)


def test_agrees_with_an_independent_package():
    class Features(torch.nn.Module):
        num_features = 24

        def forward(self, vectors):
            return vectors

    generator = torch.Generator().manual_seed(4)
    real = torch.randn(500, 24, generator=generator).relu() @ torch.randn(24, 24, generator=generator)
    fake = (real[:400] + 0.3 * torch.randn(400, 24, generator=generator)) * 1.1
    peer = FrechetInceptionDistance(Features(), input_img_size=(24,)).set_dtype(torch.float64)
    peer.update(real.double(), real=True)
    peer.update(fake.double(), real=False)
    assert frechet_distance(real, fake).value == pytest.approx(peer.compute().item(), rel=1e-4)


def test_moments_of_pieces_are_those_of_the_whole():
    points = 1000 + torch.randn(70, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("latentia.metrics.frechet.CHUNK", 9)
        moments = Moments.of(points[:40]).merge(Moments.of(points[40:]))
    assert moments.count == 70
    torch.testing.assert_close(moments.mean, points.mean(0))
    torch.testing.assert_close(moments.covariance, points.T.cov(), rtol=1e-10, atol=1e-12)
    # A stream of batches gives the number that all of them together give.
    other = points + torch.arange(5)
    whole = frechet_distance(points, other)
    streamed = frechet_distance(moments, [Moments.of(other[group::10]) for group in range(10)])
    assert streamed.value == pytest.approx(whole.value, rel=1e-9)
    assert streamed.error == pytest.approx(whole.error, rel=1e-9)


@pytest.mark.parametrize(
    ("num_points", "shift", "scale"), [(64, 0.3, 1.2), (128, 0.0, 1.0), (1000, 0.1, 1.1)]
)
def test_the_error_is_that_of_new_samples(num_points, shift, scale):
    """And to first order it is the jackknife's, which measures anew without each group."""
    generator = torch.Generator().manual_seed(0)
    spectrum = torch.linspace(0, -4, 32).exp()
    real = torch.randn(1000, 32, generator=generator) * spectrum
    sets = [(torch.randn(num_points, 32, generator=generator) * scale + shift) * spectrum for _ in range(60)]
    drawn = [frechet_distance(real, fake) for fake in sets]
    spread = torch.tensor([estimate.value for estimate in drawn]).std().item()
    assert sum(estimate.error for estimate in drawn) / len(drawn) == pytest.approx(spread, rel=0.45)
    groups = torch.arange(num_points) % 10
    for fake, estimate in list(zip(sets, drawn, strict=True))[:3]:
        without = [frechet_distance(real, fake[groups != group]).value for group in range(10)]
        assert estimate.error == pytest.approx(Estimate.jackknife(estimate.value, without).error, rel=0.2)


def test_noise_blur_and_lost_classes_cost_more_by_each_step(digits):
    images, classes = (part[:1600] for part in digits)
    real, other, labels = images[:800], images[800:], classes[800:]
    noise = torch.randn(other.shape, generator=torch.Generator().manual_seed(0))
    blurred = [other]
    for _ in range(3):
        blurred.append(torch.nn.functional.avg_pool2d(blurred[-1], 3, 1, 1, count_include_pad=False))
    ladders = (
        [other + level * noise for level in (0, 0.1, 0.2, 0.4)],
        blurred,
        [other[labels < most] for most in (10, 7, 4, 2)],
    )
    for ladder in ladders:
        steps = [frechet_distance(real.flatten(1), fake.flatten(1)).value for fake in ladder]
        assert steps == sorted(steps)
        assert steps[-1] > 2 * steps[0]


def test_no_more_vectors_than_dimensions_are_refused():
    for real, fake in ((10, 20), (20, 10), (1, 20)):
        with pytest.raises(ValueError, match=r"more than 10 .*kernel_distance"):
            frechet_distance(torch.randn(real, 10), torch.randn(fake, 10))
    frechet_distance(torch.randn(11, 10), torch.randn(20, 10))
    with pytest.raises(ValueError, match="kernel_distance"):
        frechet_distance(torch.randn(20, 10), [Moments.of(torch.randn(5, 10)) for _ in range(2)])


def test_one_group_tells_no_error():
    with pytest.raises(ValueError, match="2 groups"):
        frechet_distance(torch.randn(20, 3), [Moments.of(torch.randn(20, 3))])


def test_a_gram_matrix_is_the_product_with_the_transpose():
    matrix = torch.randn(7, 30, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(gram(matrix), matrix @ matrix.T)
    torch.testing.assert_close(gram(matrix.T), matrix.T @ matrix)
