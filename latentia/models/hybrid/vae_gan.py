"""The VAE/GAN: an autoencoder whose distortion is measured, and whose images are judged, by a critic."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from latentia._types import Given, Images, Latents, PerImage
from latentia.distributions import Density, Dirac, Distribution, StandardNormal
from latentia.losses import Game, Penalty, draw_with_rate
from latentia.models.critics import check_penalties, couples_batches, penalty_objectives
from latentia.models.latent import draw_images
from latentia.networks import Condition
from latentia.protocols import Batch, Decodes, Encodes, GenerativeModel, Objective, Turn


class VariationalAdversarialNetwork(GenerativeModel, Encodes, Decodes):
    """The VAE/GAN: encoder, decoder and critic, three players of which the decoder is also a generator.

        encoder:  beta KL(q(z|x) || p(z)) + |f(x) - f(G(z))|^2 / 2
        decoder:  fidelity |f(x) - f(G(z))|^2 / 2 + game of G(z), z ~ q(z|x), + game of G(z), z ~ p(z)
        critic:   game of x, against both G(z)

    f is a level of the critic. Each player feels its own line alone: no adversarial gradient reaches the
    encoder, and no distortion the critic, which would make f say nothing of images.

    It is implicit. The second term of the encoder is, up to a constant, -log p(f(x)|z) of a Gaussian of unit
    variance, so its two terms bound the density of features; but many images have the same features, and
    which density that gives images, or whether any, it does not say.

    Args:
        image_shape: (channels, height, width).
        encoder: Network from images to q(z|x); takes what is given where there is a condition.
        decoder: Network G from latents to images; takes what is given likewise.
        critic: Network from images to scores, whose `features` are its levels; takes what is given likewise.
        game: What decoder and critic want of scores; none that compares pairs.
        num_latents: Length of a latent vector.
        level: Which level f is, from 0, the shallowest; or from -1, the deepest.
        beta: Weight of the rate for the encoder.
        fidelity: Weight of the distortion for the decoder, gamma in the source.
        penalties: What the critic pays for its slope, at real images and at those from the prior.
        condition: What all three networks are told of each image; None for nothing.

    Raises:
        ValueError: If the game compares pairs, the critic has no such level, or a penalty does not fit it.

    Source:
        Larsen et al. 2016 (arXiv:1512.09300), algorithm 1 and eq. 6 to 8. Differs in that players step one
        after another, the critic first, each on draws of its own.
    """

    def __init__(
        self,
        *,
        image_shape: tuple[int, int, int],
        encoder: nn.Module,
        decoder: nn.Module,
        critic: nn.Module,
        game: Game,
        num_latents: int,
        level: int = -1,
        beta: float = 1.0,
        fidelity: float = 1.0,
        penalties: Sequence[Penalty] = (),
        condition: Condition | None = None,
    ) -> None:
        super().__init__()
        if game.relativistic:
            raise ValueError(
                f"The {game.name} game compares pairs of images, and here the critic has two kinds of "
                f"generated ones. Choose one that scores each image by itself, such as non_saturating."
            )
        check_penalties(penalties, critic)
        self.image_shape = image_shape
        self.encoder = encoder
        self.decoder = decoder
        self.critic = critic
        self.game = game
        self.latent_prior = StandardNormal(num_latents)
        self.level = level
        self.beta = beta
        self.fidelity = fidelity
        self.penalties = tuple(penalties)
        self.condition = condition
        _check_level(level, critic, image_shape)

    def encode(self, images: Images, *, given: Given | None = None) -> Density:
        posterior: Density = self.encoder(*self._told(images, given))
        return posterior

    def decode(self, latents: Latents, *, given: Given | None = None) -> Distribution:
        return Dirac(self.decoder(*self._told(latents, given)))

    def prior(self, *, given: Given | None = None) -> Density:
        prior: Density = self.latent_prior()
        return prior

    def features(self, images: Images, *, given: Given | None = None) -> tuple[Tensor, ...]:
        """What every level of the critic makes of images, shallow first."""
        features: tuple[Tensor, ...] = self.critic.features(*self._told(images, given))  # type: ignore[operator]
        return features

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
        couples = couples_batches(self, self.game)
        critic = Objective(
            name="critic",
            player="critic",
            terms=self._critic_terms,
            moves=(self.critic,),
            weights={"real": 1.0, "reconstructed": 1.0, "generated": 1.0},
            watched=frozenset({"score_of_real", "score_of_reconstructed", "score_of_generated"}),
            couples=couples,
        )
        encoder = Objective(
            name="encoder",
            player="encoder",
            terms=self._encoder_terms,
            moves=(self.encoder,),
            weights={"rate": self.beta, "distortion": 1.0},
            couples=couples,
        )
        decoder = Objective(
            name="decoder",
            player="decoder",
            terms=self._decoder_terms,
            moves=(self.decoder,),
            weights={"distortion": self.fidelity, "game_of_reconstructed": 1.0, "game": 1.0},
            couples=couples,
        )
        slopes = penalty_objectives(self.penalties, self._cost, self.critic, couples=couples)
        return (critic, *slopes, encoder, decoder)

    def _critic_terms(self, batch: Batch, turn: Turn) -> Mapping[str, PerImage]:
        reconstructed, generated = turn.shared("made", lambda: self._made(batch, turn)).chunk(2)
        of_real, of_reconstructed, of_generated = (
            self._score(images, batch.given) for images in (batch.images, reconstructed, generated)
        )
        pays_for_made = self.game.critic["generated"]
        return {
            "real": self.game.critic["real"](of_real, of_generated),
            "reconstructed": pays_for_made(of_real, of_reconstructed),
            "generated": pays_for_made(of_real, of_generated),
            "score_of_real": of_real.detach(),
            "score_of_reconstructed": of_reconstructed.detach(),
            "score_of_generated": of_generated.detach(),
        }

    def _cost(self, penalty: Penalty, batch: Batch, turn: Turn) -> PerImage:
        _, generated = turn.shared("made", lambda: self._made(batch, turn)).chunk(2)
        return penalty(self._score, batch.images, generated, batch.given, turn.noise)

    def _encoder_terms(self, batch: Batch, turn: Turn) -> Mapping[str, PerImage]:
        posterior = self.encode(batch.images, given=batch.given)
        latents, rate = draw_with_rate(posterior, self.prior(), turn.noise(*posterior.noise_shape))
        reconstructed = self.decode(latents, given=batch.given).mean
        return {"rate": rate, "distortion": self._distortion(batch, reconstructed)}

    def _decoder_terms(self, batch: Batch, turn: Turn) -> Mapping[str, PerImage]:
        reconstructed, generated = self._made(batch, turn).chunk(2)
        of_reconstructed, of_generated = (
            self._score(images, batch.given) for images in (reconstructed, generated)
        )
        return {
            "distortion": self._distortion(batch, reconstructed),
            "game_of_reconstructed": self.game.generator(of_reconstructed, of_reconstructed),
            "game": self.game.generator(of_generated, of_generated),
        }

    def _made(self, batch: Batch, turn: Turn) -> Images:
        """G(z) for z ~ q(z|x), and after them as many for z ~ p(z); the encoder does not feel them."""
        prior = self.prior()
        with torch.no_grad():
            posterior = self.encode(batch.images, given=batch.given)
            inferred = posterior.draw(turn.noise(*posterior.noise_shape))
            drawn = prior.draw(turn.noise(*prior.noise_shape))
        given = None if batch.given is None else torch.cat([batch.given, batch.given])
        # In one pass, so that batch normalisation sees both, as it does when images are drawn.
        return self.decode(torch.cat([inferred, drawn]), given=given).mean

    def _distortion(self, batch: Batch, reconstructed: Images) -> PerImage:
        """-log p(f(x)|z) of a Gaussian of unit variance, without its constant, in nats (eq. 6 and 7)."""
        with torch.no_grad():
            real = self.features(batch.images, given=batch.given)[self.level]
        found = self.features(reconstructed, given=batch.given)[self.level]
        return (found - real).square().flatten(1).sum(1) / 2

    def _score(self, images: Images, given: Given | None) -> PerImage:
        scores: PerImage = self.critic(*self._told(images, given))
        return scores

    def _told(self, first: Tensor, given: Given | None) -> tuple[Tensor, ...]:
        """The arguments of a network: it takes what is given in a conditional model alone."""
        return (first,) if self.condition is None else (first, self.condition(given))


def _check_level(level: int, critic: nn.Module, image_shape: tuple[int, int, int]) -> None:
    with torch.no_grad():
        training = critic.training
        num_levels = len(critic.eval().features(torch.zeros(1, *image_shape)))  # type: ignore[operator]
        critic.train(training)
    if not -num_levels <= level < num_levels:
        raise ValueError(
            f"The distortion is to be measured at level {level} of a critic that has {num_levels}. Choose "
            f"one from 0, the shallowest, to {num_levels - 1}, or from -1, the deepest, to {-num_levels}."
        )
