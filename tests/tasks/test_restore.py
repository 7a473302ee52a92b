import pytest
import torch
from torch import nn

from latentia.data.degradation import Downscaled, Greyed, Noisy, Own, measured, seen
from latentia.data.holes import Hidden
from latentia.distributions import Dirac, StandardNormal
from latentia.protocols import Decodes, GenerativeModel
from latentia.recipes import find
from latentia.tasks import Search, restore
from latentia.tasks.tiles import in_tiles
from zoo import facts


class Linear(GenerativeModel, Decodes):
    """x = W z, in closed form: the likeliest z given A x is ridge regression."""

    def __init__(self, channels: int = 1) -> None:
        super().__init__()
        self.image_shape = (channels, 8, 8)
        generator = torch.Generator().manual_seed(4)
        self.weight = nn.Parameter(0.1 * torch.randn(channels * 64, 6, generator=generator))

    def decode(self, latents, *, given=None):
        return Dirac((latents @ self.weight.T).unflatten(1, self.image_shape))

    def prior(self, *, given=None):
        return StandardNormal(6)()

    def sample(self, num_images, **_):
        return self.decode(torch.randn(num_images, 6)).mean

    def objectives(self):
        return ()


def quiet(*shape: int) -> torch.Tensor:
    return torch.zeros(2, *shape)


def restorer(name: str = "vae.restore", channels: int = 1, **arguments: object) -> GenerativeModel:
    torch.manual_seed(0)
    plan = find(name)(
        facts(256, channels=channels, height=16, width=16), width=4, latent_channels=1, **arguments
    )
    model = plan.model.eval()
    for parameter in model.parameters():
        parameter.data += 0.05 * torch.randn_like(parameter)
    return model.requires_grad_(False)


@pytest.mark.parametrize("damage", [Downscaled(2), Hidden("box", 4), Own(lambda images: images.flip(3) / 2)])
def test_the_search_finds_the_likeliest_latents_in_closed_form(damage) -> None:
    """|A W z - y|^2 / (2 s^2) + |z|^2 / 2 is least where (M' M / s^2 + 1) z = M' y / s^2."""
    model, std = Linear().eval(), 0.3
    truth = model.decode(torch.randn(2, 6, generator=torch.Generator().manual_seed(1))).mean.detach()
    found = damage.measure(truth, quiet)
    pixels, known = seen(found)
    search = Search(steps=600, restarts=1, pixel_std=std)
    image = restore(model, found, damage, agree=False, search=search).image
    basis = damage.again(model.weight.T.detach().unflatten(1, (1, 8, 8))).flatten(1).T
    repeats = 1 / damage.told_by  # a block's mean stands in every pixel of it
    for row in range(2):
        where = known[row].flatten()
        matrix = (basis * where[:, None]).double()
        seen_here = (pixels[row].flatten() * where).double()
        # Both measure the mean share of known values of the two images.
        share = damage.num_values(found) / (where.sum() / repeats)
        precision = matrix.T @ matrix / (repeats * std**2) * share + torch.eye(6, dtype=torch.float64)
        best = torch.linalg.solve(precision, matrix.T @ seen_here / (repeats * std**2) * share)
        expected = model.decode(best.float()[None]).mean.clamp(-1, 1)
        assert torch.allclose(image[row : row + 1], expected, atol=5e-3)


def test_a_search_in_the_range_of_the_model_recovers_what_is_hidden() -> None:
    model = Linear().eval()
    truth = model.decode(torch.randn(2, 6, generator=torch.Generator().manual_seed(2))).mean.detach()
    damage = Hidden("box", 4, 4)
    found = damage.measure(truth, quiet)
    image = restore(model, found, damage, search=Search(steps=400, pixel_std=0.01)).image
    hidden = (1 - seen(found)[1]) * (image - truth)
    assert float(hidden.abs().max()) < 0.02


@pytest.mark.parametrize("name", ["vae.restore", "gan.restore"])
def test_answers_of_a_restorer_differ_and_agree(name: str) -> None:
    model = restorer(name, task="upscale", factor=2)
    images = torch.rand(2, 1, 16, 16) * 2 - 1
    found = model.degradation.measure(images, quiet)
    result = restore(model, found, num_answers=3, generator=torch.Generator().manual_seed(0))
    assert result.image.shape == images.shape
    assert result.answers.shape == (3, *images.shape)
    assert not torch.allclose(result.answers[0], result.answers[1])
    assert result.spread.shape == (2, 1, 16, 16)
    assert torch.allclose(result.spread, result.answers.std(0), atol=1e-5)  # of grey images
    assert result.after < 1e-3
    again = restore(model, found, num_answers=3, generator=torch.Generator().manual_seed(0))
    assert torch.equal(again.answers, result.answers)


