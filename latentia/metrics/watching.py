"""What judges a run's samples while it trains."""

from collections.abc import Callable, Mapping

import torch

from latentia.data import Split
from latentia.metrics.features import RandomFeatures
from latentia.metrics.kernel import kernel_distance
from latentia.protocols import GenerativeModel
from latentia.training.turn import seed_from

BATCH = 100
MOST_BATCHES = 5
PIXELS = 500 * 32 * 32
"""Pixels in a set of draws: images of up to 32 x 32 are drawn 500 times, from 64 x 64 on 100 times."""
FEWEST_REAL = 20
"""Validation images below which the kernel distance refuses."""


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
    real = features(validation.images(slice(0, num_batches * BATCH)).to(device))

    def judge(model: GenerativeModel) -> Mapping[str, float]:
        generator = torch.Generator(device).manual_seed(seed_from(seed, "judged"))
        batches = (model.sample(BATCH, generator=generator) for _ in range(num_batches))
        fake = torch.cat([features(images.clamp(-1, 1)) for images in batches])
        return {"kernel_distance": kernel_distance(real, fake).value}

    return judge
