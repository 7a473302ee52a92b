"""The image autoencoder: a grid of latents that a generator can be trained on, and a small such generator."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from latentia._types import Given, Images, Latents, PerImage
from latentia.distributions import Density, Dirac, Distribution, RectifiedFlowPrior
from latentia.losses import HINGE, perceptual_distance
from latentia.models.bounds import PLAYER
from latentia.models.hybrid.bottleneck import Bottleneck
from latentia.models.latent import draw_images
from latentia.networks import LatentGridDecoder, LatentGridEncoder, PatchCritic
from latentia.protocols import Batch, Decodes, Encodes, GenerativeModel, Objective, Turn

MOST = 1e4
"""The largest balance between reconstruction and game, for each value of an image."""


class ImageAutoencoder(GenerativeModel, Encodes, Decodes):
    """An autoencoder whose images have to look right to a critic of patches, and a prior over its latents.

        autoencoder:  |x - G(z)|_1 + perceptual n d(x, G(z)) + adversarial b game of G(z) + cost of z
        critic:       hinge game of x against G(z)
        prior:        flow matching of z, once a part of the run is over

    z passes a bottleneck, which costs something; d is the distance of the critic's features, n the number of
    values of an image, and b the ratio of the gradients of both kinds of terms at the decoder's last layer.
    Nobody feels another's line: the critic is told of no distance, and the autoencoder of no prior.

    It is implicit. Neither the absolute error nor the distance is a density of images, and the rate is
    weighted too little to be that of a bound.

    Args:
        image_shape: (channels, height, width).
        encoder: From images to numbers on a grid.
        decoder: From latents on the grid to images.
        critic: From images to scores of patches.
        bottleneck: What makes latents of numbers.
        prior: What is fitted to latents, of the shape (size, rows, columns).
        perceptual: Weight of the perceptual distance; with 1, a distance of 1 counts as an error of 1 in all
            values.
        adversarial: Weight of the game in the decoder, in gradients as long as those of the reconstruction.
        adversarial_start: Part of the run after which the decoder plays; the critic does from the start.
        prior_start: Part of the run after which the prior is fitted.

    Source:
        Rombach et al. 2022 (arXiv:2112.10752), section 3.1 and eq. 25; Esser et al. 2021 (arXiv:2012.09841),
        eq. 6 and 7. Differs in that the perceptual distance is taken in the critic's features instead of
        those of a network trained elsewhere, and that the prior is a small rectified flow.
    """

    def __init__(
        self,
        *,
        image_shape: tuple[int, int, int],
        encoder: LatentGridEncoder,
        decoder: LatentGridDecoder,
        critic: PatchCritic,
        bottleneck: Bottleneck,
        prior: RectifiedFlowPrior,
        perceptual: float = 0.1,
        adversarial: float = 0.1,
        adversarial_start: float = 0.3,
        prior_start: float = 0.5,
    ) -> None:
        super().__init__()
        assert isinstance(bottleneck, nn.Module)
        self.image_shape = image_shape
        self.encoder = encoder
        self.decoder = decoder
        self.critic = critic
        self.bottleneck: Bottleneck = bottleneck
        self.latent_prior = prior
        self.num_values = math.prod(image_shape)
        self.perceptual = perceptual * self.num_values
        self.adversarial = adversarial
        self.adversarial_start = adversarial_start
        self.prior_start = prior_start

    def encode(self, images: Images, *, given: Given | None = None) -> Density:
        return self.bottleneck.encode(self.encoder(images))

    def decode(self, latents: Latents, *, given: Given | None = None) -> Distribution:
        grid = latents.unflatten(1, self.latent_prior.event)
        return Dirac(self.decoder(self.bottleneck.restore(grid)).clamp(-1, 1))

    def prior(self, *, given: Given | None = None) -> Distribution:
        prior: Distribution = self.latent_prior()
        return prior

    def features(self, images: Images, *, given: Given | None = None) -> tuple[Tensor, ...]:
        """What every level of the critic makes of images, shallow first."""
        return self.critic.features(images)

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
                name="critic",
                player="critic",
                terms=self._critic_terms,
                moves=(self.critic,),
                weights=dict.fromkeys(HINGE.critic, 1.0),
                watched=frozenset({"score_of_real", "score_of_generated"}),
            ),
            Objective(
                name="reconstruction",
                player=PLAYER,
                terms=self._terms,
                moves=(self.encoder, self.decoder),
                weights={
                    "distortion": 1.0,
                    "perceptual": self.perceptual,
                    "game": lambda turn, terms: self.adversarial * terms["balance"].mean(),
                    **self.bottleneck.weights,
                },
                watched=frozenset({"balance"}) | self.bottleneck.watched,
            ),
            Objective(
                name="flow",
                player="prior",
                terms=self._prior_terms,
                moves=(self.latent_prior,),
                weights={"error": 1.0},
            ),
        )

    def _critic_terms(self, batch: Batch, turn: Turn) -> Mapping[str, PerImage]:
        with torch.no_grad():
            latents = self._latents(batch, turn).unflatten(1, self.latent_prior.event)
            reconstructed = self.decoder(latents)
        of_real, of_generated = self.critic(batch.images), self.critic(reconstructed)
        terms = {name: loss(of_real, of_generated) for name, loss in HINGE.critic.items()}
        terms |= {"score_of_real": of_real.detach(), "score_of_generated": of_generated.detach()}
        return {name: of_patches.flatten(1).mean(1) for name, of_patches in terms.items()}

    @torch.enable_grad()  # in a rehearsal too: the balance is one of gradients
    def _terms(self, batch: Batch, turn: Turn) -> Mapping[str, PerImage]:
        latents, costs = self.bottleneck.fit(self.encoder(batch.images), turn)
        self.latent_prior.note(latents.flatten(1), turn.mean)
        reconstructed = self.decoder(latents)
        with torch.no_grad():
            real = self.critic.features(batch.images)
        seen = self.critic.features(reconstructed)
        distortion = (batch.images - reconstructed).abs().flatten(1).sum(1)
        perceptual = perceptual_distance(seen, real)
        scores = self.critic.scores_of(seen)
        game = HINGE.generator(scores, scores).flatten(1).mean(1)
        balance = self._balance(distortion + self.perceptual * perceptual, game, turn)
        return {
            "distortion": distortion,
            "perceptual": perceptual,
            "game": game,
            "balance": balance.expand(len(batch)),
            **costs,
        }

    def _balance(self, reconstruction: PerImage, game: PerImage, turn: Turn) -> Tensor:
        """How many times longer the reconstruction's gradient at the last layer is; 0 before the game.

            |grad L_rec| / (|grad L_game| + 1e-4),   of the global batch

        Source:
            Esser et al. 2021 (arXiv:2012.09841), eq. 7, with the constants of its programme, where errors are
            means over values.
        """
        if not self.adversarial or turn.images_seen < self.adversarial_start * turn.horizon:
            return torch.zeros_like(game[0])
        last = self.decoder.conv_out.weight
        lengths = []
        for loss in (reconstruction, game):
            (gradient,) = torch.autograd.grad(loss.mean(), last, retain_graph=True)
            lengths.append(turn.mean(gradient.unsqueeze(0)).norm())
        return (lengths[0] / (lengths[1] + 1e-4)).clamp(max=MOST * self.num_values)  # eq. 7

    def _prior_terms(self, batch: Batch, turn: Turn) -> Mapping[str, PerImage]:
        if turn.images_seen < self.prior_start * turn.horizon:
            at_rest = 0 * next(self.latent_prior.parameters()).flatten()[0]
            return {"error": at_rest.expand(len(batch))}
        with torch.no_grad():
            latents = self._latents(batch, turn)
        times = turn.uniform() + 0.5
        return {"error": self.latent_prior.error(latents, turn.noise(*latents.shape[1:]), times)}

    def _latents(self, batch: Batch, turn: Turn) -> Latents:
        posterior = self.encode(batch.images)
        return posterior.draw(turn.noise(*posterior.noise_shape))
