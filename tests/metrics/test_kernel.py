"""The kernel distance against its definition, an independent package, and its own spread."""

import pytest
import torch
from torchmetrics.image.kid import KernelInceptionDistance

from latentia.metrics import RandomFeatures, kernel_distance
from latentia.metrics.kernel import _discrepancies


def _points(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).relu()


def _definition(real, fake):
    def kernel(first, second):
        return (first @ second.T / first.shape[1] + 1) ** 3

    def among(points):
        values = kernel(points, points)
        return (values.sum() - values.trace()) / (len(points) * (len(points) - 1))

    return (among(real) + among(fake) - 2 * kernel(real, fake).mean()).item()


def test_groups_are_left_out_as_if_they_had_never_been():
    real, fake = _points(40, 6), _points(53, 6, seed=1)
    groups = torch.arange(53) % 5
    found = _discrepancies(real, fake, 5).tolist()
    expected = [_definition(real, fake)] + [_definition(real, fake[groups != group]) for group in range(5)]
    assert found == pytest.approx(expected, rel=1e-9)


@pytest.mark.filterwarnings("ignore:Metric `Kernel Inception Distance`")
@pytest.mark.parametrize("shift", [0.0, 0.02, 0.5])
def test_agrees_with_an_independent_package(shift):
    real, fake = _points(400, 30), _points(400, 30, seed=1) + shift
    peer = KernelInceptionDistance(torch.nn.Identity(), subsets=1, subset_size=400)
    peer.update(real, real=True)
    peer.update(fake, real=False)
    ours = kernel_distance(real, fake, block_size=400).value
    assert ours == pytest.approx(peer.compute()[0].item(), rel=1e-4)
    single = kernel_distance(real.float(), fake.float(), block_size=400).value
    assert single == pytest.approx(ours, rel=1e-4), "sums must not lose what float32 features know"


@pytest.mark.parametrize(("count", "block_size"), [(200, 1000), (900, 300)])
@pytest.mark.parametrize("shift", [0.0, 0.2])
def test_unbiased_and_with_the_error_of_new_samples(count, block_size, shift):
    generator = torch.Generator().manual_seed(0)
    drawn = []
    for _ in range(40):
        real, fake = torch.randn(count, 10, generator=generator), torch.randn(count, 10, generator=generator)
        drawn.append(kernel_distance(real, fake + shift, block_size=block_size))
    values = torch.tensor([estimate.value for estimate in drawn])
    # <x, y> / d is of mean 0 where x has mean 0, of mean s^2 and more spread where both are shifted by s: the
    # true distance is 0 without a shift, and otherwise known from many more images.
    many = _definition(
        torch.randn(4000, 10, generator=generator), torch.randn(4000, 10, generator=generator) + shift
    )
    spread = values.std().item()
    assert values.mean().item() == pytest.approx(many, abs=4 * spread / 40**0.5 + 2e-3)
    # Here both sets are drawn anew each time, of which the error tells the samples' part.
    error = sum(estimate.error for estimate in drawn) / len(drawn)
    assert 0.5 * spread < error < 1.2 * spread


def test_every_image_counts_whatever_the_blocks():
    real, fake = _points(105, 4), _points(130, 4, seed=1)
    fake[77] += 1000
    assert kernel_distance(real, fake, block_size=20, groups=2).value > 1e3
    assert kernel_distance(real, fake, block_size=20, groups=2, seed=1) != kernel_distance(
        real, fake, block_size=20, groups=2
    )


def test_noise_blur_and_lost_classes_cost_more_by_each_step(digits):
    images, classes = (part[:1600] for part in digits)
    real, other, labels = images[:800], images[800:], classes[800:]
    space = RandomFeatures(1)  # in pixels noise of mean 0 hardly moves products: 0.3 of it goes unseen
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
        steps = [kernel_distance(space(real), space(fake)).value for fake in ladder]
        assert steps == sorted(steps)
        assert steps[-1] > 2 * abs(steps[0])


def test_too_few_images_are_refused():
    with pytest.raises(ValueError, match=r"at least 20 .*nearest_neighbours"):
        kernel_distance(_points(19, 3), _points(100, 3))
