"""The model of a world: what is seen as latents, and what actions lead to."""

from collections.abc import Mapping
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional

from latentia._types import Actions, Given, Images, Latents, Memory, PerImage
from latentia.distributions import Distribution, NormalMixtures, soft_bound
from latentia.protocols import Batch, Decodes, Encodes, GenerativeModel, Objective, Turn

PLAYER = "dynamics"
BEGINNINGS, ACTIONS = 256, 1024
"""First latents and actions of the recording that are kept, to begin dreams with and to act in pictures."""
BURN_IN = 4
"""Steps of a clip from the middle of an episode that only fill the memory."""
APART = 5
"""Steps between two frames of a film in a picture."""
MARGIN = 0.1
"""Of the range that a latent had while recording: how far beyond it a dream may go."""


class World(GenerativeModel, Encodes, Decodes):
    """Eyes that turn frames into latents, a memory of latents and actions, and what it expects.

        h' = f(h, z, a),   z' ~ p(z' | z, h'),   r' and the end from (z', h')

    z are latents of frames, made to have mean 0 and mean variance 1; h is the state of a recurrent network,
    zero where an episode begins. p is a mixture of diagonal Gaussians around the latents as they are, so that
    a network which says nothing says that nothing changes. The eyes are trained before, and stand still.

    Args:
        eyes: A model that encodes and decodes frames.
        memory: Recurrent network with one layer, from latents beside an action to its state.
        expectation: Network from latents beside memory to `num_mixtures` (2 latents + 1) numbers.
        verdict: Network from latents beside memory to the reward and the logit of the end.
        num_actions: Length of an action.
        num_latents: Length of latents.

    Note:
        Reward and end are read off the latents that are reached, of which the end of an episode is a
        function; the source predicts them, as the latents, from the memory before.

    Source:
        Ha & Schmidhuber 2018 (arXiv:1803.10122), section 2; a gated recurrent unit (Cho et al. 2014,
        arXiv:1406.1078) instead of their LSTM, and mixtures of whole vectors.
    """

    centre: Tensor
    scale: Tensor
    low: Float[Tensor, " latents"]
    high: Float[Tensor, " latents"]
    beginnings: Latents
    actions: Actions

    def __init__(
        self,
        *,
        eyes: GenerativeModel,
        memory: nn.GRU,
        expectation: nn.Module,
        verdict: nn.Module,
        num_actions: int,
        num_latents: int,
    ) -> None:
        super().__init__()
        self.image_shape = eyes.image_shape
        self.num_actions, self.num_memory = num_actions, memory.hidden_size
        self.eyes = eyes.requires_grad_(False)
        self.memory, self.expectation, self.verdict = memory, expectation, verdict
        self.register_buffer("centre", torch.zeros(num_latents))
        self.register_buffer("scale", torch.ones(()))
        self.register_buffer("low", torch.full((num_latents,), -1.0))
        self.register_buffer("high", torch.full((num_latents,), 1.0))
        self.register_buffer("beginnings", torch.zeros(BEGINNINGS, num_latents))
        self.register_buffer("actions", torch.zeros(ACTIONS, num_actions))

    def train(self, mode: bool = True) -> "World":
        """As of every module, but the eyes never train."""
        super().train(mode)
        self.eyes.eval()
        return self

    @torch.no_grad()
    def settle(
        self, latents: Latents, is_first: Bool[Tensor, "batch"], actions: Float[Tensor, "steps actions"]
    ) -> None:
        """Takes over what a recording says of scales, ranges, beginnings and actions.

        Args:
            latents: Means of q(z|x) of all its frames.
            is_first: Whether each is the first of its episode.
            actions: All that was done.
        """
        self.centre.copy_(latents.mean(0))
        self.scale.copy_((latents - self.centre).square().mean().sqrt().clamp_min(1e-6))
        own = (latents - self.centre) / self.scale
        low, high = own.aminmax(dim=0)
        self.low.copy_(low - MARGIN * (high - low))
        self.high.copy_(high + MARGIN * (high - low))
        first = own[is_first]
        self.beginnings.copy_(first[torch.arange(BEGINNINGS) % len(first)])
        self.actions.copy_(actions[torch.linspace(0, len(actions) - 1, ACTIONS).long()])

    def encode(self, images: Images, *, given: Given | None = None) -> Distribution:
        seen: Distribution = self._eyes.encode(images)
        return seen

    def decode(self, latents: Latents, *, given: Given | None = None) -> Distribution:
        shown: Distribution = self._eyes.decode(latents)
        return shown

    def prior(self, *, given: Given | None = None) -> Distribution:
        prior: Distribution = self._eyes.prior()
        return prior

    @property
    def _eyes(self) -> Any:
        return self.eyes

    def begin(self, num: int, *, generator: torch.Generator | None = None) -> Latents:
        chosen = torch.randint(BEGINNINGS, (num,), generator=generator, device=self.beginnings.device)
        return self.beginnings[chosen]

    def observe(self, images: Images) -> Latents:
        return (self.encode(images).mean - self.centre) / self.scale

    def show(self, latents: Latents) -> Images:
        return self.decode(latents * self.scale + self.centre).mean

    def remember(self, latents: Latents, actions: Actions, memory: Memory) -> Memory:
        _, after = self.memory(
            torch.cat([latents, actions], 1).unsqueeze(1), memory.unsqueeze(0).contiguous()
        )
        return after.squeeze(0)

    def next_latents(self, latents: Latents, memory: Memory) -> NormalMixtures:
        numbers = self.expectation(torch.cat([latents, memory], 1)).unflatten(
            1, (-1, 2 * latents.shape[1] + 1)
        )
        change, log_stds = numbers[:, :, 1:].chunk(2, dim=2)
        log_stds = soft_bound(log_stds - 2.0, -6.0, 1.0)  # begins near 0.1
        return NormalMixtures(latents.unsqueeze(1) + change, log_stds, numbers[:, :, 0].log_softmax(1))

    def outcome(self, latents: Latents, memory: Memory) -> tuple[PerImage, PerImage]:
        reward, end = self.verdict(torch.cat([latents, memory], 1)).unbind(1)
        return reward, end

    def objectives(self) -> tuple[Objective, ...]:
        return (
            Objective(
                name="world",
                player=PLAYER,
                terms=self._terms,
                moves=(self.memory, self.expectation, self.verdict),
                weights={"surprise": 1.0, "reward": 1.0, "end": 1.0},
            ),
        )

    def _terms(self, batch: Batch, turn: Turn) -> Mapping[str, PerImage]:
        """Negative log-densities a step: of latents, of the reward with variance 1, and of the end."""
        assert batch.given is not None
        latents = batch.images[:, 0]
        told = batch.given.unflatten(1, (latents.shape[1], -1))[:, :-1]
        actions, (rewards, ended, real, first) = told[..., :-4], told[..., -4:].unbind(2)
        before, after = latents[:, :-1], latents[:, 1:]
        memory, _ = self.memory(torch.cat([before, actions], 2))
        flat = [part.flatten(0, 1) for part in (before, after, memory)]
        surprise = -self.next_latents(flat[0], flat[2]).log_prob(flat[1])
        reward, end = self.outcome(flat[1], flat[2])
        counted = _counted(real, first)
        terms = {
            "surprise": surprise,
            "reward": 0.5 * (reward - rewards.flatten()).square(),
            "end": functional.binary_cross_entropy_with_logits(end, ended.flatten(), reduction="none"),
        }
        return {name: (value.view_as(counted) * counted).mean(1) for name, value in terms.items()}

    @torch.no_grad()
    def sample(
        self,
        num_images: int,
        *,
        given: Given | None = None,
        generator: torch.Generator | None = None,
        noise: bool = True,
        temperature: float = 1.0,
    ) -> Images:
        """Frames of dreams, in which recorded actions are taken at random: each eight are one film.

        Its frames are some steps apart.
        """
        if num_images < 1:
            raise ValueError(f"Asked for {num_images} images; ask for at least 1.")
        latents = self.begin(-(-num_images // 8), generator=generator)
        memory, films = latents.new_zeros(len(latents), self.num_memory), [latents]
        for _ in range(7 * APART):
            chosen = torch.randint(ACTIONS, (len(latents),), generator=generator, device=latents.device)
            memory = self.remember(latents, self.actions[chosen], memory)
            expected = self.next_latents(latents, memory).tempered(temperature)
            shape = (len(latents), *expected.noise_shape)
            drawn = expected.draw(torch.randn(shape, generator=generator, device=latents.device))
            latents = drawn.clamp(self.low, self.high)
            films.append(latents)
        return self.show(torch.stack(films[::APART], 1).flatten(0, 1)[:num_images])


def _counted(real: Float[Tensor, "batch steps"], first: Float[Tensor, "batch steps"]) -> Tensor:
    """Which steps of clips are learned from: those before the end, once the memory has seen enough."""
    settled = torch.arange(real.shape[1], device=real.device) >= BURN_IN
    return real.cumprod(1) * (first[:, :1].bool() | settled)
