"""Traversals and maps, on models whose latents are known."""

import pytest
import torch
from torch import nn

from latentia.distributions import Normal
from latentia.protocols import Decodes, Encodes
from latentia.tasks import directions, manifold, traverse


class FirstPixels(nn.Module, Encodes, Decodes):
    """Latents are an image's first pixels; the other pixels are black."""

    def __init__(self, num_latents: int) -> None:
        super().__init__()
        self.num_latents = num_latents

    def encode(self, images, *, given=None):
        mean = images.flatten(1)[:, : self.num_latents]
        return Normal(mean, torch.zeros_like(mean))

    def decode(self, latents, *, given=None):
        black = torch.full((len(latents), 16 - self.num_latents), -1.0)
        images = torch.cat([latents, black], dim=1).reshape(-1, 1, 4, 4)
        return Normal(images, torch.zeros_like(images))

    def prior(self, *, given=None):
        zero = torch.zeros(1, self.num_latents)
        return Normal(zero, zero)


class InGroups(FirstPixels):
    group_sizes = (2, 3)


@pytest.fixture
def images():
    """Latents 0, 1, 2, ... vary more and more, except the third, which stands still."""
    drawn = torch.randn(500, 16, generator=torch.Generator().manual_seed(0))
    scales = torch.arange(1, 17) / 10
    scales[2] = 0
    return (0.3 + drawn * scales).reshape(-1, 1, 4, 4)


def test_the_most_active_latents_come_first(images):
    along = directions(FirstPixels(5), images, 4)
    assert along.names == ["latent 4", "latent 3", "latent 1", "latent 0"]
    assert along.vectors[0, 4].item() == pytest.approx(0.5, rel=0.1)
    assert (along.vectors != 0).sum() == 4


def test_a_row_moves_one_latent_over_the_range_of_images_and_nothing_else(images):
    model = FirstPixels(5)
    along = directions(model, images, 2)
    rows = traverse(model, images[:1], along, steps=5, reach=2).flatten(1).reshape(2, 5, 16)
    for row, latent, vector in zip(rows, (4, 3), along.vectors, strict=True):
        centre, std = along.centre[0, latent], vector[latent]
        torch.testing.assert_close(row[:, latent], centre + torch.linspace(-2, 2, 5) * std)
        others = [index for index in range(5) if index != latent]
        own = images[0].flatten()[others].expand(5, -1)
        torch.testing.assert_close(row[:, others], own)


def test_of_a_ladder_each_group_moves_along_its_main_direction(images):
    flat = images.flatten(1)
    flat[:, 1] = 2 * flat[:, 0]  # the first group varies along (1, 2) only
    along = directions(InGroups(5), images, 9)
    assert along.names == ["group 1", "group 2"]
    top, below = along.vectors
    assert (top[2:] == 0).all()
    assert (below[:2] == 0).all()
    assert (top[1] / top[0]).item() == pytest.approx(2, rel=1e-4)
    assert top.norm().item() == pytest.approx(5**0.5 * flat[:, 0].std().item(), rel=1e-3)
    assert below.abs().argmax() == 4


def test_a_map_covers_the_prior_in_equal_shares():
    found = manifold(FirstPixels(2), 4).flatten(1).reshape(4, 4, 16)
    probabilities = torch.special.ndtr(found[..., :2])
    expected = (torch.arange(4) + 0.5) / 4
    torch.testing.assert_close(probabilities[..., 0], expected.expand(4, 4))
    torch.testing.assert_close(probabilities[..., 1], expected.expand(4, 4).T)


def test_letters(images):
    along = directions(FirstPixels(3), images, 2)
    with pytest.raises(ValueError, match="2 dimensions"):
        manifold(FirstPixels(3))
    with pytest.raises(ValueError, match="at least 2"):
        manifold(FirstPixels(2), 1)
    with pytest.raises(ValueError, match="at least 2 images"):
        directions(FirstPixels(3), images[:1], 2)
    with pytest.raises(ValueError, match="at least 2"):
        traverse(FirstPixels(3), images[:1], along, steps=1)
    with pytest.raises(ValueError, match="encode images"):
        directions(nn.Identity(), images, 2)
