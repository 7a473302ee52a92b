"""Laws of every model: what it draws, and what it says of images."""

import pytest
import torch

from latentia import models
from latentia.protocols import Decodes, Encodes, ExplicitModel, GenerativeModel, require
from latentia.training import checkpoint
from zoo import SHAPE, ZOO, told

MODELS = pytest.mark.parametrize("name", list(ZOO))
EXPLICIT = pytest.mark.parametrize(
    "name", [n for n, plan in ZOO.items() if isinstance(plan().model, ExplicitModel)]
)


def perturbed(name: str) -> GenerativeModel:
    model = ZOO[name]().model.eval()
    generator = torch.Generator().manual_seed(2)
    for parameter in model.parameters():
        parameter.data += 0.1 * torch.randn(parameter.shape, generator=generator)
    return model.requires_grad_(False)


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_every_concrete_model_stands_in_the_zoo() -> None:
    concrete = {getattr(models, name) for name in models.__all__}
    assert {type(plan().model) for plan in ZOO.values()} == concrete


@MODELS
@pytest.mark.parametrize("noise", [True, False])
def test_samples_have_the_shape_and_range_of_images(name: str, noise: bool) -> None:
    images = perturbed(name).sample(5, generator=seeded(0), noise=noise)
    assert images.shape == (5, *SHAPE)
    assert images.dtype == torch.float32
    assert float(images.abs().max()) <= 1 + 1e-6


@MODELS
def test_draws_follow_the_generator(name: str) -> None:
    model = perturbed(name)
    first = model.sample(4, generator=seeded(0))
    assert torch.equal(first, model.sample(4, generator=seeded(0)))
    assert not torch.equal(first, model.sample(4, generator=seeded(1)))
    assert not torch.equal(first[0], first[1]), "two draws are the same image"


@MODELS
def test_a_batch_of_one(name: str) -> None:
    assert perturbed(name).sample(1, generator=seeded(0)).shape == (1, *SHAPE)


@MODELS
def test_no_images_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        perturbed(name).sample(0)


@EXPLICIT
def test_draws_lie_on_stored_levels_and_means_need_not(name: str) -> None:
    model = perturbed(name)
    levels = 2 if "bernoulli" in name else 17
    index = (model.sample(20, generator=seeded(0)) + 1) / 2 * (levels - 1)
    assert torch.allclose(index, index.round(), atol=1e-4)
    assert torch.equal(
        model.sample(3, generator=seeded(0), noise=False), model.sample(3, generator=seeded(0), noise=False)
    )


@EXPLICIT
def test_log_weights_and_log_prob_are_finite_numbers_an_image(name: str) -> None:
    model = perturbed(name)
    assert isinstance(model, ExplicitModel)
    images = model.sample(6, generator=seeded(0))
    given = told(model, 6)
    log_weights = model.log_weights(images, 7, given=given, generator=seeded(1))
    assert log_weights.shape == (7, 6)
    log_prob = model.log_prob(images, given=given)
    assert log_prob.shape == (6,)
    assert bool(torch.isfinite(log_weights).all())
    assert bool(torch.isfinite(log_prob).all())
    assert bool((log_prob <= 0).all()), "a mass above 1"
    # Each image is weighed by itself: its neighbours in the batch do not matter.
    assert torch.allclose(model.log_prob(images[:1], given=told(model, 1)), log_prob[:1], rtol=1e-4)


def test_implicit_models_have_no_density_at_all() -> None:
    model = perturbed("gan.dcgan")
    assert not hasattr(model, "log_prob")
    assert isinstance(model, Decodes)
    assert not hasattr(model.decode(torch.zeros(1, 3)), "log_prob")


def test_a_missing_capability_is_a_letter() -> None:
    model = perturbed("gan.dcgan")
    with pytest.raises(ValueError, match=r"reconstruct needs.*AdversarialNetwork cannot.*latentia recipes"):
        require(model, Encodes, task="reconstruct")
    assert require(model, Decodes, task="interpolate") is model


@MODELS
def test_temperature_scales_the_noise_of_latents(name: str) -> None:
    model = perturbed(name)
    # All told the same, where something is told: that is no latents.
    one = told(model, 1)
    given = None if one is None else one.repeat_interleave(4, 0)

    def drawn(**temperature: float) -> torch.Tensor:
        return model.sample(4, given=given, generator=seeded(0), noise=False, **temperature)

    coldest = drawn(temperature=0.0)
    assert torch.allclose(coldest, coldest[:1].expand_as(coldest), atol=1e-5)
    assert torch.equal(drawn(), drawn(temperature=1.0))
    if name != "gan growing":  # its generator brings latents to one length
        assert not torch.allclose(drawn(), drawn(temperature=0.5))
    with pytest.raises(ValueError, match=r"temperature is -1.*0 or more"):
        model.sample(1, temperature=-1.0)


@MODELS
def test_save_and_load(name: str, tmp_path) -> None:
    from training import fresh, levels_of, turns

    plan = ZOO[name]()
    state = turns(fresh(plan), plan, levels_of(name), 2)
    checkpoint.save(state, tmp_path)
    loaded = ZOO[name]().model
    checkpoint.load_weights(loaded, tmp_path)
    for key, value in state.average.model.state_dict().items():
        assert torch.equal(value, loaded.state_dict()[key])
    checkpoint.load_weights(loaded, tmp_path, averaged=False)
    for key, value in state.model.state_dict().items():
        assert torch.equal(value, loaded.state_dict()[key])


@pytest.mark.parametrize("name", ["vae.gaussian", "gan.dcgan"])
@pytest.mark.parametrize("size", [(7, 9), (4, 4)])
def test_sizes_that_cannot_be_halved_are_a_letter(name: str, size: tuple[int, int]) -> None:
    from latentia.recipes import find
    from zoo import facts

    with pytest.raises(ValueError, match=r"even and at least 8 px.*--size"):
        find(name)(facts(height=size[0], width=size[1]))


@pytest.mark.parametrize("name", ["vae.gaussian", "vae.linear", "gan.dcgan"])
@pytest.mark.parametrize("shape", [(3, 12, 20), (1, 28, 28), (3, 128, 128)])
def test_other_shapes(name: str, shape: tuple[int, int, int]) -> None:
    from latentia.recipes import find
    from zoo import facts

    channels, height, width = shape
    arguments = {} if name == "vae.linear" else {"width": 2}
    plan = find(name)(facts(256, channels=channels, height=height, width=width), num_latents=2, **arguments)
    assert plan.model.eval().sample(2).shape == (2, *shape)
