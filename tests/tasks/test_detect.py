"""Anomaly scores: what they add up, and that the corrections correct."""

import io
import math

import pytest
import torch
from PIL import Image

from latentia.data.pictures import to_pixels
from latentia.tasks import anomaly_scores, invert, log_likelihoods, png_lengths, reconstruct, usual_score
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


@pytest.mark.parametrize("name", ["vae.gaussian", "hybrid.bigan", "ae.plain"])
def test_a_reconstruction_is_scored_by_its_mean_squared_error(name, images):
    model = ZOO[name]().model.eval()
    expected = (reconstruct(model, images) - images).square().flatten(1).mean(1)
    torch.testing.assert_close(anomaly_scores(model, images, score="reconstruction"), expected)


def test_portions_change_nothing(model, images):
    many = anomaly_scores(model, images.repeat(75, 1, 1, 1), score="reconstruction")  # more than fit in one
    torch.testing.assert_close(many, anomaly_scores(model, images, score="reconstruction").repeat(75))


def test_an_inversion_is_scored_by_what_the_search_leaves(images):
    model = ZOO["gan.dcgan"]().model.eval()

    def generator():
        return torch.Generator().manual_seed(1)

    scores = anomaly_scores(model, images, score="inversion", steps=5, generator=generator())
    torch.testing.assert_close(scores, invert(model, images, steps=5, generator=generator()).squared_error)


def test_what_a_generator_made_itself_is_less_unusual_than_noise():
    model = ZOO["gan.dcgan"]().model.eval()
    own = model.sample(6, generator=torch.Generator().manual_seed(0))
    noise = torch.rand(own.shape, generator=torch.Generator().manual_seed(1)) * 2 - 1
    scores = anomaly_scores(
        model, torch.cat([own, noise]), score="inversion", generator=torch.Generator().manual_seed(2)
    )
    assert scores[:6].max() < scores[6:].min()


def test_the_usual_score_is_the_cheapest_that_a_model_can():
    names = ("vae.gaussian", "ae.plain", "gan.dcgan")
    kinds = [usual_score(ZOO[name]().model) for name in names]
    assert kinds == ["likelihood", "reconstruction", "inversion"]


def test_a_correction_is_of_likelihoods_alone(model, images):
    with pytest.raises(ValueError, match="corrects a likelihood"):
        anomaly_scores(model, images, score="reconstruction", complexity="png")
    with pytest.raises(ValueError, match="corrects a likelihood"):
        anomaly_scores(model, images, score="inversion", background=model)


def test_an_adversarial_network_cannot_reconstruct(images):
    with pytest.raises(ValueError, match="reconstruct"):
        anomaly_scores(ZOO["gan.dcgan"]().model.eval(), images, score="reconstruction")
