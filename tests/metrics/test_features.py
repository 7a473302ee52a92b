"""Feature spaces: the same everywhere, and sensitive to what makes samples bad."""

import pytest
import torch

from latentia.metrics import PixelFeatures, RandomFeatures, measure_coverage


def _images(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def test_random_weights_are_those_of_every_machine():
    """Hashes written down once: another torch or processor must not change what numbers mean."""
    assert RandomFeatures(1).hash == "6c43e967393e"
    assert RandomFeatures(3).hash == "7706bd47d01d"
    assert RandomFeatures(1, seed=1).hash != RandomFeatures(1).hash


@pytest.mark.parametrize(
    ("channels", "height", "width"), [(1, 8, 8), (3, 64, 64), (1, 28, 28), (3, 12, 32), (1, 5, 7)]
)
def test_random_features_take_any_size(channels, height, width):
    features = RandomFeatures(channels)(_images(3, channels, height, width))
    assert len(features) == 3
    assert features.isfinite().all()


def test_features_do_not_depend_on_how_images_are_batched():
    images = _images(10, 1, 16, 16)
    for space in (RandomFeatures(1), PixelFeatures(images, num_components=5)):
        torch.testing.assert_close(space(images, batch_size=3), space(images), atol=1e-5, rtol=1e-5)


def test_pixel_features_keep_distances_when_all_components_are_kept():
    images = _images(40, 1, 4, 4)
    features = PixelFeatures(images, num_components=16)(images)
    torch.testing.assert_close(torch.pdist(features), torch.pdist(images.flatten(1)), atol=1e-4, rtol=1e-4)


def test_pixel_features_need_two_images():
    with pytest.raises(ValueError, match="at least 2"):
        PixelFeatures(_images(1, 1, 8, 8))


def test_random_features_see_blur_and_lost_modes(digits):
    """Blur must cost realism; half of the classes must cost variety and no realism."""
    images, classes = digits
    real, other = images[:800], images[800:1600]
    space = RandomFeatures(1)
    blurred = torch.nn.functional.avg_pool2d(other, 3, 1, 1, count_include_pad=False)
    few = other[classes[800:1600] < 5]
    same, blur, lost = (measure_coverage(space(real), space(fake)) for fake in (other, blurred, few))
    assert same.precision.value > 0.85
    assert same.recall.value > 0.85
    assert blur.precision.value < 0.3
    assert lost.precision.value > 0.85
    assert lost.recall.value < 0.6
