"""Fades of the progressive pair."""

import pytest
import torch
from torch.nn import functional

from latentia.networks import MinibatchDeviation, ProgressiveCritic, ProgressiveGenerator

SHAPE, LAST = (1, 28, 56), 2


def networks(shape: tuple[int, int, int] = SHAPE):
    torch.manual_seed(0)
    return (
        ProgressiveGenerator(20, shape, width=4).requires_grad_(False),
        ProgressiveCritic(shape, width=4).requires_grad_(False),
    )


def halved(images: torch.Tensor) -> torch.Tensor:
    return functional.avg_pool2d(images, 2)


def doubled(images: torch.Tensor) -> torch.Tensor:
    return functional.interpolate(images, scale_factor=2)


@pytest.mark.parametrize(
    ("depth", "sides"), [(0, (7, 14)), (0.2, (14, 28)), (1, (14, 28)), (1.5, (28, 56)), (2, (28, 56))]
)
def test_depth_sets_the_resolution(depth: float, sides: tuple[int, int]) -> None:
    generator, critic = networks()
    images = generator(torch.randn(3, 20), depth=depth)
    assert images.shape == (3, 1, *sides)
    assert critic(images, depth=depth).shape == (3,)


@pytest.mark.parametrize("depth", [0, 1])
def test_a_fade_begins_and_ends_without_a_jump(depth: int) -> None:
    generator, critic = networks()
    latents, bit = torch.randn(3, 20), 1e-4
    below, after = (generator(latents, depth=d) for d in (depth, depth + bit))
    assert torch.allclose(after, doubled(below), atol=1e-3)
    before, above = (generator(latents, depth=d) for d in (depth + 1 - bit, depth + 1))
    assert torch.allclose(before, above, atol=1e-3)
    assert not torch.allclose(doubled(below), above, atol=1e-2)
    scores = critic(halved(above), depth=depth), critic(above, depth=depth + bit)
    assert torch.allclose(*scores, atol=1e-3)
    scores = critic(above, depth=depth + 1 - bit), critic(above, depth=depth + 1)
    assert torch.allclose(*scores, atol=1e-3)
    assert not torch.allclose(critic(halved(above), depth=depth), scores[1], atol=1e-3)


def test_a_fade_is_a_mixture_before_the_tangent() -> None:
    generator, _ = networks()
    latents = torch.randn(3, 20)
    old, new, mixed = (generator(latents, depth=d).double().atanh() for d in (0, 1, 0.3))
    assert torch.allclose(mixed, 0.7 * doubled(old) + 0.3 * new, atol=1e-5)


def test_no_depth_is_the_whole_image() -> None:
    generator, critic = networks()
    latents = torch.randn(3, 20)
    images = generator(latents)
    assert torch.equal(images, generator(latents, depth=LAST))
    assert torch.equal(critic(images), critic(images, depth=2.0))


@pytest.mark.parametrize("depth", [0, 0.5, 1])
def test_only_blocks_that_depth_needs_are_computed(depth: float) -> None:
    generator, critic = (network.requires_grad_() for network in networks())
    critic(generator(torch.randn(4, 20), depth=depth), depth=depth).sum().backward()
    whole = int(depth + 0.5)
    for network in (generator, critic):
        for key, parameter in network.named_parameters():
            part, *rest = key.split(".")
            needed = part not in ("blocks", "to_pixels", "from_pixels") or int(rest[0]) <= whole
            if part in ("to_pixels", "from_pixels") and depth == 1:
                needed = int(rest[0]) == 1
            assert (parameter.grad is not None) == needed, key


def test_features_are_those_of_the_blocks_that_depth_needs() -> None:
    _, critic = networks()
    assert [len(critic.features(torch.randn(2, 1, 7 * k, 14 * k), depth=d)) for k, d in
            ((1, 0), (2, 0.5), (2, 1), (4, 1.5), (4, 2))] == [1, 2, 2, 3, 3]  # fmt: skip


def test_square_images_grow_from_4_pixels_to_128_and_more() -> None:
    generator, _ = networks((3, 128, 128))
    assert generator.last_depth == 5
    assert [generator(torch.randn(1, 20), depth=d).shape[-1] for d in range(6)] == [4, 8, 16, 32, 64, 128]


@pytest.mark.parametrize("depth", [-0.1, 2.1, float("nan")])
def test_depths_that_do_not_exist_are_refused(depth: float) -> None:
    generator, _ = networks()
    with pytest.raises(ValueError, match="has to be from 0, the smallest resolution, to 2"):
        generator(torch.randn(2, 20), depth=depth)


def test_images_of_another_resolution_are_refused() -> None:
    _, critic = networks()
    with pytest.raises(ValueError, match="sees images of 14 x 28 px, and got 28 x 56 px"):
        critic(torch.randn(2, *SHAPE), depth=0.5)


def test_the_deviation_of_a_batch_is_one_number_in_a_channel() -> None:
    features = torch.randn(6, 3, 4, 5)
    outputs = MinibatchDeviation()(features)
    assert torch.equal(outputs[:, :3], features)
    assert torch.allclose(outputs[:, 3], features.std(0, correction=0).mean().expand(6, 4, 5), atol=1e-5)
    same = features[:1].expand(6, 3, 4, 5).clone().requires_grad_()
    outputs = MinibatchDeviation()(same)
    assert bool((outputs[:, 3] < 1e-3).all())
    outputs.sum().backward()
    assert bool(torch.isfinite(same.grad).all())
