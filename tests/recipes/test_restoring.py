import math

import pytest
import torch

from latentia import recipes
from latentia.data.degradation import Blurred, Downscaled, Greyed, Noisy, Own, seen
from latentia.data.holes import Hidden
from latentia.protocols import Restores, told_of
from latentia.recipes import find
from latentia.recipes.register import bind
from latentia.recipes.restoring import degradation_of
from zoo import ZOO, facts

BOTH = pytest.mark.parametrize("name", ["vae.restore", "gan.restore"])


@pytest.mark.parametrize(
    ("task", "settings", "expected"),
    [
        ("upscale", {}, Downscaled(4)),
        ("upscale", {"factor": 8}, Downscaled(8)),
        ("colourise", {}, Greyed()),
        ("inpaint", {}, Hidden("any", 32)),
        ("inpaint", {"hole": "box", "side": 24}, Hidden("box", 24)),
        ("denoise", {}, Noisy(0.2)),
        ("denoise", {"noise": 0.5}, Noisy(0.5)),
        ("deblur", {"blur": 2.0}, Blurred(2.0)),
    ],
)
def test_a_task_is_a_damage(task, settings, expected) -> None:
    assert degradation_of(task, 64, **settings) == expected


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"task": "colourise"}, "zoo has images without colour.*--channels rgb"),
        ({"task": "denoise", "factor": 2}, "factor is 2, a setting of the task upscale.*--noise"),
        ({"task": "upscale", "hole": "box"}, "hole is box, a setting of the task inpaint"),
        ({"task": "inpaint", "side": 8}, "side is 8; .*smaller than the images, which have 8 px"),
        ({"task": "denoise", "noise": 0.0}, "noise is 0.0; it has to be greater than 0"),
        ({"task": "deblur", "blur": -1.0}, "blur is -1.0"),
        ({"width": 0}, "width is 0"),
        ({"patch": 0}, "patch is 0"),
        ({"latent_channels": 0}, "latent_channels is 0"),
    ],
)
@BOTH
def test_what_does_not_fit_is_a_letter(name: str, arguments: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        find(name)(facts(256), **arguments)


@BOTH
@pytest.mark.parametrize(("argument", "value"), [("factor", 3), ("hole", "round"), ("task", "polish")])
def test_choices_are_said_before_anything_is_built(name: str, argument: str, value: object) -> None:
    with pytest.raises(ValueError, match=rf"{name}: {argument} is {value!r}; it has to be .* or "):
        bind(name, {argument: value})
    assert bind(name, {"factor": None, "hole": "box"})["factor"] is None


@BOTH
def test_blocks_have_to_fit_the_images(name: str) -> None:
    with pytest.raises(ValueError, match="12 x 12 px cannot be divided into blocks of 8"):
        find(name)(facts(256, height=12, width=12), factor=8)


@BOTH
def test_a_damage_of_ones_own_comes_from_python(name: str) -> None:
    family, recipe = name.split(".")
    damage = Own(lambda images: images.flip(2), noise_std=0.1)
    plan = getattr(getattr(recipes, family), recipe)(facts(256), damage, width=4, task="denoise")
    assert isinstance(plan.model, Restores)
    assert plan.model.degradation is damage
    told = told_of(plan.model, torch.zeros(2, 1, 8, 8), generator=torch.Generator().manual_seed(0))
    assert plan.model.eval().expected(told).shape == (2, 1, 8, 8)


def test_other_models_are_told_nothing() -> None:
    assert told_of(ZOO["gan.dcgan"]().model, torch.zeros(2, 1, 8, 8)) is None


@BOTH
def test_an_untrained_restorer_answers_with_the_first_guess(name: str) -> None:
    model = find(name)(facts(256, height=16, width=16), width=4).model.eval()
    images = torch.nn.functional.interpolate(torch.rand(2, 1, 4, 4), (16, 16), mode="bilinear") * 2 - 1
    told = told_of(model, images)
    guess = model.degradation.lean(model.degradation.first_guess(told), told)
    assert torch.allclose(model.expected(told), guess, atol=1e-6)
    assert torch.allclose(model.answers(told), guess, atol=1e-6)


@BOTH
def test_a_restorer_learns_what_images_are_like(name: str) -> None:
    """Whoever knows of stripes can fill a hole in them."""
    from training import HORIZON, fresh

    from latentia.protocols import Batch
    from latentia.training import take_turn

    torch.manual_seed(0)
    plan = find(name)(
        facts(256, height=16, width=16), task="inpaint", hole="box", side=8, width=12, batch_size=16, patch=2
    )

    def feed(position: int, count: int) -> Batch:
        generator = torch.Generator().manual_seed(position)
        phase = torch.rand(count, 1, 1, 1, generator=generator)
        places = torch.arange(16.0).reshape(1, 1, 1, 16)
        return Batch((0.8 * torch.sin(2 * math.pi * (places / 8 + phase))).expand(-1, 1, 16, 16).contiguous())

    state = fresh(plan)
    for _ in range(60):
        take_turn(state, plan, feed, seed=0, horizon=HORIZON)
    real = feed(10**6, 64).images
    model = state.average.model
    told = told_of(model, real, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = model.expected(told)
    hidden = 1 - seen(told)[1]
    guess = model.degradation.first_guess(told)
    errors = [float((hidden * (images - real)).square().sum()) for images in (expected, guess)]
    assert errors[0] < 0.3 * errors[1]
