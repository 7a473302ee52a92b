"""What a model is, what it asks of training, and what a task may ask of it.

A model states what it wants as `Objective`s; the training loop only descends them. What a model can do
is a set of capabilities (`ExplicitModel`, `Encodes`, `Decodes`, `Describes`), never a kind: a task asks for
the one that it needs with `require`.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol, TypeVar, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from latentia._types import Actions, Given, Images, Latents, Measured, Memory, PerImage
from latentia.data.degradation import Degradation
from latentia.distributions import Distribution, NormalMixtures, Remembers


@dataclass(frozen=True, slots=True)
class Batch:
    """Real images, and what is known of them."""

    images: Images
    given: Given | None = None

    def __len__(self) -> int:
        return self.images.shape[0]


class Turn(ABC):
    """What a step may know of the run it belongs to.

    A turn draws one batch and lets every player that is due step once or more.

    Attributes:
        images_seen: Real images drawn before this turn, over all processes.
        horizon: Images that the run is planned for. Schedules, fades and warm-ups are functions of
            these two, so that a resumed run follows the schedule of the unbroken one.
    """

    images_seen: int
    horizon: int

    @abstractmethod
    def noise(self, *shape: int) -> Tensor:
        """Standard normal noise, the only source of randomness in a step.

        It is drawn for the whole global batch and sliced for this process and micro-batch, so that a
        step does not depend on how its batch is divided.

        Args:
            *shape: Shape of one image's noise; the batch dimension is put before it.
        """

    def uniform(self, *shape: int) -> Tensor:
        """Noise that is uniform on (-1/2, 1/2), made from `noise`."""
        return torch.erf(self.noise(*shape) / math.sqrt(2)) / 2  # the normal's distribution, less 1/2

    @abstractmethod
    def mean(self, value: Float[Tensor, "batch *event"]) -> Float[Tensor, "*event"]:
        """The mean over the global batch (all micro-batches, all processes), without gradient."""

    @abstractmethod
    def shared(self, name: str, make: Callable[[], Tensor]) -> Tensor:
        """A forward pass that several objectives use: made once, kept until the next step.

        What is shared carries no gradient between objectives; it is detached.
        """


Weight = float | Callable[[Turn, Mapping[str, PerImage]], Tensor]


@dataclass(frozen=True, slots=True)
class Objective:
    """One thing that a model wants made small, and what may move to make it so.

    Attributes:
        name: Shown in logs, as `name/term`.
        player: Objectives of one player share one optimiser; their gradients add before its step.
        terms: From a batch and a turn to named, unweighted terms, one finite number an image each. It
            may run more than once a step, so it changes no buffer but those of norms.
        moves: Modules that may move to reduce the objective. Everything else stands still, parameters
            and buffers alike.
        weights: The weight of every term that is descended: a number, or a function of the turn and
            the terms whose result is used without gradient.
        watched: Terms that are only logged. A term that is neither weighted nor watched is an error.
        repeats: Steps of this player in a turn; each draws a batch of its own.
        every: The objective is due every so many turns, its weights times as many.
        couples: Whether its terms see the batch as a whole (batch normalisation and the like), so that
            dividing the batch changes them.
        restrains: Whether it is a penalty, whose weight is raised where training breaks.
    """

    name: str
    player: str
    terms: Callable[[Batch, Turn], Mapping[str, PerImage]]
    moves: tuple[nn.Module, ...]
    weights: Mapping[str, Weight]
    watched: frozenset[str] = frozenset()
    repeats: int = 1
    every: int = 1
    couples: bool = False
    restrains: bool = False

    def parameters(self) -> list[nn.Parameter]:
        """The parameters that this objective moves, each once."""
        unique = {id(p): p for module in self.moves for p in module.parameters()}
        return list(unique.values())


class GenerativeModel(nn.Module, ABC):
    """A model that one can draw images from. Alone, it is implicit: it has no density.

    Attributes:
        image_shape: (channels, height, width) of its images.
    """

    image_shape: tuple[int, int, int]

    @abstractmethod
    def sample(
        self,
        num_images: int,
        *,
        given: Given | None = None,
        generator: torch.Generator | None = None,
        noise: bool = True,
        temperature: float = 1.0,
    ) -> Images:
        """Draw images.

        Args:
            num_images: How many, at least 1.
            given: What a conditional model is told of each image.
            generator: Source of randomness, on the model's device.
            noise: Whether pixels are drawn from p(x|z) too. Without it an explicit model returns the
                mean of p(x|z), which papers show and which is not a draw from the model; an implicit
                model has no such noise and returns the same either way.
            temperature: Scale of the noise that latents are drawn with. Below 1 draws are more typical and
                less varied; only at 1 are they draws from the model.
        """

    @abstractmethod
    def objectives(self) -> tuple[Objective, ...]:
        """What this model wants of training, in the order in which players step."""

    def after(self, turn: Turn) -> None:
        """Once a turn, after the steps, without gradient. All state that it changes is in buffers.

        Not after a turn whose gradient was not finite and was therefore passed over.

        Of itself, it lets every head that `Remembers` something fold it into its buffers.
        """
        for part in self.modules():
            if isinstance(part, Remembers):
                part.fold()


class ExplicitModel(GenerativeModel):
    """A model that also says how likely an image is.

    Attributes:
        density: Whether `log_prob` is the log-likelihood, or a lower bound on it.
    """

    density: ClassVar[Literal["exact", "lower bound"]]

    @abstractmethod
    def log_weights(
        self,
        images: Images,
        num_draws: int,
        *,
        given: Given | None = None,
        generator: torch.Generator | None = None,
    ) -> Float[Tensor, "draws batch"]:
        """Log importance weights log p(x|z) + log p(z) - log q(z|x) for z drawn from q(z|x), in nats.

        The mean of their exponentials over draws is an unbiased estimate of the probability of the
        image; their mean is the evidence lower bound. Images are encoded once.
        """

    @abstractmethod
    def log_prob(self, images: Images, *, given: Given | None = None) -> PerImage:
        """Log-probability of the images' stored levels, or a bound on it, in nats an image."""


