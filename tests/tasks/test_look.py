"""Reconstruction and interpolation, on a model whose latents are its pixels."""

import pytest
import torch
from torch import nn

from latentia.distributions import Dirac, Normal
from latentia.protocols import Decodes, Encodes
from latentia.tasks import interpolate, interpolate_images, reconstruct

STEPS = 5


class PixelLatents(nn.Module, Encodes, Decodes):
    """Encodes an image as half its pixels' values, with a posterior far too wide to be drawn from."""

    def encode(self, images, *, given=None):
        return Normal(images.flatten(1) / 2, torch.full((len(images), 16), 9.0))

    def decode(self, latents, *, given=None):
        return Normal((latents * 2).reshape(-1, 1, 4, 4), torch.full((len(latents), 1, 4, 4), 9.0))

    def prior(self, *, given=None):
        return Normal(torch.zeros(1, 16), torch.zeros(1, 16))


class OnlyDecodes(nn.Module, Decodes):
    def decode(self, latents, *, given=None):
        return Dirac(latents.reshape(-1, 1, 4, 4))

    def prior(self, *, given=None):
        return Normal(torch.zeros(1, 16), torch.zeros(1, 16))


@pytest.fixture
def images():
    return torch.rand(3, 1, 4, 4, generator=torch.Generator().manual_seed(0)) * 2 - 1


def test_reconstruction_takes_means_and_draws_nothing(images):
    torch.testing.assert_close(reconstruct(PixelLatents(), images), images)


def test_reconstruction_asks_for_an_encoder(images):
    with pytest.raises(ValueError, match="encode images into latents, and OnlyDecodes cannot"):
        reconstruct(OnlyDecodes(), images)


@pytest.mark.parametrize("course", ["spherical", "linear"])
def test_ways_begin_and_end_at_the_images_one_way_after_the_other(images, course):
    way = interpolate_images(PixelLatents(), images, images.flip(0), STEPS, course=course)
    assert way.shape == (3 * STEPS, 1, 4, 4)
    torch.testing.assert_close(way[::STEPS], images)
    torch.testing.assert_close(way[STEPS - 1 :: STEPS], images.flip(0))


def test_the_spherical_way_keeps_its_length_at_even_angles():
    start, end = torch.zeros(1, 16), torch.zeros(1, 16)
    start[0, 0], end[0, 1] = 3.0, 3.0
    way = interpolate(OnlyDecodes(), start, end, 4).flatten(1)
    torch.testing.assert_close(way.norm(dim=1), torch.full((4,), 3.0))
    angles = torch.atan2(way[:, 1], way[:, 0])
    torch.testing.assert_close(angles, torch.linspace(0, torch.pi / 2, 4))


def test_the_linear_way_is_straight():
    start, end = torch.zeros(1, 16), torch.ones(1, 16)
    way = interpolate(OnlyDecodes(), start, end, 3, course="linear").flatten(1)
    torch.testing.assert_close(way[1], torch.full((16,), 0.5))


@pytest.mark.parametrize("factor", [1.0, 2.0, -1.0, 0.0])
def test_parallel_opposite_and_zero_latents_give_finite_ways(factor):
    start = torch.linspace(-1, 1, 16)[None]
    way = interpolate(OnlyDecodes(), start, factor * start, 5).flatten(1)
    assert way.isfinite().all()
    torch.testing.assert_close(way[[0, -1]], torch.cat([start, factor * start]))


def test_a_way_has_two_ends():
    with pytest.raises(ValueError, match="at least 2"):
        interpolate(OnlyDecodes(), torch.zeros(1, 16), torch.ones(1, 16), 1)
