"""How likely a model finds images that it never saw: a number that does not depend on the training loss."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from tqdm import tqdm

from latentia._types import Given, Images
from latentia.metrics.estimate import Estimate
from latentia.protocols import ExplicitModel

BATCH = 100  # images at a time


@dataclass(frozen=True, slots=True)
class Likelihood:
    """A model's importance-weighted bound on the log-likelihood of a set of images.

    Attributes:
        mean: The bound with `num_draws` draws, in nats an image: higher is better.
        standard_error: Of that mean, over images, in nats.
        num_images: Images evaluated.
        num_draws: K, draws from q(z|x) an image.
        elbo: The bound with one draw, in nats an image, from the same draws.
        effective_sample_size: Of the importance weights, mean over images, 1 to K. Near 1, a single draw
            carries the estimate and a larger K would raise the bound further.
        curve: From K to the bound with K draws, 1, 2, 4 ...: flat at its end where K suffices.
        exact: `log_prob` of models whose density is exact, in nats an image: of stored levels, with uniform
            noise one level wide integrated out, which lies below the log-mass that the bound is of.
        num_dimensions: Values of an image, channels included.
        levels: Stored levels of the data.
        protocol: Everything needed to repeat the number, as one line.
    """

    mean: float
    standard_error: float
    num_images: int
    num_draws: int
    elbo: float
    effective_sample_size: float
    curve: dict[int, float]
    exact: float | None
    num_dimensions: int
    levels: int
    protocol: str

    @property
    def estimate(self) -> Estimate:
        """The bound with its error over images, in nats an image."""
        return Estimate(self.mean, self.standard_error)

    @property
    def bits_per_dim(self) -> float | None:
        """Bits for each value of an image, lower is better; None for binary images, told in nats alone."""
        if self.levels == 2:
            return None
        return -self.mean / (self.num_dimensions * math.log(2))


@torch.inference_mode()
def evaluate_likelihood(
    model: ExplicitModel,
    images: Images,
    *,
    levels: int,
    split: str,
    num_draws: int = 64,
    given: Given | None = None,
    seed: int = 0,
) -> Likelihood:
    """The importance-weighted bound of a model on images, with its error and its curve over K.

    log p(x) >= E[ log 1/K sum_k p(x, z_k) / q(z_k|x) ]

    Args:
        model: In evaluation mode, with averaged weights where the run keeps them.
        images: Held-out images in [-1, 1].
        levels: Number of stored levels of the data (256 for 8 bits): named in the protocol, since
            likelihoods of data with other levels are not comparable.
        split: Name of the split that the images come from, for the protocol.
        num_draws: K, at least 1. The bound rises with K towards the log-likelihood.
        given: What a conditional model is told of each image.
        seed: Seed of the draws.

    Returns:
        All numbers in nats an image, accumulated in float64.

    Raises:
        ValueError: If there are no images, K is below 1, or the model is in training mode.

    Source:
        Burda et al. 2015, arXiv:1509.00519, eq. 8.
    """
    _check(model, images, num_draws)
    generator = torch.Generator(_device(model)).manual_seed(seed)
    ladder = _ladder(num_draws)
    reduced: list[_Reduced] = []
    with tqdm(total=len(images), unit=" images", desc="likelihood", delay=5, leave=False) as bar:
        for weights in _log_weights(model, images, num_draws, given, generator):
            reduced.append(_reduce(weights, ladder))
            bar.update(weights.shape[1])
    bounds, elbo, sizes = (torch.cat(parts, dim=-1) for parts in zip(*reduced, strict=True))
    return Likelihood(
        mean=bounds[-1].mean().item(),
        standard_error=(bounds[-1].std(correction=min(1, len(images) - 1)) / len(images) ** 0.5).item(),
        num_images=len(images),
        num_draws=num_draws,
        elbo=elbo.mean().item(),
        effective_sample_size=sizes.mean().item(),
        curve=dict(zip(ladder, bounds.mean(1).tolist(), strict=True)),
        exact=_exact(model, images, given) if model.density == "exact" else None,
        num_dimensions=images[0].numel(),
        levels=levels,
        protocol=(
            f"importance-weighted bound, K = {num_draws}, on {len(images)} {split} images of {levels} "
            f"levels, natural logarithm, seed {seed}"
        ),
    )


class _Reduced(NamedTuple):
    """What is kept of the weights of some images."""

    bounds: Float[Tensor, "ladder batch"]
    elbo: Float[Tensor, " batch"]
    effective_sample_size: Float[Tensor, " batch"]


def _reduce(weights: Float[Tensor, "draws batch"], ladder: list[int]) -> _Reduced:
    bounds = torch.stack([_bound(weights, k) for k in ladder])
    return _Reduced(bounds, weights.mean(0), 1 / weights.softmax(0).square().sum(0))


def _log_weights(
    model: ExplicitModel, images: Images, num_draws: int, given: Given | None, generator: torch.Generator
) -> Iterator[Float[Tensor, "draws batch"]]:
    """Log importance weights in float64 on the CPU, some images at a time, each encoded once."""
    for start in range(0, len(images), BATCH):
        rows = slice(start, start + BATCH)
        batch = images[rows].to(generator.device)
        told = None if given is None else given[rows].to(generator.device)
        yield model.log_weights(batch, num_draws, given=told, generator=generator).cpu().double()


def _bound(weights: Float[Tensor, "draws batch"], k: int) -> Float[Tensor, " batch"]:
    """The bound with k draws, averaged over as many disjoint groups of k as there are."""
    groups = weights[: len(weights) // k * k].unflatten(0, (-1, k))
    return (groups.logsumexp(1) - math.log(k)).mean(0)  # eq. 8


def _ladder(num_draws: int) -> list[int]:
    """1, 2, 4 ... and the number itself."""
    return [2**power for power in range(num_draws.bit_length()) if 2**power < num_draws] + [num_draws]


def _exact(model: ExplicitModel, images: Images, given: Given | None) -> float:
    total = 0.0
    for start in range(0, len(images), BATCH):
        rows = slice(start, start + BATCH)
        batch = images[rows].to(_device(model))
        told = None if given is None else given[rows].to(_device(model))
        total += model.log_prob(batch, given=told).cpu().double().sum().item()
    return total / len(images)


def _check(model: ExplicitModel, images: Images, num_draws: int) -> None:
    if not len(images):
        raise ValueError("there are no images to evaluate: the split is empty. Choose another split.")
    if num_draws < 1:
        raise ValueError(f"num_draws = {num_draws}: a bound needs at least 1 draw an image.")
    if model.training:
        raise ValueError("the model is in training mode, where its answers may differ: call model.eval().")


def _device(model: ExplicitModel) -> torch.device:
    return next(model.parameters()).device
