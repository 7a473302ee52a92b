"""The adversarial network: a generator and a critic that play a game."""

from collections.abc import Mapping

import torch
from torch import nn

from latentia._types import Given, Images, Latents, PerImage
from latentia.distributions import Dirac, Distribution, StandardNormal
from latentia.losses import Game
from latentia.models.latent import draw_images
from latentia.protocols import Batch, Decodes, GenerativeModel, Objective, Turn


class AdversarialNetwork(GenerativeModel, Decodes):
    """A generator that turns noise into images, and a critic that tells real from generated.

    It is implicit: one can draw from it, and it does not say how likely an image is. Critic and
    generator step in alternation, the critic first, each on noise of its own.

    Args:
        image_shape: (channels, height, width).
        generator: Network from latents to images.
        critic: Network from images to scores, one an image.
        game: What each wants of the scores.
        num_latents: Length of a latent vector.
        critic_steps: Steps of the critic for each of the generator.

    Source:
        Goodfellow et al. 2014 (arXiv:1406.2661), algorithm 1.
    """

    def __init__(
        self,
        *,
        image_shape: tuple[int, int, int],
        generator: nn.Module,
        critic: nn.Module,
        game: Game,
        num_latents: int,
        critic_steps: int = 1,
    ) -> None:
        super().__init__()
        self.image_shape = image_shape
        self.generator = generator
        self.critic = critic
        self.game = game
        self.latent_prior = StandardNormal(num_latents)
        self.critic_steps = critic_steps

    def decode(self, latents: Latents, *, given: Given | None = None) -> Distribution:
        return Dirac(self.generator(latents))

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
        couples = any(isinstance(m, nn.modules.batchnorm._BatchNorm) for m in self.modules())
        return (
            Objective(
                name="critic",
                player="critic",
                terms=self._critic_terms,
                moves=(self.critic,),
                weights={"real": 1.0, "generated": 1.0},
                watched=frozenset({"score_of_real", "score_of_generated"}),
                repeats=self.critic_steps,
                couples=couples,
            ),
            Objective(
                name="generator",
                player="generator",
                terms=self._generator_terms,
                moves=(self.generator,),
                weights={"game": 1.0},
                couples=couples,
            ),
        )

    def _generate(self, turn: Turn) -> Images:
        images: Images = self.generator(self.prior().draw(turn.noise(*self.prior().noise_shape)))
        return images

    def _critic_terms(self, batch: Batch, turn: Turn) -> Mapping[str, PerImage]:
        with torch.no_grad():
            generated = self._generate(turn)
        of_real, of_generated = self.critic(batch.images), self.critic(generated)
        return {
            "real": self.game.critic_on_real(of_real),
            "generated": self.game.critic_on_generated(of_generated),
            "score_of_real": of_real.detach(),
            "score_of_generated": of_generated.detach(),
        }

    def _generator_terms(self, batch: Batch, turn: Turn) -> Mapping[str, PerImage]:
        return {"game": self.game.generator(self.critic(self._generate(turn)))}
