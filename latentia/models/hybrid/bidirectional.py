"""The bidirectional network: a generator and an encoder, and a critic of images together with latents."""

from collections.abc import Callable, Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from latentia._types import Given, Images, Latents, PerImage
from latentia.distributions import Dirac, Distribution, StandardNormal
from latentia.losses import Game, Penalty
from latentia.models.critics import check_penalties, couples_batches, penalty_objectives
from latentia.models.latent import draw_images
from latentia.networks import JointCritic
from latentia.protocols import Batch, Decodes, Encodes, GenerativeModel, Objective, Turn

Pairs = Float[Tensor, "batch values 1 1"]
"""Images and their latents, one after another, as images of one pixel: penalties take them so."""


class BidirectionalNetwork(GenerativeModel, Encodes, Decodes):
    """An encoder for an adversarial network, learned from nothing but the game: BiGAN and ALI.

        critic:     game of (x, E(x)), against (G(z), z)
        generator:  wants (G(z), z) to be taken for the former
        encoder:    wants (x, E(x)) to be taken for the latter

    Where the critic cannot tell the two, E inverts G: q(z|x) p(x) and p(x|z) p(z) are the same. Nothing asks
    for reconstructions, which so are of the same kind as the image rather than of the same pixels. It is
    implicit: G(z) is a point.

    Args:
        image_shape: (channels, height, width).
        encoder: Network E from images to q(z|x): a point, or a Gaussian that is drawn from.
        generator: Network G from latents to images.
        critic: Network from images and latents to scores.
        game: What the players want of scores.
        num_latents: Length of a latent vector.
        penalties: What the critic pays for its slope, with respect to images and latents together.

    Raises:
        ValueError: If a penalty does not fit the critic.

    Source:
        Donahue et al. 2017 (arXiv:1605.09782), eq. 3, with E a point; Dumoulin et al. 2017
        (arXiv:1606.00704), eq. 1 and algorithm 1, with E a Gaussian. Players step one after another, on
        draws of their own.
    """

    def __init__(
        self,
        *,
        image_shape: tuple[int, int, int],
        encoder: nn.Module,
        generator: nn.Module,
        critic: JointCritic,
        game: Game,
        num_latents: int,
        penalties: Sequence[Penalty] = (),
    ) -> None:
        super().__init__()
        check_penalties(penalties, critic)
        self.image_shape = image_shape
        self.encoder = encoder
        self.generator = generator
        self.critic = critic
        self.game = game
        self.latent_prior = StandardNormal(num_latents)
        self.num_latents = num_latents
        self.penalties = tuple(penalties)

    def encode(self, images: Images, *, given: Given | None = None) -> Distribution:
        posterior: Distribution = self.encoder(images)
        return posterior

    def decode(self, latents: Latents, *, given: Given | None = None) -> Distribution:
        return Dirac(self.generator(latents))

    def prior(self, *, given: Given | None = None) -> Distribution:
        prior: Distribution = self.latent_prior()
        return prior

    def features(self, images: Images, *, given: Given | None = None) -> tuple[Tensor, ...]:
        """What every level of the critic makes of images beside the means of their latents, shallow first."""
        return self.critic.features(images, self.encode(images).mean)

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
        critic = Objective(
            name="critic",
            player="critic",
            terms=self._critic_terms,
            moves=(self.critic,),
            weights=dict.fromkeys(self.game.critic, 1.0),
            watched=frozenset({"score_of_real", "score_of_generated"}),
            couples=couples,
        )
        generator = Objective(
            name="generator",
            player="generator",
            terms=self._generator_terms,
            moves=(self.generator,),
            weights={"game": 1.0},
            couples=couples,
        )
        encoder = Objective(
            name="encoder",
            player="encoder",
            terms=self._encoder_terms,
            moves=(self.encoder,),
            weights={"game": 1.0},
            couples=couples,
        )
        slopes = penalty_objectives(self.penalties, self._cost, self.critic, couples=couples)
        return (critic, *slopes, generator, encoder)

    def _critic_terms(self, batch: Batch, turn: Turn) -> Mapping[str, PerImage]:
        of_real, of_generated = (self._score(pair) for pair in self._shown(batch, turn))
        terms = {name: loss(of_real, of_generated) for name, loss in self.game.critic.items()}
        return terms | {"score_of_real": of_real.detach(), "score_of_generated": of_generated.detach()}

    def _cost(self, penalty: Penalty, batch: Batch, turn: Turn) -> PerImage:
        real, generated = self._shown(batch, turn)
        return penalty(lambda pairs, _: self._score(pairs), real, generated, None, turn.noise)

    def _generator_terms(self, batch: Batch, turn: Turn) -> Mapping[str, PerImage]:
        of_generated = self._score(self._generated(turn))
        of_real = self._beside(of_generated, lambda: self._real(batch, turn))
        return {"game": self.game.generator(of_real, of_generated)}

    def _encoder_terms(self, batch: Batch, turn: Turn) -> Mapping[str, PerImage]:
        """The generator's loss with the roles changed: scores mirrored at the one that is undecided."""
        of_real = self._score(self._real(batch, turn))
        of_generated = self._beside(of_real, lambda: self._generated(turn))
        mirror = 2 * (self.game.undecided or 0.0)
        return {"game": self.game.generator(mirror - of_generated, mirror - of_real)}

    @torch.no_grad()
    def _beside(self, scores: PerImage, pairs: Callable[[], Pairs]) -> PerImage:
        """Scores of the other kind of pairs, where the game looks at both."""
        return self._score(pairs()) if self.game.relativistic else torch.zeros_like(scores)

    @torch.no_grad()
    def _shown(self, batch: Batch, turn: Turn) -> tuple[Pairs, Pairs]:
        """Both kinds of pairs, the same for all objectives of the critic."""
        real = turn.shared("real", lambda: self._real(batch, turn))
        return real, turn.shared("generated", lambda: self._generated(turn))

    def _real(self, batch: Batch, turn: Turn) -> Pairs:
        """(x, z ~ q(z|x))."""
        posterior = self.encode(batch.images)
        return _joined(batch.images, posterior.draw(turn.noise(*posterior.noise_shape)))

    def _generated(self, turn: Turn) -> Pairs:
        """(G(z), z ~ p(z))."""
        prior = self.prior()
        latents = prior.draw(turn.noise(*prior.noise_shape))
        return _joined(self.decode(latents).mean, latents)

    def _score(self, pairs: Pairs) -> PerImage:
        images, latents = pairs.flatten(1).split((pairs.shape[1] - self.num_latents, self.num_latents), 1)
        scores: PerImage = self.critic(images.unflatten(1, self.image_shape), latents)
        return scores


def _joined(images: Images, latents: Latents) -> Pairs:
    return torch.cat([images.flatten(1), latents], 1)[:, :, None, None]
