"""Maps of latent spaces."""

import sys

import pytest
import torch

from latentia.tasks import Layout, lay_out, thumbnails


def test_principal_components_keep_distances_up_to_one_scale():
    flat = torch.randn(50, 2, generator=torch.Generator().manual_seed(0)) * torch.tensor([3.0, 1.0])
    latents = torch.cat([flat, torch.zeros(50, 3)], dim=1)
    layout = lay_out(latents)
    assert layout.places.aminmax() == (0, 1)
    assert "100%" in layout.caption
    ratio = torch.pdist(layout.places) / torch.pdist(flat)
    torch.testing.assert_close(ratio, ratio[:1].expand_as(ratio), rtol=1e-3, atol=0)


def test_one_latent_lies_on_a_line():
    places = lay_out(torch.arange(5.0)[:, None]).places
    assert (places[:, 1] == 0.5).all()


def test_a_cell_shows_the_image_nearest_to_its_middle_and_others_are_white():
    places = torch.tensor([[0.1, 0.9], [0.2, 0.8], [0.9, 0.1]])
    images = torch.tensor([-1.0, 0.0, 0.5]).reshape(3, 1, 1, 1)
    assert thumbnails(Layout(places, ""), images, 2).flatten().tolist() == [0.0, 1.0, 1.0, 0.5]


def test_letters(monkeypatch):
    with pytest.raises(ValueError, match="at least 3"):
        lay_out(torch.zeros(2, 4))
    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(ValueError, match=r"latentia\[umap\]"):
        lay_out(torch.zeros(5, 4), "umap")
