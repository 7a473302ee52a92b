"""Compression: what goes in comes out, and the size is the bound."""

import math
import subprocess
import sys

import pytest
import torch

from latentia.distributions.levels import nearest_level
from latentia.losses import draw_with_rate
from latentia.recipes import find
from latentia.tasks import Packed, compress, decompress
from zoo import ZOO, facts

pytest.importorskip("constriction")

NAMES = [
    "vae.gaussian",
    "vae.gaussian bernoulli",
    "vae.sigma",
    "vae.logistic",
    "vae.beta categorical",
    "vae.linear",
]


def own_images(model, count: int, levels: int = 17) -> torch.Tensor:
    """Draws, their values rounded as those of the store are."""
    with torch.no_grad():
        drawn = model.sample(count, generator=torch.Generator().manual_seed(1))
    return 2 * nearest_level(drawn, levels) / (levels - 1) - 1


def fitted(name: str, images: torch.Tensor):
    """A model for which none of the images is all but impossible, as they are for untrained ones.

    No coder gives an outcome less than 2^-24, so what a model calls rarer is cheaper than it says.
    """
    model = ZOO[name]().model.eval()
    optimiser = torch.optim.Adam(model.parameters(), 0.01)
    for _ in range(60):
        optimiser.zero_grad()
        posterior = model.encode(images)
        latents, rate = draw_with_rate(posterior, model.prior(), torch.randn(posterior.mean.shape))
        pixels = model.decode(latents)
        log_likelihood = pixels.dequantised_log_prob(images, lambda: torch.rand_like(images) - 0.5)
        (rate - log_likelihood).mean().backward()
        optimiser.step()
    return model


@pytest.mark.parametrize("name", NAMES)
def test_images_come_back_bit_for_bit_at_the_cost_of_the_bound(name):
    torch.manual_seed(0)
    images = own_images(ZOO[name]().model, 300)
    model = fitted(name, images)
    data = compress(model, images)
    assert torch.equal(decompress(model, data), images)
    with torch.no_grad():
        bound = model.log_weights(images, 16, generator=torch.Generator().manual_seed(2)).mean()
    claimed = -bound.item() / math.log(2) / images[0].numel()
    assert Packed.from_bytes(data).net_bits_per_dim == pytest.approx(claimed, rel=0.01)


def test_one_image_and_any_levels_of_any_image():
    """Images that the model finds next to impossible still come back."""
    model = ZOO["vae.gaussian"]().model.eval()
    images = torch.randint(17, (1, 1, 8, 8), generator=torch.Generator().manual_seed(0)) / 8 - 1
    assert torch.equal(decompress(model, compress(model, images)), images)


def test_colours():
    torch.manual_seed(0)
    colourful = facts(256, channels=3)
    model = find("vae.logistic")(colourful, width=4, num_latents=3, num_mixtures=2).model.eval()
    images = own_images(model, 20, levels=256)
    assert torch.equal(decompress(model, compress(model, images)), images)


def test_the_same_bytes_each_time_and_in_another_process():
    """Written here, read by a fresh interpreter: nothing of the state of this process is needed."""
    program = (
        "import sys, torch; sys.path.insert(0, 'tests')\n"
        "from zoo import ZOO; from latentia.tasks import decompress\n"
        "model = ZOO['vae.gaussian']().model.eval()\n"
        "sys.stdout.write(decompress(model, sys.stdin.buffer.read()).numpy().tobytes().hex())"
    )
    model = ZOO["vae.gaussian"]().model.eval()
    images = own_images(model, 5)
    data = compress(model, images)
    assert data == compress(model, images)
    ended = subprocess.run([sys.executable, "-c", program], input=data, capture_output=True)
    assert ended.returncode == 0, ended.stderr.decode()
    assert ended.stdout.decode() == images.numpy().tobytes().hex()


@pytest.fixture(scope="module")
def model():
    return ZOO["vae.gaussian"]().model.eval()


@pytest.fixture(scope="module")
def data(model):
    return compress(model, own_images(model, 3))


class TestLetters:
    def test_a_file_cut_anywhere_is_refused(self, model, data):
        for length in range(len(data)):
            with pytest.raises(ValueError, match=r"damaged|another file"):
                decompress(model, data[:length])
        with pytest.raises(ValueError, match="damaged"):
            decompress(model, data + b"\0")

    def test_a_foreign_file_is_refused(self, model):
        with pytest.raises(ValueError, match="another file"):
            decompress(model, b"\x89PNG" * 100)

    def test_a_damaged_file_is_refused_wherever_the_damage_is(self, model, data):
        for place in range(len(data)):
            damaged = bytearray(data)
            damaged[place] ^= 0x10
            with pytest.raises(ValueError, match=r"damaged|another file"):
                decompress(model, bytes(damaged))

    def test_another_model_cannot_read_it(self, data):
        with pytest.raises(ValueError, match="another model"):
            decompress(ZOO["vae.sigma"]().model.eval(), data)

    def test_what_cannot_be_packed(self, model):
        with pytest.raises(ValueError, match="at least 1"):
            compress(model, torch.zeros(0, 1, 8, 8))
        with pytest.raises(ValueError, match="between the 17 levels"):
            compress(model, torch.full((1, 1, 8, 8), 0.01))
        with pytest.raises(ValueError, match="encode images into latents"):
            compress(ZOO["gan.dcgan"]().model.eval(), torch.zeros(1, 1, 8, 8))

    @pytest.mark.parametrize(
        ("name", "said"), [("vae.ladder", "prior is LadderPrior"), ("vae.iaf", "posterior is Inverse")]
    )
    def test_latents_that_are_not_gaussian(self, name, said):
        with pytest.raises(ValueError, match=said):
            compress(ZOO[name]().model.eval(), torch.full((1, 1, 8, 8), -1.0))

    def test_without_the_library_one_is_told_how_to_get_it(self, model, monkeypatch):
        monkeypatch.setitem(sys.modules, "constriction", None)
        with pytest.raises(ValueError, match=r"latentia\[compress\]"):
            compress(model, torch.full((1, 1, 8, 8), -1.0))
