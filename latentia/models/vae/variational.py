"""The variational autoencoder."""

from collections.abc import Mapping
from typing import ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from latentia._types import Given, Images, Latents, PerImage
from latentia.distributions import Density, PixelHead
from latentia.models.bounds import Bound, Evidence
from latentia.models.latent import draw_images, latent_log_prob, latent_log_weights
from latentia.networks import Chain, Condition
from latentia.protocols import Batch, Decodes, Encodes, ExplicitModel, Objective, Turn


class VariationalAutoencoder(ExplicitModel, Encodes, Decodes):
    """An encoder and a decoder that return distributions, trained on the evidence lower bound.

        log p(x) >= E_q(z|x)[log p(x|z)] - KL(q(z|x) || p(z))

    With a condition y it is p(x|y) that is bounded: by p(x|z, y) and q(z|x, y), with one p(z) for all y.

    Args:
        image_shape: (channels, height, width).
        encoder: Network from images to features; a `Chain` where it is told something.
        posterior: Head from features to q(z|x).
        decoder: Network from latents to numbers a pixel; a `Chain` where it is told something.
        likelihood: Head from these to p(x|z).
        prior: Module that makes p(z).
        fitted_prior: Module that makes a better p(z), which is fitted beside the training, by a player of
            its own, to draws from the posterior. The rest is trained against `prior`; all that the model
            draws and says counts the fitted one.
        bound: What training descends. Evaluation never uses it.
        condition: What encoder and decoder are told of each image; None for nothing.

    Source:
        Kingma & Welling 2014 (arXiv:1312.6114); Rezende et al. 2014 (arXiv:1401.4082); with a condition:
        Kingma et al. 2014 (arXiv:1406.5298), eq. 6; Sohn et al. 2015 (NeurIPS), eq. 4, whose p(z) may depend
        on it.
    """

    density: ClassVar[Literal["exact", "lower bound"]] = "lower bound"

    def __init__(
        self,
        *,
        image_shape: tuple[int, int, int],
        encoder: nn.Module,
        posterior: nn.Module,
        decoder: nn.Module,
        likelihood: PixelHead,
        prior: nn.Module,
        fitted_prior: nn.Module | None = None,
        bound: Bound | None = None,
        condition: Condition | None = None,
    ) -> None:
        super().__init__()
        assert isinstance(likelihood, nn.Module)
        self.image_shape = image_shape
        self.encoder = Chain(encoder, posterior)
        self.decoder = Chain(decoder, likelihood)
        self.latent_prior = prior
        self.fitted_prior = fitted_prior
        self.bound = bound or Evidence()
        self.condition = condition

    def encode(self, images: Images, *, given: Given | None = None) -> Density:
        posterior: Density = self.encoder(images, self._told(given))
        return posterior

    def decode(self, latents: Latents, *, given: Given | None = None) -> Density:
        likelihood: Density = self.decoder(latents, self._told(given))
        return likelihood

    def prior(self, *, given: Given | None = None) -> Density:
        prior: Density = (self.fitted_prior or self.latent_prior)(self.encode)
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
        if self.condition is not None and given is None:
            device = next(self.parameters()).device
            given = self.condition.draw(max(0, num_images), generator=generator, device=device)
        return draw_images(
            self, num_images, generator=generator, noise=noise, temperature=temperature, given=given
        )

    def objectives(self) -> tuple[Objective, ...]:
        moves = (self.encoder, self.decoder, self.latent_prior)
        if self.fitted_prior is None:
            return (self.bound.objective(self, moves),)
        return (self.bound.objective(_Unfitted(self), moves), self._fitting())

    def _fitting(self) -> Objective:
        """The fitted prior's log-density of draws from the posterior, which they do not feel."""

        def terms(batch: Batch, turn: Turn) -> Mapping[str, PerImage]:
            with torch.no_grad():
                posterior = self.encode(batch.images, given=batch.given)
                latents = posterior.draw(turn.noise(*posterior.noise_shape))
            return {"cross_entropy": -self.prior().log_prob(latents)}

        assert self.fitted_prior is not None
        return Objective(
            name="fit",
            player="prior",
            terms=terms,
            moves=(self.fitted_prior,),
            weights={"cross_entropy": 1.0},
        )

    def log_weights(
        self,
        images: Images,
        num_draws: int,
        *,
        given: Given | None = None,
        generator: torch.Generator | None = None,
    ) -> Float[Tensor, "draws batch"]:
        return latent_log_weights(self, images, num_draws, generator, given)

    def log_prob(self, images: Images, *, given: Given | None = None) -> PerImage:
        """The importance-weighted bound of 16 draws on the log-mass of the stored levels.

        The draws are the same for every image and in every call.

        Returns:
            Nats an image.
        """
        return latent_log_prob(self, images, num_draws=16, given=given)

    def _told(self, given: Given | None) -> Given | None:
        """What is given as the networks take it, and None in a model without a condition."""
        return None if self.condition is None else self.condition(given)


class _Unfitted:
    """A model as its bound sees it: with the prior that it is trained against."""

    def __init__(self, model: VariationalAutoencoder) -> None:
        self.image_shape, self.encode, self.decode = model.image_shape, model.encode, model.decode
        self.model = model

    def prior(self, *, given: Given | None = None) -> Density:
        prior: Density = self.model.latent_prior(self.encode)
        return prior
