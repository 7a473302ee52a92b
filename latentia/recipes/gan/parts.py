"""What recipes of adversarial networks build their plans from."""

from typing import Any, Literal

import torch
from torch import nn

from latentia.data import Facts
from latentia.data.augmentation import Augmentation
from latentia.losses import GAMES, Penalty, r1, r2
from latentia.models import AdversarialNetwork
from latentia.models.gan.augmented import AugmentedView
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
    spectral,
)
from latentia.recipes.ranges import above_zero, at_least
from latentia.training import Adam, Plan

Network = Literal["convolutional", "residual", "progressive", "bottleneck", "mlp"]
Norm = Literal["batch", "spectral", "none"]
Augment = Literal["none", "adaptive", "always"]
Pair = tuple[nn.Module, nn.Module]
"""A generator and a critic."""

NETWORKS: dict[str, tuple[type[nn.Module], type[nn.Module]]] = {
    "convolutional": (Generator, Critic),
    "residual": (ResidualGenerator, ResidualCritic),
    "progressive": (ProgressiveGenerator, ProgressiveCritic),
    "bottleneck": (BottleneckGenerator, BottleneckCritic),
    "mlp": (MLPGenerator, MLPCritic),
}
WIDTHS: dict[str, int] = {"mlp": 256}
USUAL_WIDTH = 16
POINT_SCALE = 8.0
"""What a critic multiplies images of one pixel by: points differ by hundredths, images by units."""

SPEED = 100_000
"""Images over which the probability of augmentation may go from 0 to 1: a fifth of the published number,
since a run on a processor shows hundreds of thousands of images rather than millions."""


def pair(
    network: Network,
    facts: Facts,
    *,
    num_latents: int,
    width: int | None,
    norm: Norm = "none",
    condition: Condition | None = None,
    projected: bool = True,
    dense: bool = True,
) -> Pair:
    """A generator and a critic.

    Args:
        network: Their kind.
        facts: Facts of the data.
        num_latents: Length of a latent vector.
        width: Channels at half size (16), or units in a fully connected layer (256).
        norm: Of the convolutional critic; its generator has batch normalisation. Others have their own.
        condition: What the generator is told.
        projected: Whether the critic is told it too.
        dense: Whether bottlenecks mix all channels; they are half as wide inside then.

    Raises:
        ValueError: If an argument is out of range, or the network cannot make images of that size.
    """
    if width is None:
        width = WIDTHS.get(network, USUAL_WIDTH)
    at_least(1, num_latents=num_latents, width=width)
    make_generator, make_critic = NETWORKS[network]
    shared: dict[str, Any] = {"width": width}
    if network == "bottleneck":
        shared |= {"dense": dense, "expansion": 1.0 if dense else 2.0}
    own: dict[str, Any] = {}
    if network == "convolutional":
        own = {"norm": "batch" if norm == "batch" else "none"}
    elif network == "mlp" and is_point(facts):
        own = {"scale": POINT_SCALE}
    asked = condition if projected else None
    generator = make_generator(num_latents, facts.image_shape, condition=condition, **shared)
    critic = make_critic(facts.image_shape, condition=asked, **shared, **own)
    return generator, _normalised(critic) if norm == "spectral" and network != "residual" else critic


def plan(
    facts: Facts,
    networks: Pair,
    *,
    game: str,
    num_latents: int,
    augment: Augment,
    flip: bool,
    rate: float,
    betas: tuple[float, float],
    batch_size: int,
    half_life: int,
    cool_down: float = 0.0,
    **settings: Any,
) -> Plan:
    """An adversarial network, and how it is trained: both players by Adam alike.

    Args:
        facts: Facts of the data.
        networks: Generator and critic.
        game: What each wants.
        num_latents: Length of a latent vector.
        augment: Whether the critic sees augmented images, and how often.
        flip: Whether augmentation mirrors images.
        rate: Learning rate.
        betas: Adam's.
        batch_size: Images a step.
        half_life: Images after which a step counts half in the averaged weights.
        cool_down: Part of the run, at its end, over which the learning rate falls.
        **settings: Further ones of `AdversarialNetwork`.

    Raises:
        ValueError: If an argument is out of range.
    """
    model = AdversarialNetwork(
        image_shape=facts.image_shape,
        generator=networks[0],
        critic=networks[1],
        game=GAMES[game],
        num_latents=num_latents,
        augment=_view(facts, augment, flip),
        **settings,
    )
    couples = any(objective.couples for objective in model.objectives())
    at_least(2 if couples else 1, batch_size=batch_size)  # one image has no deviation
    at_least(1, half_life=half_life)
    above_zero(rate=rate)
    adam = Adam(rate=rate, betas=betas)
    return Plan(
        model,
        optimisers={"critic": adam, "generator": adam},
        batch_size=batch_size,
        half_life=half_life,
        cool_down=cool_down,
    )


def slopes(gamma: float, at_end: float | None = None, *, every: int = 1) -> tuple[Penalty, ...]:
    """R1 and R2 of one strength, which may change through the run, taken every so many turns; none at 0.

    Raises:
        ValueError: If gamma is negative, or it is to change from or to 0.
    """
    at_least(0, gamma=gamma)
    at_least(1, penalty_every=every)
    if at_end is not None and not min(gamma, at_end) > 0:
        raise ValueError(
            f"gamma goes from {gamma} to {at_end} through the run by the same factor in equal times, so both "
            f"have to be above 0."
        )
    if not gamma:
        return ()
    return tuple(slope(gamma, at_end=at_end, every=every) for slope in (r1, r2))


def _view(facts: Facts, augment: Augment, flip: bool) -> AugmentedView | None:
    if augment == "none":
        if flip:
            raise ValueError(
                "flip is a part of the augmentation, and there is none. Choose `--augment adaptive` or "
                "`--augment always`, or leave flip out."
            )
        return None
    if is_point(facts):
        raise ValueError(f"Images of one pixel cannot be augmented. Leave `augment` out (got {augment!r}).")
    if augment == "always":
        return AugmentedView(Augmentation(flip=flip), probability=1.0, target=None, cap=1.0)
    return AugmentedView(Augmentation(flip=flip), speed=SPEED)


def num_deepest(critic: nn.Module, facts: Facts) -> int:
    """Length of the critic's deepest features, flat."""
    with torch.no_grad():
        features = critic.eval().features(torch.zeros(1, *facts.image_shape))  # type: ignore[operator]
    critic.train()
    return int(features[-1].numel())


def is_point(facts: Facts) -> bool:
    """Whether images are of one pixel: points, with channels for coordinates."""
    return facts.height == facts.width == 1


def _normalised(critic: nn.Module) -> nn.Module:
    """The critic, every weight of it spectrally normalised."""
    for layer in [part for part in critic.modules() if isinstance(part, nn.Conv2d | nn.Linear)]:
        spectral(layer)
    return critic