def test_before_and_after_are_said_and_agreeing_can_be_left_out() -> None:
    model = Linear(3).eval()
    found = Greyed().measure(torch.rand(2, 3, 8, 8) * 2 - 1, quiet)
    settings = {"search": Search(steps=5, restarts=1)}
    with_it = restore(model, found, Greyed(), generator=torch.Generator().manual_seed(0), **settings)
    without = restore(
        model, found, Greyed(), agree=False, generator=torch.Generator().manual_seed(0), **settings
    )
    assert with_it.before == without.before == pytest.approx(without.after)
    assert with_it.after < 1e-3 < 5 < without.after
    assert float(Greyed().misfit(without.image, found).square().mean().sqrt()) == pytest.approx(without.after)


@pytest.mark.parametrize("size", [(16, 16), (9, 30), (40, 37)])
def test_a_restorer_takes_any_size(size: tuple[int, int]) -> None:
    model = restorer(task="inpaint", hole="box", side=4)
    images = torch.rand(1, 1, *size) * 2 - 1
    found = model.degradation.measure(images, lambda *shape: torch.zeros(1, *shape))
    whole = restore(model, found, num_answers=2)
    assert whole.answers.shape == (2, *images.shape)
    tiled = restore(model, found, tile=16)
    known = seen(found)[1]
    assert torch.allclose(tiled.image * known, seen(found)[0], atol=1e-6)


def test_a_search_takes_any_size_in_tiles_of_the_models() -> None:
    model = Linear().eval()
    for size in ((6, 5), (8, 20)):
        found = measured(0.1 * torch.randn(1, 1, *size, generator=torch.Generator().manual_seed(0)))
        result = restore(model, found, Noisy(0.1), num_answers=1, search=Search(steps=3, restarts=1))
        assert result.image.shape == (1, 1, *size)
        assert result.answers.shape == (1, 1, 1, *size)


def test_colour_is_looked_for_at_a_smaller_size_and_grey_stays_sharp() -> None:
    model = restorer(channels=3, task="colourise")
    images = torch.rand(1, 3, 64, 48) * 2 - 1
    found = Greyed().measure(images, lambda *shape: torch.zeros(1, *shape))
    result = restore(model, found, look_at=16)
    assert result.image.shape == images.shape
    assert result.after < 1e-3


def test_tiles_have_no_seams() -> None:
    generator = torch.Generator().manual_seed(0)
    image = torch.rand(2, 2, 50, 70, generator=generator)
    assert torch.allclose(in_tiles(image, 32, lambda part: part[:, :1]), image[:, :1], atol=1e-5)
    sizes = []

    def work(part: torch.Tensor) -> torch.Tensor:
        sizes.append(tuple(part.shape[2:]))
        return part.mean() * torch.ones(3, 2, 1, *part.shape[2:])

    drawn = in_tiles(image, 32, work, step=16)
    assert drawn.shape == (3, 2, 1, 50, 70)
    assert set(sizes) == {(32, 32)}
    assert float(drawn.diff(dim=-1).abs().max()) < float(drawn.max() - drawn.min()) / 3, "a seam"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"num_answers": -1}, "num_answers is -1"),
        ({"tile": 20}, "tile is 20.*multiple of 16"),
        ({"look_at": 2}, "look_at is 2"),
        ({"look_at": 16}, "look_at is 16, which is for colour alone"),
        ({"degradation": Greyed()}, r"learned to undo Downscaled\(factor=4\).*asked to undo Greyed"),
    ],
)
def test_what_cannot_be_done_is_a_letter(arguments: dict, words: str) -> None:
    model = restorer()
    found = model.degradation.measure(torch.zeros(2, 1, 16, 16), quiet)
    with pytest.raises(ValueError, match=words):
        restore(model, found, **arguments)


def test_a_model_that_did_not_learn_to_restore_has_to_be_told_the_damage() -> None:
    with pytest.raises(ValueError, match="has not learned to restore"):
        restore(Linear().eval(), measured(torch.zeros(1, 1, 8, 8)))
    with pytest.raises(ValueError, match="decode latents into images"):
        restore(nn.Identity(), measured(torch.zeros(1, 1, 8, 8)), Noisy(0.1))
    model = restorer()
    with pytest.raises(ValueError, match="training mode"):
        restore(model.train(), measured(torch.zeros(1, 1, 16, 16)))
    with pytest.raises(ValueError, match="2 in all; got shape"):
        restore(model.eval(), torch.zeros(1, 1, 16, 16))
    with pytest.raises(ValueError, match="needs 2 answers or more, and 0"):
        _ = restore(model, measured(torch.zeros(1, 1, 16, 16))).spread
