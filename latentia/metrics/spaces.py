"""Feature spaces by name, as the command line and reports ask for them."""

from pathlib import Path

import torch

from latentia._types import Images
from latentia.data import ImageStore
from latentia.metrics.domain import DomainFeatures
from latentia.metrics.features import FeatureSpace, PixelFeatures, RandomFeatures
from latentia.metrics.published import DinoFeatures, InceptionFeatures

FITTED = 5000  # training images at most that principal components are fitted to

SPACES = {
    "random": "an untrained convolutional network; the same everywhere",
    "pixels": "principal components of the training images",
    "domain": "a small network trained once on the training images",
    "inception": "the network of the FID, downloaded; inception:PATH takes your file",
    "dinov2:PATH": "a DINOv2 transformer in a Hugging Face folder",
}
"""What each name stands for."""


def feature_space(
    name: str, store: ImageStore, *, seed: int = 0, cache: Path | None = None, progress: bool = True
) -> FeatureSpace:
    """The feature space of a name, made for the images of a store.

    Args:
        name: `random`, `pixels`, `domain`, `inception`, `inception:PATH` or `dinov2:PATH`.
        store: The images; `pixels` and `domain` learn from its training split.
        seed: Seed of the weights of `domain`, and of the images that `pixels` is fitted to. The weights
            of `random` are those of seed 0, always, so that numbers of different runs compare.
        cache: Folder for what is trained or downloaded; without it, the user's cache folder.
        progress: Whether bars are shown.

    Raises:
        ValueError: If the name is another, or its network cannot be had.

    Example:
        >>> from latentia.data import prepare
        >>> feature_space("random", prepare("digits", progress=False)).hash
        '6c43e967393e'
    """
    kind, _, path = name.partition(":")
    if name == "random":
        return RandomFeatures(store.facts.channels)
    if name == "pixels":
        return PixelFeatures(_some_training_images(store, seed))
    if name == "domain":
        return DomainFeatures(store, seed=seed, cache=cache, progress=progress)
    if kind == "inception":
        return InceptionFeatures(path or None, cache=cache, progress=progress)
    if kind == "dinov2" and path:
        return DinoFeatures(path)
    known = "; ".join(f"{space} ({what})" for space, what in SPACES.items())
    raise ValueError(f"there is no feature space {name!r}, expected one of: {known}.")


def _some_training_images(store: ImageStore, seed: int) -> Images:
    train = store.split("train")
    return train.images(torch.randperm(len(train), generator=torch.Generator().manual_seed(seed))[:FITTED])
