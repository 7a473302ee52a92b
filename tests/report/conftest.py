"""Two contestants that need no training: a probabilistic PCA that does everything, and a forger."""

import math

import pytest
import torch
from torch import nn

from latentia.data import prepare
from latentia.distributions import Dirac, DiscretisedNormal, Normal
from latentia.protocols import Decodes, Encodes, ExplicitModel, GenerativeModel
from latentia.report import Contestant, compare

LATENTS = 12


class PixelPCA(ExplicitModel, Encodes, Decodes):
    """Probabilistic PCA fitted in closed form (Tipping & Bishop 1999), with a mass on the data's levels."""

    density = "lower bound"

    def __init__(self, images, levels):
        super().__init__()
        self.image_shape, self.levels = tuple(images.shape[1:]), levels
        flat = images.flatten(1)
        values, vectors = torch.linalg.eigh(flat.T.cov())
        rest = values[:-LATENTS].mean().clamp_min(1e-4)
        self.weight = nn.Parameter(vectors[:, -LATENTS:] * (values[-LATENTS:] - rest).sqrt())
        self.mean, self.variance = nn.Parameter(flat.mean(0)), nn.Parameter(rest)

    def encode(self, images, *, given=None):
        precision = self.variance * torch.eye(LATENTS) + self.weight.T @ self.weight
        mean = (images.flatten(1) - self.mean) @ self.weight @ torch.linalg.inv(precision)
        deviation = (self.variance / precision.diagonal()).sqrt()
        return Normal(mean, deviation.log().expand_as(mean))

    def decode(self, latents, *, given=None):
        location = (latents @ self.weight.T + self.mean).reshape(-1, *self.image_shape)
        return DiscretisedNormal(location, self.variance.log() / 2 * torch.ones_like(location), self.levels)

    def prior(self, *, given=None):
        return Normal(torch.zeros(1, LATENTS), torch.zeros(1, LATENTS))

    def sample(self, num_images, *, given=None, generator=None, noise=True):
        pixels = self.decode(torch.randn(num_images, LATENTS, generator=generator))
        return pixels.draw(torch.randn(pixels.location.shape, generator=generator)) if noise else pixels.mean

    def objectives(self):
        return ()

    def log_weights(self, images, num_draws, *, given=None, generator=None):
        posterior = self.encode(images)
        latents = posterior.draw(torch.randn(num_draws, *posterior.mean.shape, generator=generator))
        repeated = images.repeat(num_draws, 1, 1, 1)
        pixels = self.decode(latents.flatten(0, 1)).log_prob(repeated).reshape(num_draws, -1)
        return pixels + self.prior().log_prob(latents) - posterior.log_prob(latents)

    def log_prob(self, images, *, given=None):
        return self.log_weights(images, 16).logsumexp(0) - math.log(16)


class Forger(GenerativeModel, Decodes):
    """Implicit, and a cheat: it chooses among a few training images and adds a little noise."""

    def __init__(self, images):
        super().__init__()
        self.image_shape = tuple(images.shape[1:])
        self.images = nn.Parameter(images[:500])

    def decode(self, latents, *, given=None):
        return Dirac(self.images[(latents @ torch.arange(1.0, 5.0)).mul(7).long() % len(self.images)])

    def prior(self, *, given=None):
        return Normal(torch.zeros(1, 4), torch.zeros(1, 4))

    def sample(self, num_images, *, given=None, generator=None, noise=True):
        originals = self.decode(torch.randn(num_images, 4, generator=generator)).mean
        return originals + 0.05 * torch.randn(originals.shape, generator=generator)

    def objectives(self):
        return ()


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LATENTIA_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def store(cache):
    return prepare("digits", progress=False)


@pytest.fixture(scope="session")
def pca(store):
    images = store.split("train").images(slice(None))
    history = [
        {
            "images_seen": 100 * i,
            "seconds": 0.1 * i,
            "terms": {"evidence/distortion": 90 + 400 / (i + 1), "evidence/rate": 20.0 + i % 3},
            **(
                {"validation": {"bound": -100 - 300 / (i + 1), "kernel_distance": 1 / (i + 1)}}
                if i % 5 == 0
                else {}
            ),
        }
        for i in range(60)
    ]
    model = PixelPCA(images, store.facts.levels).eval()
    return Contestant("pca", "vae.pca", {"num_latents": LATENTS}, model, history, 6000, 3.2, 0)


@pytest.fixture(scope="session")
def forger(store):
    images = store.split("train").images(slice(None))
    history = [
        {
            "images_seen": 100 * i,
            "seconds": 0.1 * i,
            "terms": {"critic/real": 0.5, "critic/generated": 0.7, "generator/game": 1.0 + i % 7},
        }
        for i in range(60)
    ]
    return Contestant("forger", "gan.forger", {}, Forger(images).eval(), history, 6000, 75.0, 1)


@pytest.fixture(scope="session")
def report(pca, forger, store):
    return compare([pca, forger], store, num_samples=200, num_draws=8, progress=False)
