"""Every pair of generator and critic, by name."""

from collections.abc import Callable
from functools import partial

from torch import nn

from latentia.networks import (
    BottleneckCritic,
    BottleneckGenerator,
    Condition,
    Critic,
    Generator,
    MLPCritic,
    MLPGenerator,
    ProgressiveCritic,
    ProgressiveGenerator,
    ResidualCritic,
    ResidualGenerator,
)

NUM_LATENTS = 20

PAIRS: dict[str, tuple[Callable[..., nn.Module], Callable[..., nn.Module]]] = {
    "dcgan": (Generator, Critic),
    "dcgan without norm": (partial(Generator, norm="none"), partial(Critic, norm="none")),
    "residual": (ResidualGenerator, ResidualCritic),
    "residual without norm": (partial(ResidualGenerator, norm="none"), ResidualCritic),
    "progressive": (ProgressiveGenerator, ProgressiveCritic),
    "bottleneck": (BottleneckGenerator, BottleneckCritic),
    "bottleneck dense": (
        partial(BottleneckGenerator, expansion=0.5, dense=True),
        partial(BottleneckCritic, expansion=0.5, dense=True),
    ),
    "mlp": (MLPGenerator, MLPCritic),
}


def pair(
    name: str, shape: tuple[int, int, int], *, width: int = 4, condition: Condition | None = None
) -> tuple[nn.Module, nn.Module]:
    """A generator of 20 latents and its critic."""
    generator, critic = PAIRS[name]
    return (
        generator(NUM_LATENTS, shape, width=width, condition=condition),
        critic(shape, width=width, condition=condition),
    )
