"""The adversarial network: a generator and a critic that play a game."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from latentia._types import Given, Images, Latents, PerImage
from latentia.distributions import Dirac, Distribution, StandardNormal
from latentia.losses import Game, Penalty, feature_matching, mode_seeking
from latentia.models.critics import check_penalties, couples_batches, penalty_objectives
from latentia.models.gan.augmented import AugmentedView
from latentia.models.gan.growth import Growth, Smaller
from latentia.models.gan.recognition import Recognition
from latentia.models.latent import draw_images
from latentia.networks import Condition
from latentia.protocols import Batch, Decodes, GenerativeModel, Objective, Turn


class AdversarialNetwork(GenerativeModel, Decodes):
    """A generator that turns noise into images, and a critic that tells real from generated.

    It is implicit: one can draw from it, and it does not say how likely an image is. Critic and
    generator step in alternation, the critic first, each on noise of its own.

    Args:
        image_shape: (channels, height, width).
        generator: Network from latents to images; takes what is given and a depth where there are some.
        critic: Network from images to scores, one an image; takes what is given and a depth likewise.
        game: What each wants of the scores.
        num_latents: Length of a latent vector.
        condition: What both players are told of each image; None for nothing.
        critic_steps: Steps of the critic for each of the generator.
        penalties: What the critic pays for its slope, of names that differ.
        clip: Largest size of the critic's weights, which are clipped once a turn; None leaves them.
        augment: What the critic is shown instead of the images.
        growth: When a progressive pair grows; None for networks that do not.
        recognition: What the critic reads off images beside the game.
        recognition_weight: Its weight, for both players.
        prior: Module that makes p(z); None for N(0, I).
        feature_matching: Weight of the distance between the mean deepest features of both kinds of images.
        mode_seeking: Weight of what the generator pays for images that hardly change with their latents.

    Raises:
        ValueError: If a penalty is put on a critic with batch normalisation, or two have one name.

    Source:
        Goodfellow et al. 2014 (arXiv:1406.2661), algorithm 1; clipping: Arjovsky et al. 2017
        (arXiv:1701.07875), algorithm 1, which clips after every step of the critic.
    """

    images_seen: Tensor
    horizon: Tensor

    def __init__(
        self,
        *,
        image_shape: tuple[int, int, int],
        generator: nn.Module,
        critic: nn.Module,
        game: Game,
        num_latents: int,
        condition: Condition | None = None,
        critic_steps: int = 1,
        penalties: Sequence[Penalty] = (),
        clip: float | None = None,
        augment: AugmentedView | None = None,
        growth: Growth | None = None,
        recognition: Recognition | None = None,
        recognition_weight: float = 1.0,
        prior: nn.Module | None = None,
        feature_matching: float = 0.0,
        mode_seeking: float = 0.0,
    ) -> None:
        super().__init__()
        check_penalties(penalties, critic)
        self.image_shape = image_shape
        self.generator = generator
        self.critic = critic
        self.game = game
        self.latent_prior = prior or StandardNormal(num_latents)
        self.condition = condition
        self.critic_steps = critic_steps
        self.penalties = tuple(penalties)
        self.clip = clip
        self.augment = augment
        self.growth = growth
        self.recognition = recognition
        self.recognition_weight = recognition_weight
        self.feature_matching = feature_matching
        self.mode_seeking = mode_seeking
        # Counters, which averaged weights take as they are: draws are as deep as what was trained last. Only
        # growth depends on them when images are drawn; other runs need not keep them.
        self.register_buffer("images_seen", torch.tensor(0), persistent=growth is not None)
        by_the_run = growth is not None and growth.by_the_run
        self.register_buffer("horizon", torch.tensor(0), persistent=by_the_run)

    def decode(self, latents: Latents, *, given: Given | None = None) -> Distribution:
        images = self._generate(latents, self._told(given), self._reached())
        if self.growth:
            images = functional.interpolate(images, self.image_shape[1:])  # of a resolution below
        return Dirac(images)

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
        if self.condition is not None and given is None:
            device = self.images_seen.device
            given = self.condition.draw(max(0, num_images), generator=generator, device=device)
        return draw_images(
            self, num_images, generator=generator, noise=noise, temperature=temperature, given=given
        )

    def features(self, images: Images, *, given: Given | None = None) -> tuple[Tensor, ...]:
        """What every level of the critic makes of images, shallow first, for whoever builds on it."""
        depth = self._reached()
        if self.growth:
            images = self.growth.at_depth(images, **depth)
        return self._features(images, self._told(given), depth)

    def objectives(self) -> tuple[Objective, ...]:
        couples = couples_batches(self, self.game)
        head, weight = self.recognition, self.recognition_weight
        reads = {"recognition": weight} if head else {}
        learns = reads if head and head.of_generated else {}
        learns_of_real = {"recognition_of_real": weight} if head and head.of_real else {}
        critic = Objective(
            name="critic",
            player="critic",
            terms=self._critic_terms,
            moves=(self.critic, head) if head else (self.critic,),
            weights=dict.fromkeys(self.game.critic, 1.0) | learns | learns_of_real,
            watched=frozenset({"score_of_real", "score_of_generated"}),
            repeats=self.critic_steps,
            couples=couples,
        )
        slopes = penalty_objectives(
            self.penalties, self._cost, self.critic, repeats=self.critic_steps, couples=couples
        )
        beside = {"features": self.feature_matching, "sameness": self.mode_seeking}
        generator = Objective(
            name="generator",
            player="generator",
            terms=self._generator_terms,
            moves=(self.generator,),
            weights={"game": 1.0} | reads | {name: value for name, value in beside.items() if value},
            couples=couples,
        )
        return (critic, *slopes, generator)

    @torch.no_grad()
    def after(self, turn: Turn) -> None:
        super().after(turn)
        self.images_seen.fill_(turn.images_seen)
        self.horizon.fill_(turn.horizon)
        if self.clip is not None:
            for parameter in self.critic.parameters():
                parameter.clamp_(-self.clip, self.clip)

    def _critic_terms(self, batch: Batch, turn: Turn) -> Mapping[str, PerImage]:
        given = self._told(batch.given)
        real, generated, latents = self._shown(batch, turn)
        of_real, of_generated = self._score(real, given, turn), self._score(generated, given, turn)
        if self.augment:
            undecided = of_generated if self.game.undecided is None else self.game.undecided
            self.augment.note((of_real - undecided).detach(), turn)
        terms = {name: loss(of_real, of_generated) for name, loss in self.game.critic.items()}
        if self.recognition and self.recognition.of_generated:
            terms["recognition"] = self.recognition(self._deepest(generated, given, turn), latents, given)
        if self.recognition and self.recognition.of_real:
            terms["recognition_of_real"] = self.recognition(self._deepest(real, given, turn), None, given)
        return terms | {"score_of_real": of_real.detach(), "score_of_generated": of_generated.detach()}

    def _cost(self, penalty: Penalty, batch: Batch, turn: Turn) -> PerImage:
        real, generated, _ = self._shown(batch, turn)

        def score(images: Images, given: Given | None) -> PerImage:
            return self._score(images, given, turn)

        return penalty(score, real, generated, self._told(batch.given), turn.noise)

    def _generator_terms(self, batch: Batch, turn: Turn) -> Mapping[str, PerImage]:
        given, latents = self._told(batch.given), self._draw(turn)
        images = self._generate(latents, given, self._depth(turn))
        shown = self._view(images, turn)
        scores = self._score(shown, given, turn)
        of_real, real_features = self._of_real(batch, turn, scores)
        terms = {"game": self.game.generator(of_real, scores)}
        if self.recognition or self.feature_matching:
            features = self._deepest(shown, given, turn)
        if self.recognition:
            terms["recognition"] = self.recognition(features, latents, given)
        if self.feature_matching:
            terms["features"] = feature_matching(features, turn.mean(features), turn.mean(real_features))
        if self.mode_seeking:
            other_latents = self._draw(turn)
            others = self._generate(other_latents, given, self._depth(turn))
            terms["sameness"] = mode_seeking(images, others, latents, other_latents)
        return terms

    @torch.no_grad()
    def _of_real(self, batch: Batch, turn: Turn, like: PerImage) -> tuple[PerImage, Tensor]:
        """Scores and features of real images, as the generator's terms look at them; 0 where they do not."""
        scores = features = torch.zeros_like(like)
        if self.game.relativistic or self.feature_matching:
            given, real = self._told(batch.given), self._view(self._at_depth(batch.images, turn), turn)
            if self.game.relativistic:
                scores = self._score(real, given, turn)
            if self.feature_matching:
                features = self._deepest(real, given, turn)
        return scores, features

    @torch.no_grad()
    def _shown(self, batch: Batch, turn: Turn) -> tuple[Images, Images, Latents]:
        """Real and generated images as the critic sees them, and latents: one draw for all its objectives."""
        given = self._told(batch.given)
        latents = turn.shared("latents", lambda: self._draw(turn))
        generated = turn.shared(
            "generated", lambda: self._view(self._generate(latents, given, self._depth(turn)), turn)
        )
        real = turn.shared("real", lambda: self._view(self._at_depth(batch.images, turn), turn))
        return real, generated, latents

    def _draw(self, turn: Turn) -> Latents:
        prior = self.prior()
        return prior.draw(turn.noise(*prior.noise_shape))

    def _view(self, images: Images, turn: Turn) -> Images:
        return self.augment(images, turn) if self.augment else images

    def _at_depth(self, images: Images, turn: Turn) -> Smaller:
        return self.growth.at_depth(images, **self._depth(turn)) if self.growth else images

    def _generate(self, latents: Latents, given: Given | None, depth: dict[str, float]) -> Images:
        images: Images = self.generator(*_with(latents, given), **depth)
        return images

    def _score(self, images: Images, given: Given | None, turn: Turn) -> PerImage:
        scores: PerImage = self.critic(*_with(images, given), **self._depth(turn))
        return scores

    def _features(self, images: Images, given: Given | None, depth: dict[str, float]) -> tuple[Tensor, ...]:
        told = _with(images, given)
        features: tuple[Tensor, ...] = self.critic.features(*told, **depth)  # type: ignore[operator]
        return features

    def _deepest(self, images: Images, given: Given | None, turn: Turn) -> Tensor:
        return self._features(images, given, self._depth(turn))[-1].flatten(1)

    def _depth(self, turn: Turn) -> dict[str, float]:
        """The arguments of a network that grows."""
        return {"depth": self.growth.depth_at(turn.images_seen, turn.horizon)} if self.growth else {}

    def _reached(self) -> dict[str, float]:
        """The same as in the last turn."""
        seen, horizon = int(self.images_seen), int(self.horizon)
        return {"depth": self.growth.depth_at(seen, horizon)} if self.growth else {}

    def _told(self, given: Given | None) -> Given | None:
        """What is given as the networks take it, and None in a model without a condition."""
        return None if self.condition is None else self.condition(given)


def _with(first: Tensor, given: Given | None) -> tuple[Tensor, ...]:
    """The arguments of a network: only conditional ones are told something."""
    return (first,) if given is None else (first, given)
