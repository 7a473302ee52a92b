"""Answers of a conditional adversarial network: one of those that a critic of patches takes for real."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from latentia._types import Images, Latents, PerImage
from latentia.losses import Game
from latentia.models.restorer import Case, Cases
from latentia.networks import PatchCritic
from latentia.networks.restoring import RestoringNetwork
from latentia.protocols import Batch, Objective, Turn

GAIN = 5.0
"""How many times enlarged the critic sees differences from the expected image, which are about 0.1 to 0.2."""


class AdversarialAnswers(nn.Module):
    """A generator of answers, and a critic of patches that is shown the clues beside real or made images.

        critic:     game of (x, clues) against (g(z, y), clues)
        generator:  game + centred (g(z, y) - m) . (g(z', y) - m) / v,   v = E|x - m|^2

    The product of two independent draws is in the mean |E g - m|^2: what answers have in common has to be the
    expected image, and what makes them sharp has to differ from one to the next. A generator that ignores its
    latents pays for every sharp edge that it guesses.

    Args:
        generator: g - m, which begins at 0.
        critic: From an answer, the expected image and what was measured to scores of patches.
        game: What both want of the scores.
        centred: Weight of the product, in units of the variance of images around the expected one.

    Source:
        Isola et al. 2017 (arXiv:1611.07004); Ledig et al. 2017 (arXiv:1609.04802); the penalty on the mean of
        answers: Ohayon et al. 2021 (arXiv:2103.04192). Differs in that the expected image is a network of
        its own, and that two draws give an unbiased estimate of the distance to it.
    """

    def __init__(
        self, generator: RestoringNetwork, critic: PatchCritic, *, game: Game, centred: float = 1.0
    ) -> None:
        super().__init__()
        self.generator, self.critic, self.game, self.centred = generator, critic, game, centred

    def num_latents(self, height: int, width: int) -> int:
        return self.generator.down.num_all_latents(height, width)

    def draw(self, case: Case, latents: Latents) -> Images:
        return case.moved(self.generator(case.clues, latents))

    def objectives(self, cases: Cases) -> tuple[Objective, ...]:
        def critic_terms(batch: Batch, turn: Turn) -> Mapping[str, PerImage]:
            with torch.no_grad():
                case = cases(batch, turn)
                made = self.draw(case, self._noise(batch, turn))
            of_real, of_made = self.scores(batch.images, case), self.scores(made, case)
            terms = {name: _per_image(loss(of_real, of_made)) for name, loss in self.game.critic.items()}
            watched = {"score_of_real": of_real.detach(), "score_of_generated": of_made.detach()}
            return terms | {name: _per_image(scores) for name, scores in watched.items()}

        def generator_terms(batch: Batch, turn: Turn) -> Mapping[str, PerImage]:
            case = cases(batch, turn)
            made = [self.draw(case, self._noise(batch, turn)) for _ in range(2)]
            with torch.no_grad():
                of_real = self.scores(batch.images, case)
            games = [self.game.generator(of_real, self.scores(one, case)) for one in made]
            first, second = ((one - case.expected).flatten(1) for one in made)
            lost = turn.mean((batch.images - case.expected).square().flatten(1).mean(1)).clamp_min(1e-6)
            return {
                "game": _per_image((games[0] + games[1]) / 2),
                "centre": (first * second).mean(1) / lost,
                "spread": ((first - second).square().mean(1) / (2 * lost)).detach(),
            }

        return (
            Objective(
                name="critic",
                player="critic",
                terms=critic_terms,
                moves=(self.critic,),
                weights=dict.fromkeys(self.game.critic, 1.0),
                watched=frozenset({"score_of_real", "score_of_generated"}),
            ),
            Objective(
                name="answers",
                player="answers",
                terms=generator_terms,
                moves=(self.generator,),
                weights={"game": 1.0, "centre": self.centred},
                watched=frozenset({"spread"}),
            ),
        )

    def scores(self, images: Images, case: Case) -> Tensor:
        """Scores of patches of images, seen as what the expected ones lack, and beside the clues."""
        scores: Tensor = self.critic(torch.cat([GAIN * (images - case.expected), case.clues], 1))
        return scores

    def _noise(self, batch: Batch, turn: Turn) -> Latents:
        return turn.noise(self.num_latents(*batch.images.shape[2:]))


def _per_image(of_patches: Tensor) -> PerImage:
    return of_patches.flatten(1).mean(1)
