"""What judges a run's samples while it trains, and what examines whether they have collapsed."""

import math
from collections.abc import Callable, Mapping

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from latentia._types import Images
from latentia.data import Split
from latentia.metrics.coverage import measure_coverage
from latentia.metrics.features import RandomFeatures
from latentia.metrics.kernel import kernel_distance
from latentia.protocols import GenerativeModel, told_of
from latentia.training.turn import seed_from

BATCH = 100
MOST_BATCHES = 5
PIXELS = 500 * 32 * 32
"""Pixels in a set of draws: images of up to 32 x 32 are drawn 500 times, from 64 x 64 on 100 times."""
FEWEST_REAL = 20
"""Validation images below which the kernel distance refuses."""
FEWEST_EXAMINED = 50
"""Real images below which samples are not examined."""
ALIKE = 0.2
"""Part of the typical distance between nearest real images, within which two samples are alike."""


def make_judge(
    validation: Split, *, seed: int, device: torch.device
) -> Callable[[GenerativeModel], Mapping[str, float]] | None:
    """A function from a model to the kernel distance between its draws and the validation images.

    Every look uses the same latents and the same real images, so that two looks differ by what was learned
    between them. The distance is unbiased, so those of runs with other numbers of draws compare as well.

    Args:
        validation: Real images to compare with, of which as many are used as are drawn; their features are
            computed once, here.
        seed: The run's seed.
        device: Where the model is.

    Returns:
        The function, or None where there are too few validation images to say anything.

    Example:
        >>> from latentia.data import prepare
        >>> from latentia.recipes import find
        >>> store = prepare("digits", progress=False)
        >>> judge = make_judge(store.split("validation"), seed=0, device=torch.device("cpu"))
        >>> list(judge(find("gan.dcgan")(store.facts).model.eval()))
        ['kernel_distance']
    """
    channels, height, width = validation.image_shape
    if len(validation) < FEWEST_REAL:
        return None
    num_batches = max(1, min(MOST_BATCHES, PIXELS // (BATCH * height * width)))
    features = RandomFeatures(channels)
    images = validation.images(slice(0, num_batches * BATCH)).to(device)
    real = features(images)

    def judge(model: GenerativeModel) -> Mapping[str, float]:
        generator = torch.Generator(device).manual_seed(seed_from(seed, "judged"))
        batches = (_drawn(model, BATCH, images, generator) for _ in range(num_batches))
        fake = torch.cat([features(drawn.clamp(-1, 1)) for drawn in batches])
        return {"kernel_distance": kernel_distance(real, fake).value}

    return judge


def make_examiner(
    real_images: Split, *, seed: int, device: torch.device
) -> Callable[[GenerativeModel], Mapping[str, float]] | None:
    """A function from a model to how its draws differ: numbers of about 1 for real images, 0 if all alike.

    What a run does depends on them, so it is asked at every checkpoint, and is quick: distances of pixels
    between up to 100 draws, always from the same latents, and as many real images.

    Args:
        real_images: What to compare with.
        seed: The run's seed.
        device: Where the model is.

    Returns:
        The function, or None with fewer than 50 real images, or if those are all the same. It gives
        `variety`, the mean distance of two draws over that of two real images; `distinct`, how many draws
        have no other within a fifth of the median distance of a real image to its nearest, over how many real
        images; and `coverage` of the real images (`coverage.py`). Draws that are not finite give a variety
        that is not either, and nothing else.

    Example:
        >>> from latentia.data import prepare
        >>> from latentia.recipes import find
        >>> store = prepare("digits", progress=False)
        >>> examine = make_examiner(store.split("validation"), seed=0, device=torch.device("cpu"))
        >>> list(examine(find("gan.dcgan")(store.facts).model.eval()))
        ['variety', 'distinct', 'coverage']
    """
    count = min(BATCH, len(real_images))
    if count < FEWEST_EXAMINED:
        return None
    images = real_images.images(slice(0, count)).to(device)
    real = images.flatten(1)
    real_distance, real_nearest = _differences(real)
    if real_distance == 0:
        return None
    alike = ALIKE * real_nearest.median()
    real_distinct = _share(real_nearest >= alike)

    @torch.no_grad()
    def examine(model: GenerativeModel) -> Mapping[str, float]:
        generator = torch.Generator(device).manual_seed(seed_from(seed, "examined"))
        draws = _drawn(model, count, images, generator).clamp(-1, 1).flatten(1)
        distance, nearest = _differences(draws)
        if not math.isfinite(distance):
            return {"variety": distance}
        return {
            "variety": distance / real_distance,
            "distinct": _share(nearest >= alike) / real_distinct,
            "coverage": measure_coverage(real, draws).coverage.value,
        }

    return examine


def _drawn(
    model: GenerativeModel, count: int, real: Images, generator: torch.Generator
) -> Float[Tensor, "count channels height width"]:
    """Draws; of a model that restores, answers to what is measured of real images, drawn with replacement."""
    rows = torch.arange(count, device=real.device) % len(real)
    given = told_of(model, real[rows], generator=generator)
    return model.sample(count, given=given, generator=generator)


def _differences(images: Float[Tensor, "images values"]) -> tuple[float, Float[Tensor, " images"]]:
    """The mean distance of two images, and that of each to its nearest."""
    distances = torch.cdist(images, images, compute_mode="donot_use_mm_for_euclid_dist")
    mean = float(distances.sum()) / (len(images) * (len(images) - 1))
    return mean, distances.fill_diagonal_(math.inf).min(1).values


def _share(which: Bool[Tensor, " images"]) -> float:
    return float(which.double().mean())
