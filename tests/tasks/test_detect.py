"""Anomaly scores: what they add up, and that the corrections correct."""

import io
import math

import pytest
import torch
from PIL import Image

from latentia.data.pictures import to_pixels
from latentia.tasks import anomaly_scores, log_likelihoods, png_lengths
from zoo import ZOO


@pytest.fixture
def images():
    return torch.randint(17, (4, 1, 8, 8), generator=torch.Generator().manual_seed(0)) / 8 - 1


@pytest.fixture
def model():
    return ZOO["vae.gaussian"]().model.eval()


def test_scores_are_what_their_formulas_say(model, images):
    other = ZOO["vae.logistic"]().model.eval()
    own = log_likelihoods(model, images)
    torch.testing.assert_close(own, model.log_prob(images))
    torch.testing.assert_close(anomaly_scores(model, images), -own)
    ratio = anomaly_scores(model, images, background=other)
    torch.testing.assert_close(ratio, log_likelihoods(other, images) - own)
    torch.testing.assert_close(
        anomaly_scores(model, images, complexity="png"), -own - png_lengths(images), rtol=1e-5, atol=1e-3
    )


def test_a_model_is_no_anomaly_to_itself(model, images):
    assert anomaly_scores(model, images, background=model).abs().max() == 0


@pytest.mark.parametrize("channels", [1, 3])
def test_png_lengths_are_those_of_files_that_can_be_read_again(channels):
    generator = torch.Generator().manual_seed(0)
    noise = torch.rand(1, channels, 32, 32, generator=generator) * 2 - 1
    plain = torch.zeros(1, channels, 32, 32)
    file = io.BytesIO()
    array = to_pixels(noise)[0].permute(1, 2, 0).numpy().squeeze()
    Image.fromarray(array).save(file, "PNG", optimize=True)
    lengths = png_lengths(torch.cat([plain, noise]))
    assert lengths[1].item() == pytest.approx(8 * math.log(2) * file.tell())
    assert lengths[0] < lengths[1] / 5


def test_one_correction_at_a_time(model, images):
    with pytest.raises(ValueError, match="Choose one"):
        anomaly_scores(model, images, complexity="png", background=model)


def test_an_implicit_model_has_no_likelihood(images):
    with pytest.raises(ValueError, match="say how likely an image is"):
        anomaly_scores(ZOO["gan.dcgan"]().model.eval(), images)
