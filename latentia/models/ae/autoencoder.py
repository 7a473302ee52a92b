"""The autoencoder: a code for every image, and no distribution over images."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from latentia._types import Given, Images, Latents, PerImage
from latentia.distributions import Dirac, Distribution, RunningNormal
from latentia.models.bounds import PLAYER
from latentia.models.latent import draw_images
from latentia.protocols import Batch, Decodes, Encodes, GenerativeModel, Objective, Turn


@runtime_checkable
class Corruption(Protocol):
    """What happens to images before a denoising autoencoder sees them."""

    def __call__(self, images: Images, turn: Turn) -> Images: ...


@dataclass(frozen=True, slots=True)
class AddedNoise:
    """Gaussian noise on every value.

    Attributes:
        std: Its standard deviation, on the scale [-1, 1].

    Source:
        Vincent et al. 2010 (JMLR 11), section 3.5.
    """

    std: float

    def __call__(self, images: Images, turn: Turn) -> Images:
        return images + self.std * turn.noise(*images.shape[1:])


@dataclass(frozen=True, slots=True)
class Masking:
    """Pixels are lost: all their channels become 0, the grey in the middle.

    Attributes:
        share: Probability that a pixel is lost.

    Source:
        Vincent et al. 2010 (JMLR 11), section 3.5, where what is lost becomes black, which in images with
        a black ground cannot be told from what is there.
    """

    share: float

    def __call__(self, images: Images, turn: Turn) -> Images:
        kept = turn.uniform(1, *images.shape[2:]) + 0.5 >= self.share
        return images * kept


class Autoencoder(GenerativeModel, Encodes, Decodes):
    """An encoder and a decoder that keep what they can of an image in a short code.

        |x - f(g(x'))|^2 + contraction |dg/dx|^2,   x' the image, or the image corrupted

    It has no density: nothing in training asks which codes images have, let alone how likely an image is. So
    that one can draw from it nevertheless, a Gaussian with full covariance follows the codes of the training
    images. It is a fit after the fact: most of what it draws lies where the decoder was never trained.

    Args:
        image_shape: (channels, height, width).
        encoder: Network g from images to codes.
        decoder: Network f from codes to images.
        num_latents: Length of a code.
        corruption: What the encoder sees instead of the image, which is still to be decoded.
        contraction: Weight of the squared Frobenius norm of the encoder's Jacobian.

    Source:
        Hinton & Salakhutdinov 2006 (Science 313); denoising: Vincent et al. 2010 (JMLR 11), eq. 2;
        contractive: Rifai et al. 2011 (ICML), eq. 3; the Gaussian: Ghosh et al. 2020 (arXiv:1903.12436),
        section 4.
    """

    def __init__(
        self,
        *,
        image_shape: tuple[int, int, int],
        encoder: nn.Module,
        decoder: nn.Module,
        num_latents: int,
        corruption: Corruption | None = None,
        contraction: float = 0.0,
    ) -> None:
        super().__init__()
        self.image_shape = image_shape
        self.encoder = encoder
        self.decoder = decoder
        self.corruption = corruption
        self.contraction = contraction
        self.latent_prior = RunningNormal(num_latents)

    def encode(self, images: Images, *, given: Given | None = None) -> Distribution:
        return Dirac(self.encoder(images))

    def decode(self, latents: Latents, *, given: Given | None = None) -> Distribution:
        return Dirac(self.decoder(latents).clamp(-1, 1))

    def prior(self, *, given: Given | None = None) -> Distribution:
        prior: Distribution = self.latent_prior()
        return prior

    def sample(
        self,
        num_images: int,
        *,
        given: Given | None = None,
        generator: torch.Generator | None = None,
        noise: bool = True,
        temperature: float = 1.0,
    ) -> Images:
        return draw_images(self, num_images, generator=generator, noise=noise, temperature=temperature)

    def objectives(self) -> tuple[Objective, ...]:
        contraction = {"contraction": self.contraction} if self.contraction else {}
        return (
            Objective(
                name="reconstruction",
                player=PLAYER,
                terms=self._terms,
                moves=(self.encoder, self.decoder),
                weights={"distortion": 1.0, **contraction},
            ),
        )

    def _terms(self, batch: Batch, turn: Turn) -> Mapping[str, PerImage]:
        images = batch.images
        codes: Tensor = self.encoder(self.corruption(images, turn) if self.corruption else images)
        with torch.no_grad():
            clean = self.encoder(images) if self.corruption else codes
        self.latent_prior.note(clean, turn.mean)
        distortion = (self.decoder(codes) - images).square().flatten(1).sum(1)
        if not self.contraction:
            return {"distortion": distortion}
        directions = turn.noise(*codes.shape[1:]).sign()
        return {"distortion": distortion, "contraction": squared_slope(self.encoder, images, directions)}


def squared_slope(encoder: nn.Module, images: Images, directions: Latents) -> PerImage:
    """An unbiased estimate of the squared Frobenius norm of an encoder's Jacobian at every image.

        |J^T v|^2, whose mean is tr(J J^T) = |J|_F^2 where E v v^T = I

    The norm itself takes a backward pass for each latent; this takes one, with random signs for v.

    Args:
        encoder: From images to codes, each image by itself.
        images: Where the slope is measured.
        directions: v, a random sign for every latent.

    Source:
        Rifai et al. 2011 (ICML), eq. 3; the estimate: Hutchinson 1990.
    """
    with torch.enable_grad():  # in a rehearsal too
        images = images.detach().requires_grad_()
        projected = (encoder(images) * directions).sum()
        (slope,) = torch.autograd.grad(projected, images, create_graph=True)
        return slope.square().flatten(1).sum(1)
