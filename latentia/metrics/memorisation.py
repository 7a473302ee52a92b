"""Memorisation: do samples lie nearer to training images than to images that the model never saw?

The question is asked of two sets of references at once: equally many training and held-out images, mixed.
A model that learned the distribution cannot know which is which, so that a sample's nearest reference is as
likely to be the one as the other, however blurred or noisy the sample.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor
from torch.nn import functional

from latentia.metrics.estimate import Estimate, Unmeasurable
from latentia.metrics.neighbours import moved_neighbours

FEWEST = 50  # samples, training and held-out images; with fewer even a full copy would hardly show
SIDE = 64  # larger images are averaged down to this side: copies stay copies
NEIGHBOURHOOD = 10  # the distance to so many neighbours tells whether the nearest is unusually near
SHORTEST = 16  # witnesses in the shortest prefix: if all name training images, p is about 0.0005
CERTAIN, DOUBTFUL = 0.001, 0.01
PAIRS = 12
USUAL = 300  # held-out images that tell which distance is usual


@dataclass(frozen=True, slots=True)
class Memorisation:
    """Whether samples name training images as their nearest more often than chance allows.

    Attributes:
        share: Share of samples whose nearest reference is a training image: one half for a model that did
            not copy.
        z: Standard errors by which training images exceed one half of the references that were named.
        p_value: Chance of evidence as strong if the model had not copied.
        num_samples: Samples that were judged.
        num_references: Training images compared with, and as many held-out ones.
        num_witnesses: References that are the nearest of at least one sample. Each testifies once.
        detectable: Share of copies among the samples from which on this test would find them, about; above
            1 where it cannot.
        samples: Positions of the samples of the closest pairs, the most suspicious first.
        training_images: Positions of their nearest training images, each once.
        distances: Of these pairs, root-mean-square difference of pixel values in [-1, 1], however moved.
        usual_distance: Median distance of a held-out image to the nearest of the training images.
    """

    share: Estimate
    z: float
    p_value: float
    num_samples: int
    num_references: int
    num_witnesses: int
    detectable: float
    samples: Int64[Tensor, " pairs"]
    training_images: Int64[Tensor, " pairs"]
    distances: Float[Tensor, " pairs"]
    usual_distance: float

    @property
    def copies(self) -> bool:
        """Whether samples are copies of training images, beyond any doubt that chance leaves."""
        return self.p_value < CERTAIN

    @property
    def verdict(self) -> str:
        """One sentence for a card."""
        measured = (
            f"the nearest image is a training image for {self.share.value:.0%} of {self.num_samples:,} "
            f"samples, p = {self.p_value:.2g}"
        )
        if self.copies:
            return f"copies training images: {measured}."
        if self.p_value < DOUBTFUL:
            return f"may copy training images, ask for more samples: {measured}."
        if self.detectable > 1:
            return f"cannot be told from so few images: {measured}."
        limit = f"copies in fewer than about {self.detectable:.1%} of samples would not be seen"
        return f"no sign of copying: {measured}; {limit}."


def measure_memorisation(
    samples: Float[Tensor, "samples channels height width"],
    train: Float[Tensor, "train channels height width"],
    held_out: Float[Tensor, "held_out channels height width"],
    *,
    trained_on: int | None = None,
    num_references: int = 5000,
    flips: bool = True,
    max_shift: int = 1,
    permutations: int = 99_999,
    seed: int = 0,
) -> Memorisation:
    """Test whether a model has copied training images, flipped, shifted or noisy copies included.

    Each sample names its nearest among n training and n held-out images, in random order. A reference
    that was named is a witness and testifies once, for the sample whose distance to it is the smallest
    in proportion to the distance of its 10th neighbour. Witnesses are ordered by this proportion, which
    knows no labels, so that copies come first even if few samples are copies. With T_q the number of
    training images among the first q of D witnesses, the statistic is

        max over q = 16, 32, 64 ... D of  (T_q - q/2) / sd(T_q)

    and its p-value is that of the same maximum when labels are permuted among the 2n references.

    Args:
        samples: Draws of the model, at least 50; of an explicit model, decoder means, which carry no
            pixel noise.
        train: Images that it was trained on, or a random choice of them, at least 50.
        held_out: Images of the same distribution that it never saw, at least 50.
        trained_on: How many images it was trained on, where `train` is a choice of them. It tells which
            share of copies can be found at all.
        num_references: n at most; fewer where a set has fewer.
        flips: Whether a mirror image counts as a copy.
        max_shift: Pixels by which a copy may have moved each way, at a side of at most 64.
        permutations: Permutations of the labels; the smallest p-value is 1 / (permutations + 1).
        seed: Seed of the references' choice and order, and of the permutations.

    Raises:
        ValueError: If a set has fewer than 50 images. `nearest_neighbours` shows pairs at any number.

    Note:
        The p-value holds if training and held-out images were split at random. If they were split by group
        (all pictures of a person on one side), groups with many pictures make it too small. Comparing the
        samples' distances to training images with those of held-out images instead accuses honest models
        whose samples are smoother than images. A model that repeats a handful of training images has few
        witnesses and is not found, nor are copies that changed more than flips, shifts and noise.

    Source:
        The label test is the nearest-neighbour test of Schilling 1986, "Multivariate two-sample tests
        based on nearest neighbors", asked of samples that belong to neither set. The proportion is that
        of Carlini et al. 2023, arXiv:2301.13188, up to the choice of neighbour. Meehan et
        al. 2020, arXiv:2004.05675, compare distances, cell by cell.

    Example:
        >>> generator = torch.Generator().manual_seed(0)
        >>> images = torch.rand(300, 1, 8, 8, generator=generator) * 2 - 1
        >>> measure_memorisation(images[:100] * 0.9, images[:100], images[100:200]).verdict[:22]
        'copies training images'
        >>> measure_memorisation(images[200:] * 0.9, images[:100], images[100:200]).verdict[:18]
        'no sign of copying'
    """
    number = min(len(train), len(held_out), num_references)
    if min(len(samples), number) < FEWEST:
        raise Unmeasurable(
            f"{len(samples)} samples, {len(train)} training and {len(held_out)} held-out images: the test "
            f"for copies needs at least {FEWEST} of each. nearest_neighbours shows the closest pairs at any "
            "number."
        )
    generator = torch.Generator().manual_seed(seed)
    choice = torch.randperm(len(train), generator=generator)[:number]
    unseen = _small(held_out[torch.randperm(len(held_out), generator=generator)[:number]])
    # Mixed, so that a reference's place says nothing of its label where two are equally near.
    order = torch.randperm(2 * number, generator=generator)
    references, trained = torch.cat([_small(train[choice]), unseen])[order], order < number
    found = moved_neighbours(
        _small(samples), references, num_neighbours=NEIGHBOURHOOD, flips=flips, max_shift=max_shift
    )
    named, distances = found.indices[:, 0], found.distances[:, 0]
    witnesses = _witnesses(named, distances / found.distances[:, -1].clamp_min(1e-12))
    testimony = trained[named[witnesses]]
    z, p_value = _test(testimony, number, permutations, seed)
    copied = witnesses[testimony][:PAIRS]
    usual = moved_neighbours(unseen[:USUAL], references[trained], flips=flips, max_shift=max_shift)
    return Memorisation(
        share=_share(named, trained),
        z=z,
        p_value=p_value,
        num_samples=len(samples),
        num_references=number,
        num_witnesses=len(witnesses),
        detectable=SHORTEST * max(len(train), trained_on or 0) / (number * len(samples)),
        samples=copied,
        training_images=choice[order[named[copied]]],
        distances=distances[copied],
        usual_distance=usual.distances.median().item(),
    )


def _small(images: Tensor) -> Tensor:
    """Images of a side of at most 64 pixels."""
    factor = -(-max(images.shape[-2:]) // SIDE)
    return functional.avg_pool2d(images, factor) if factor > 1 else images


def _witnesses(
    named: Int64[Tensor, " samples"], proportion: Float[Tensor, " samples"]
) -> Int64[Tensor, " witnesses"]:
    """One sample for each reference that was named, the one in closest proportion; the closest first."""
    order = proportion.argsort(stable=True).cpu().numpy()
    _, first = np.unique(named.cpu().numpy()[order], return_index=True)
    return torch.from_numpy(order[np.sort(first)]).to(named.device)


def _test(
    testimony: Bool[Tensor, " witnesses"], number: int, permutations: int, seed: int
) -> tuple[float, float]:
    """Z over all witnesses, and the p-value of the greatest z of a prefix."""
    doubled = SHORTEST * 2 ** np.arange(32)
    lengths = np.append(doubled[doubled < len(testimony)], len(testimony))
    # Of a draw of q from 2n without replacement, n of them training images.
    deviation = np.sqrt(lengths / 4 * (2 * number - lengths) / (2 * number - 1)).clip(1e-9)
    measured = testimony.cpu().numpy().cumsum()[lengths - 1]
    rng = np.random.default_rng(seed)
    drawn, counts = np.zeros(permutations, dtype=np.int64), []
    for start, stop in zip([0, *lengths[:-1]], lengths, strict=True):
        drawn = drawn + rng.hypergeometric(number - drawn, number - start + drawn, stop - start)
        counts.append(drawn)
    scores = (measured - lengths / 2) / deviation
    permuted = ((np.stack(counts, axis=1) - lengths / 2) / deviation).max(1)
    p_value = (1 + (permuted >= scores.max() - 1e-9).sum()) / (1 + permutations)
    return float(scores[-1]), float(p_value)


def _share(named: Int64[Tensor, " samples"], trained: Bool[Tensor, " references"]) -> Estimate:
    """Share of samples that name a training image; samples that name one reference count as one draw."""
    weights = named.bincount(minlength=len(trained)).double() / len(named)
    share = (weights * trained).sum()
    return Estimate(share.item(), (weights * (trained.double() - share)).square().sum().sqrt().item())
