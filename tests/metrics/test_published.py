"""Published networks: their protocol against an independent one, and letters where they are not there."""

import numpy as np
import pytest
import torch
from PIL import Image

from latentia.data.pictures import to_pixels
from latentia.metrics import DinoFeatures, InceptionFeatures, published


class Stand(torch.nn.Module):
    """A stand-in with the published file's interface: levels in, pooled levels out."""

    def forward(self, images: torch.Tensor, return_features: bool = False) -> torch.Tensor:
        assert return_features
        return torch.nn.functional.avg_pool2d(images, 23).flatten(1)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "inception-2015-12-05.pt"
    torch.jit.script(Stand()).save(path)
    return path


def _images(channels, side):
    return torch.rand(3, channels, side, side, generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.mark.parametrize("side", [32, 320])
def test_images_are_resized_as_pillow_does(side):
    """The protocol of clean-fid: 8-bit levels as float planes, antialiased bicubic, nothing rounded after."""
    images = _images(3, side)
    ours = published._colour_levels(images, 299)
    levels = to_pixels(images).float().numpy()
    for image, expected in zip(ours, levels, strict=True):
        for plane, level in zip(image, expected, strict=True):
            theirs = np.asarray(Image.fromarray(level).resize((299, 299), Image.Resampling.BICUBIC))
            np.testing.assert_allclose(plane.numpy(), theirs, atol=0.05)


def test_a_named_file_is_used_and_not_called_inception(file, monkeypatch):
    space = InceptionFeatures(file)
    assert space(_images(1, 16)).shape == (3, 3 * 13 * 13)
    assert space.name.startswith("network inception-2015-12-05.pt")
    monkeypatch.setenv("LATENTIA_INCEPTION", str(file))
    assert InceptionFeatures().hash == space.hash


def test_grey_is_grey_in_three_channels(file):
    space, grey = InceptionFeatures(file), _images(1, 16)
    torch.testing.assert_close(space(grey), space(grey.repeat(1, 3, 1, 1)))


def test_where_it_is_not_there_a_letter_says_how_to_get_it(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match=r"nvidia.*random"):
        InceptionFeatures(tmp_path / "nothing.pt")
    (tmp_path / "text.pt").write_text("not a network")
    with pytest.raises(ValueError, match="not a TorchScript network"):
        InceptionFeatures(tmp_path / "text.pt")
    monkeypatch.delenv("LATENTIA_INCEPTION", raising=False)
    nowhere = published.Remote("file:nowhere/inception-2015-12-05.pt", published.INCEPTION.sha256)
    monkeypatch.setattr(published, "INCEPTION", nowhere)
    with pytest.raises(ValueError, match=r"could not be downloaded.*LATENTIA_INCEPTION"):
        InceptionFeatures(cache=tmp_path, progress=False)


def test_a_download_that_has_changed_is_refused_before_it_runs(file, tmp_path, monkeypatch):
    monkeypatch.delenv("LATENTIA_INCEPTION", raising=False)
    folder = tmp_path / "downloads" / "inception"
    folder.mkdir(parents=True)
    file.rename(folder / file.name)
    monkeypatch.setattr(torch.jit, "load", lambda *_, **__: pytest.fail("ran a program that nobody knows"))
    with pytest.raises(ValueError, match="damaged"):
        InceptionFeatures(cache=tmp_path, progress=False)


def test_a_folder_without_dinov2_is_answered_with_a_letter(tmp_path):
    with pytest.raises(ValueError, match=r"config.json and model.safetensors"):
        DinoFeatures(tmp_path)


def test_dinov2_reads_the_class_token_of_a_local_folder(tmp_path):
    transformers = pytest.importorskip("transformers")
    config = transformers.Dinov2Config(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, image_size=224, patch_size=56
    )
    torch.manual_seed(0)
    transformers.Dinov2Model(config).save_pretrained(tmp_path / "tiny")
    space, images = DinoFeatures(tmp_path / "tiny"), _images(1, 16)
    assert space(images).shape == (3, 16)
    assert "DINOv2 tiny" in space.name
    torch.testing.assert_close(space(images), DinoFeatures(tmp_path / "tiny")(images.repeat(1, 3, 1, 1)))


def test_dinov2_without_its_package_is_answered_with_a_letter(tmp_path, monkeypatch):
    for name in ("config.json", "model.safetensors"):
        (tmp_path / name).touch()
    monkeypatch.setitem(__import__("sys").modules, "transformers", None)
    with pytest.raises(ValueError, match=r"latentia\[dinov2\]"):
        DinoFeatures(tmp_path)