class Encodes(ABC):
    """Can say which latents an image may have come from."""

    @abstractmethod
    def encode(self, images: Images, *, given: Given | None = None) -> Distribution:
        """The posterior q(z|x)."""


class Decodes(ABC):
    """Can turn latents into images."""

    @abstractmethod
    def decode(self, latents: Latents, *, given: Given | None = None) -> Distribution:
        """The distribution p(x|z); of an implicit model, a point."""

    @abstractmethod
    def prior(self, *, given: Given | None = None) -> Distribution:
        """The distribution p(z), of one latent vector."""


@runtime_checkable
class Describes(Protocol):
    """Has a critic whose levels describe images, for whoever compares or learns from images."""

    def features(self, images: Images, *, given: Given | None = None) -> tuple[Tensor, ...]:
        """What every level of the critic makes of images, shallow first."""
        ...


@runtime_checkable
class Dreams(Protocol):
    """Can say what an action leads to, in latents of what is seen and a memory of what was.

    Attributes:
        num_actions: Length of an action as a vector.
        num_memory: Length of the memory.
        low: The least that each latent was while recording, less a margin; dreams stay above it.
        high: The most, and a margin.
    """

    num_actions: int
    num_memory: int
    low: Float[Tensor, " latents"]
    high: Float[Tensor, " latents"]

    def begin(self, num: int, *, generator: torch.Generator | None = None) -> Latents:
        """Latents of first frames, drawn from those of the recording. Memory is zero there."""
        ...

    def observe(self, images: Images) -> Latents:
        """The latents of frames."""
        ...

    def show(self, latents: Latents) -> Images:
        """The frames of latents."""
        ...

    def remember(self, latents: Latents, actions: Actions, memory: Memory) -> Memory:
        """The memory after an action was taken where latents were seen."""
        ...

    def next_latents(self, latents: Latents, memory: Memory) -> NormalMixtures:
        """The distribution of what is seen next, given what was seen and the memory after the action."""
        ...

    def outcome(self, latents: Latents, memory: Memory) -> tuple[PerImage, PerImage]:
        """The reward for getting where latents are seen, and the logit of the episode's end there."""
        ...


@runtime_checkable
class Restores(Protocol):
    """Can say what images may have been, of which something was measured; `given` is what was.

    Attributes:
        degradation: What was done to the images before.
    """

    degradation: Degradation

    def expected(self, measured: Measured) -> Images:
        """The mean of all images that may have been measured so: the least squared error, and a blur."""
        ...

    def answers(self, measured: Measured, *, generator: torch.Generator | None = None) -> Images:
        """One image each that may have been measured so, another with every call."""
        ...


def told_of(model: Any, images: Images, *, generator: torch.Generator | None = None) -> Measured | None:
    """What a model that restores is told of real images, for whoever asks it for draws; None for others."""
    if not isinstance(model, Restores):
        return None

    def noise(*shape: int) -> Tensor:
        return torch.randn(len(images), *shape, generator=generator, device=images.device)

    return model.degradation.measure(images, noise)


Capability = TypeVar("Capability")

VERBS: Mapping[type, str] = {
    ExplicitModel: "say how likely an image is",
    Encodes: "encode images into latents",
    Decodes: "decode latents into images",
    Describes: "describe images with the features of a critic",
    Dreams: "say what an action leads to",
    Restores: "restore damaged images",
}

FAMILIES: Mapping[type, str] = {
    ExplicitModel: "Variational autoencoders (recipes whose names begin with 'vae.')",
    Encodes: "Autoencoders and hybrids (recipes whose names begin with 'ae.', 'vae.' or 'hybrid.')",
    Describes: "Adversarial networks (recipes whose names begin with 'gan.')",
    Dreams: "Worlds (runs of `latentia simulate learn`)",
    Restores: "Restorers (the recipes vae.restore and gan.restore)",
}


def require(model: Any, capability: type[Capability], *, task: str) -> Capability:
    """The model itself, if it has the capability that a task needs.

    Raises:
        ValueError: If it has not: says which model, what it lacks, and which families have it.
    """
    if isinstance(model, capability):
        return model
    raise ValueError(
        f"{task} needs a model that can {VERBS.get(capability, capability.__name__)}, and "
        f"{type(model).__name__} cannot. {FAMILIES.get(capability, 'Others')} can; `latentia recipes` lists "
        f"what each recipe can do."
    )


def players(objectives: Sequence[Objective], turn_index: int) -> Iterator[tuple[str, list[Objective]]]:
    """Players that step in a turn, in the order in which the model names them, with what is due."""
    due: dict[str, list[Objective]] = {}
    for objective in objectives:
        due.setdefault(objective.player, [])
        if turn_index % objective.every == 0:
            due[objective.player].append(objective)
    return ((player, objectives) for player, objectives in due.items() if objectives)
