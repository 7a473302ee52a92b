"""The adversarial autoencoder: a critic of latents holds the codes of images to a prior."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from latentia._types import Given, Images, Latents, PerImage
from latentia.distributions import Dirac, Distribution
from latentia.losses import Game, Penalty
from latentia.models.bounds import PLAYER
from latentia.models.critics import check_penalties, couples_batches, penalty_objectives
from latentia.models.latent import draw_images
from latentia.protocols import Batch, Decodes, Encodes, GenerativeModel, Objective, Turn


class AdversarialAutoencoder(GenerativeModel, Encodes, Decodes):
    """An autoencoder whose codes, of all images together, a critic cannot tell from draws of a prior.

        autoencoder:  |x - f(z)|^2,  z ~ q(z|x)
        critic:       game of z ~ p(z), against z ~ q(z|x)
        generator:    the encoder again, which wants its codes to be taken for draws from the prior

    Where a variational autoencoder pays for the distance of every image's q(z|x) from the prior, here only
    the codes of all images together have to follow it, and p(z) need only be drawn from. There is no density:
    squared errors do not say how pixels scatter.

    Args:
        image_shape: (channels, height, width).
        encoder: Network from images to q(z|x), which may be a point.
        decoder: Network f from latents to images.
        critic: Network from latents, as points with a channel for each, to scores.
        game: What critic and encoder want of scores.
        prior: Module that makes p(z).
        penalties: What the critic pays for its slope.

    Raises:
        ValueError: If a penalty does not fit the critic.

    Source:
        Makhzani et al. 2015 (arXiv:1511.05644), section 2. As there, the encoder is stepped twice a turn, by
        two optimisers, since Adam takes steps of the same length for a loss of any weight.
    """

    def __init__(
        self,
        *,
        image_shape: tuple[int, int, int],
        encoder: nn.Module,
        decoder: nn.Module,
        critic: nn.Module,
        game: Game,
        prior: nn.Module,
        penalties: Sequence[Penalty] = (),
    ) -> None:
        super().__init__()
        check_penalties(penalties, critic)
        self.image_shape = image_shape
        self.encoder = encoder
        self.decoder = decoder
        self.critic = critic
        self.game = game
        self.latent_prior = prior
        self.penalties = tuple(penalties)

    def encode(self, images: Images, *, given: Given | None = None) -> Distribution:
        posterior: Distribution = self.encoder(images)
        return posterior

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
        couples = couples_batches(self, self.game)
        autoencoder = Objective(
            name="reconstruction",
            player=PLAYER,
            terms=self._reconstruction_terms,
            moves=(self.encoder, self.decoder),
            weights={"distortion": 1.0},
            couples=couples,
        )
        critic = Objective(
            name="critic",
            player="critic",
            terms=self._critic_terms,
            moves=(self.critic,),
            weights=dict.fromkeys(self.game.critic, 1.0),
            watched=frozenset({"score_of_prior", "score_of_codes"}),
            couples=couples,
        )
        generator = Objective(
            name="generator",
            player="generator",
            terms=self._generator_terms,
            moves=(self.encoder,),
            weights={"game": 1.0},
            couples=couples,
        )
        slopes = penalty_objectives(self.penalties, self._cost, self.critic, couples=couples)
        return (autoencoder, critic, *slopes, generator)

    def _reconstruction_terms(self, batch: Batch, turn: Turn) -> Mapping[str, PerImage]:
        error = self.decoder(self._codes(batch, turn)) - batch.images
        return {"distortion": error.square().flatten(1).sum(1)}

    def _critic_terms(self, batch: Batch, turn: Turn) -> Mapping[str, PerImage]:
        of_prior, of_codes = (self.critic(points) for points in self._points(batch, turn))
        terms = {name: loss(of_prior, of_codes) for name, loss in self.game.critic.items()}
        return terms | {"score_of_prior": of_prior.detach(), "score_of_codes": of_codes.detach()}

    def _cost(self, penalty: Penalty, batch: Batch, turn: Turn) -> PerImage:
        drawn, codes = self._points(batch, turn)
        return penalty(lambda points, _: self.critic(points), drawn, codes, None, turn.noise)

    def _generator_terms(self, batch: Batch, turn: Turn) -> Mapping[str, PerImage]:
        of_codes = self.critic(as_points(self._codes(batch, turn)))
        of_prior = torch.zeros_like(of_codes)
        if self.game.relativistic:
            with torch.no_grad():
                of_prior = self.critic(as_points(self._drawn(turn)))
        return {"game": self.game.generator(of_prior, of_codes)}

    @torch.no_grad()
    def _points(self, batch: Batch, turn: Turn) -> tuple[Images, Images]:
        """Draws from the prior and codes as the critic sees them: the same for all its objectives."""
        drawn = turn.shared("drawn", lambda: self._drawn(turn))
        codes = turn.shared("codes", lambda: self._codes(batch, turn))
        return as_points(drawn), as_points(codes)

    def _codes(self, batch: Batch, turn: Turn) -> Latents:
        posterior = self.encode(batch.images)
        return posterior.draw(turn.noise(*posterior.noise_shape))

    def _drawn(self, turn: Turn) -> Latents:
        prior = self.prior()
        return prior.draw(turn.noise(*prior.noise_shape))


def as_points(latents: Latents) -> Images:
    """Latents as images of one pixel, with a channel for each, which critics and penalties take."""
    points: Tensor = latents[:, :, None, None]
    return points
