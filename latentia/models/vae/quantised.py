"""The vector-quantised autoencoder: latents are codes on a grid, with a learned prior over such grids."""

from collections.abc import Mapping
from typing import ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from latentia._types import Given, Images, Latents, PerImage
from latentia.distributions import AutoregressiveCodes, Certain, Codebook, Density, PixelHead
from latentia.models.bounds import PLAYER
from latentia.models.latent import draw_images
from latentia.protocols import Batch, Decodes, Encodes, ExplicitModel, Objective, Turn


class QuantisedAutoencoder(ExplicitModel, Encodes, Decodes):
    """An encoder whose vectors are replaced by the nearest codes of a codebook, and a prior over the codes.

        log p(x) >= log p(x|z) + log p(z),   z the codes of x

    The posterior is certain of one grid of codes, so the bound needs no draws, and it is a true one: the
    prior p(z) is the autoregressive network, learned beside the rest from codes that do not feel it.

    Latents are the vectors of the codes, (size, rows, columns) in one flat vector. The decoder takes other
    vectors as well, so that one can go from one image to another.

    Args:
        image_shape: (channels, height, width).
        encoder: Network from images to a grid of vectors.
        codebook: The codes.
        decoder: Network from a grid of vectors to numbers a pixel.
        likelihood: Head from these to p(x|z).
        code_network: From a grid of codes to logits at each position, given the codes before it.
        grid: Rows and columns.
        commitment: Weight of the squared distance of the encoder's vectors to their codes.

    Source:
        van den Oord et al. 2017 (arXiv:1711.00937), eq. 1 to 3, with the codebook of appendix A.1. Differs
        in that the prior is learned at the same time, and that p(x|z) is a likelihood of stored levels.
    """

    density: ClassVar[Literal["exact", "lower bound"]] = "lower bound"

    def __init__(
        self,
        *,
        image_shape: tuple[int, int, int],
        encoder: nn.Module,
        codebook: Codebook,
        decoder: nn.Module,
        likelihood: PixelHead,
        code_network: nn.Module,
        grid: tuple[int, int],
        commitment: float = 0.25,
    ) -> None:
        super().__init__()
        assert isinstance(likelihood, nn.Module)
        self.image_shape = image_shape
        self.encoder = encoder
        self.codebook = codebook
        self.decoder = nn.Sequential(decoder, likelihood)
        self.code_network = code_network
        self.grid = grid
        self.commitment = commitment

    def encode(self, images: Images, *, given: Given | None = None) -> Density:
        codes = self.codebook.nearest(self.encoder(images))
        return Certain(self.codebook.look_up(codes).flatten(1))

    def decode(self, latents: Latents, *, given: Given | None = None) -> Density:
        likelihood: Density = self.decoder(latents.unflatten(1, (-1, *self.grid)))
        return likelihood

    def prior(self, *, given: Given | None = None) -> AutoregressiveCodes:
        return AutoregressiveCodes(self.codebook, self.code_network, self.grid)

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
        return (
            Objective(
                name="evidence",
                player=PLAYER,
                terms=self._terms,
                moves=(self.encoder, self.decoder),
                weights={"distortion": 1.0, "commitment": self.commitment},
                watched=frozenset({"code_entropy"}),
            ),
            Objective(
                name="fit",
                player="prior",
                terms=self._fitting_terms,
                moves=(self.code_network,),
                weights={"rate": 1.0},
            ),
        )

    def _terms(self, batch: Batch, turn: Turn) -> Mapping[str, PerImage]:
        vectors: Tensor = self.encoder(batch.images)
        indices = self.codebook.nearest(vectors.detach())
        codes = self.codebook.look_up(indices)
        straight_through = vectors + (codes - vectors).detach()
        distortion = -self.decode(straight_through.flatten(1)).dequantised_log_prob(
            batch.images, lambda: turn.uniform(*self.image_shape), turn.mean
        )
        use = self.codebook.note(vectors, indices, turn.mean)
        return {
            "distortion": distortion,
            "commitment": (vectors - codes).square().flatten(1).sum(1),  # eq. 3, its third term
            # The entropy of the use of codes, as one number an image; its exponential is the perplexity.
            "code_entropy": -use[indices].log().flatten(1).mean(1),
        }

    def _fitting_terms(self, batch: Batch, turn: Turn) -> Mapping[str, PerImage]:
        with torch.no_grad():
            indices = self.codebook.nearest(self.encoder(batch.images))
        return {"rate": -self.prior().log_prob_of(indices)}

    def log_weights(
        self,
        images: Images,
        num_draws: int,
        *,
        given: Given | None = None,
        generator: torch.Generator | None = None,
    ) -> Float[Tensor, "draws batch"]:
        """The bound, the same for every draw: the posterior is certain."""
        return self.log_prob(images).expand(num_draws, len(images))

    def log_prob(self, images: Images, *, given: Given | None = None) -> PerImage:
        """The bound log p(x|z) + log p(z) on the log-mass of the stored levels, z the codes of the image.

        Returns:
            Nats an image.
        """
        indices = self.codebook.nearest(self.encoder(images))
        likelihood = self.decode(self.codebook.look_up(indices).flatten(1))
        return likelihood.log_prob(images) + self.prior().log_prob_of(indices)
