import pytest
import torch

from latentia.networks import LatentGridDecoder, LatentGridEncoder, Layout, PatchCritic, VelocityNetwork
from latentia.networks.latent_grid import Attention, Halving


@pytest.mark.parametrize(("widths", "factor"), [((4, 8, 8), 4), ((4, 8, 8, 8), 8)])
@pytest.mark.parametrize("attention", [False, True])
def test_images_to_a_grid_and_back(widths, factor, attention) -> None:
    layout = Layout(3, widths, size=5, depth=2, num_groups=2, attention=attention)
    encoder, decoder = LatentGridEncoder(layout, num_outputs=10), LatentGridDecoder(layout)
    images = torch.randn(2, 3, 2 * factor, 3 * factor)
    assert layout.grid_of((3, 2 * factor, 3 * factor)) == (2, 3)
    assert encoder(images).shape == (2, 10, 2, 3)
    assert decoder(torch.randn(2, 5, 2, 3)).shape == images.shape


def test_attention_is_softmax_of_products_over_all_positions() -> None:
    torch.manual_seed(0)
    layer, features = Attention(6, 2), torch.randn(2, 6, 3, 4)
    rows = layer.group_norm(features).permute(0, 2, 3, 1).reshape(2, 12, 6)
    products = layer.to_q(rows) @ layer.to_k(rows).transpose(1, 2) / 6**0.5
    added = layer.to_out[0](products.softmax(-1) @ layer.to_v(rows)).reshape(2, 3, 4, 6).permute(0, 3, 1, 2)
    assert torch.allclose(layer(features), features + added, atol=1e-5)


def test_halving_pads_below_and_to_the_right() -> None:
    layer, image = Halving(1), torch.zeros(1, 1, 4, 4)
    layer.conv.weight.data.fill_(1.0)
    layer.conv.bias.data.zero_()
    image[0, 0, 0, 0] = image[0, 0, 3, 3] = 1.0
    assert layer(image).squeeze().tolist() == [[1.0, 0.0], [0.0, 1.0]]


@pytest.mark.parametrize("widths", [(8,), (8, 6)])
def test_widths_that_do_not_fit_are_a_letter(widths) -> None:
    with pytest.raises(ValueError, match=r"with 4 groups.*multiple of the number of groups"):
        Layout(1, widths)


def test_sides_that_cannot_be_halved_are_a_letter() -> None:
    with pytest.raises(ValueError, match=r"10 x 8 px cannot be halved 2 times.*multiples of 4.*--size"):
        Layout(1, (4, 4, 4)).grid_of((1, 10, 8))


@pytest.mark.parametrize(("side", "places"), [(4, 2), (8, 2), (16, 2), (64, 8), (28, 3)])
def test_patches_are_scored_where_they_are(side: int, places: int) -> None:
    critic = PatchCritic((3, side, side), width=4)
    images = torch.randn(2, 3, side, side)
    assert critic(images).shape == (2, places, places)
    assert torch.equal(critic.scores_of(critic.features(images)), critic(images))


def test_a_patch_is_38_pixels_wide() -> None:
    critic = PatchCritic((1, 96, 96), width=2)
    image = torch.randn(1, 1, 96, 96, requires_grad=True)
    critic(image)[0, 6, 6].backward()
    seen = image.grad[0, 0].abs().sum(0).nonzero().flatten()
    assert int(seen.max() - seen.min()) + 1 == 38


def test_images_too_small_for_patches_are_a_letter() -> None:
    with pytest.raises(ValueError, match=r"4 x 4 px or more, got 3 x 9"):
        PatchCritic((1, 3, 9), width=4)


@pytest.mark.parametrize("shape", [(4, 6, 8), (3, 7, 7)])
def test_velocities_differ_by_time_and_place(shape) -> None:
    torch.manual_seed(0)
    network = VelocityNetwork(shape, width=8, depth=2)
    network.output.weight.data.normal_()
    grid = torch.randn(1, *shape).expand(2, *shape)
    found = network(grid, torch.tensor([0.2, 0.7]))
    assert found.shape == (2, *shape)
    assert not torch.allclose(found[0], found[1])
    rolled = network(grid.roll(2, 3), torch.tensor([0.2, 0.7])).roll(-2, 3)
    assert not torch.allclose(rolled, found, atol=1e-3), "places have inputs of their own"


def test_at_first_a_flow_hardly_moves_anything() -> None:
    torch.manual_seed(0)
    velocity = VelocityNetwork((4, 8, 8), width=16, depth=2)(torch.randn(4, 4, 8, 8), torch.rand(4))
    assert float(velocity.detach().square().mean()) < 0.01
