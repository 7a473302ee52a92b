"""Draws of classes, which are judged one by one: what is kept, and an account of what is not."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn
from tqdm import tqdm

from latentia._types import Images
from latentia.data.pictures import to_pixels
from latentia.metrics.classifier import Examples, classify
from latentia.metrics.copies import CopyTest
from latentia.metrics.feature_cache import key_of

AT_ONCE = 100
"""Draws of a class that are made in one go; which image a seed gives depends on it."""
MOST_TRIES = 10
"""Draws for each image that is wanted, after which a class is given up."""


@dataclass(frozen=True, slots=True)
class Synthesised:
    """Images of classes that were asked for, and where each comes from.

    Attributes:
        images: What was kept: values in [-1, 1], as 8-bit pixels hold them.
        classes: The class that the model was told.
        draws: Which draw of its class each is, from 0: the same seed draws them again.
        agreement: Probability that a classifier of the training images gives the class; 1 where none was
            asked.
        nearest: Position of the nearest training image; -1 where none was looked for.
        distance: Root-mean-square difference of pixel values from it, moved by a pixel at most; NaN where
            none was looked for.
        wanted: By class, how many were asked for.
        drawn: By class, how many were drawn.
        doubted: By class, how many a classifier took for another class, or was not sure of.
        copied: By class, how many others were copies of training images.
        seed: Seed of the draws.
    """

    images: Images
    classes: Int64[Tensor, " images"]
    draws: Int64[Tensor, " images"]
    agreement: Float[Tensor, " images"]
    nearest: Int64[Tensor, " images"]
    distance: Float[Tensor, " images"]
    wanted: tuple[int, ...]
    drawn: tuple[int, ...]
    doubted: tuple[int, ...]
    copied: tuple[int, ...]
    seed: int

    def __len__(self) -> int:
        return len(self.images)

    @property
    def kept(self) -> tuple[int, ...]:
        """By class, how many there are."""
        return tuple(self.classes.bincount(minlength=len(self.wanted)).tolist())

    @property
    def examples(self) -> Examples:
        """As a classifier learns from them."""
        return Examples.of(self.images, self.classes)


Make = Callable[[int, int, torch.Generator], Images]
"""Makes images of a class: which, how many, from what randomness."""


class Stream:
    """Draws of one class, in order, as 8-bit pixels hold them.

    Args:
        make: Makes them.
        index: The class.
        seed: Seed of all classes. Each has one of its own, so that its images do not depend on how many
            others were made.
        device: Where randomness is made.

    Attributes:
        drawn: How many there were so far.
    """

    def __init__(self, make: Make, index: int, seed: int, device: torch.device | str = "cpu") -> None:
        self._make, self._index = make, index
        self._generator = torch.Generator(device).manual_seed(int(key_of(seed, index)[:15], 16))
        self.drawn = 0

    @torch.no_grad()
    def draw(self, number: int) -> Images:
        """The next images: so many, rounded up to hundreds."""
        parts = [self._make(self._index, AT_ONCE, self._generator) for _ in range(-(-number // AT_ONCE))]
        self.drawn += AT_ONCE * len(parts)
        return to_pixels(torch.cat(parts)).float() / 127.5 - 1


@dataclass(frozen=True, slots=True)
class Lot:
    """Draws that were judged; of those that were doubted or copied, the images are let go."""

    images: Images
    classes: Int64[Tensor, " draws"]
    draws: Int64[Tensor, " draws"]
    agreement: Float[Tensor, " draws"]
    nearest: Int64[Tensor, " draws"]
    distance: Float[Tensor, " draws"]
    doubted: Bool[Tensor, " draws"]
    copied: Bool[Tensor, " draws"]


def draw_lots(
    streams: Sequence[Stream],
    wanted: Sequence[int],
    judge: nn.Module | None,
    agreement: float,
    test: CopyTest | None,
    progress: bool,
) -> list[Lot]:
    """Draws of every class, until there are enough good ones or too many were in vain."""
    lots, kept = list[Lot](), torch.zeros(len(wanted), dtype=torch.int64)
    bar = tqdm(total=sum(wanted), desc="keeping images", disable=not progress, leave=False)
    while True:
        asked = [_to_draw(*row) for row in zip(streams, wanted, kept.tolist(), strict=True)]
        if not any(asked):
            bar.close()
            return lots
        for index, number in enumerate(asked):
            if number:
                first = streams[index].drawn
                lots.append(_judged(streams[index].draw(number), index, first, judge, agreement, test))
        goods = [lot.classes[~(lot.doubted | lot.copied)] for lot in lots]
        kept = torch.cat(goods).bincount(minlength=len(wanted))
        bar.update(min(sum(wanted), int(kept.sum())) - bar.n)


def _to_draw(stream: Stream, wanted: int, kept: int) -> int:
    """How many more draws of a class to make, by how many of those before were good."""
    left = MOST_TRIES * max(wanted, AT_ONCE) - stream.drawn
    missing = max(0, wanted - kept)
    likely = max(kept / stream.drawn, 1 / MOST_TRIES) if stream.drawn else 1.0
    return min(left, round(missing / likely)) if left > 0 else 0


def _judged(
    images: Images, index: int, first: int, judge: nn.Module | None, agreement: float, test: CopyTest | None
) -> Lot:
    """Draws of a class, with what a classifier says of them, and their nearest training images."""
    number = len(images)
    classes = torch.full((number,), index)
    answers = torch.ones(number)
    if judge is not None:
        answers = classify(judge, Examples.of(images, classes))[:, index]
    doubted = answers < agreement
    nearest, distance = torch.full((number,), -1), torch.full((number,), torch.nan)
    copied = torch.zeros(number, dtype=torch.bool)
    if test is not None and not doubted.all():
        found = test.nearest(images[~doubted])
        nearest[~doubted], distance[~doubted] = found.indices[:, 0], found.distances[:, 0]
        copied[~doubted] = test.copies(found)
    draws = torch.arange(first, first + number)
    return Lot(images[~(doubted | copied)], classes, draws, answers, nearest, distance, doubted, copied)


def keep_good(lots: Sequence[Lot], wanted: tuple[int, ...], seed: int) -> Synthesised:
    """The first good draws of each class, as many as were wanted; and what was refused before the last."""
    whole = {name: torch.cat([getattr(lot, name) for lot in lots]) for name in Lot.__slots__}
    images, classes, draws = whole.pop("images"), whole.pop("classes"), whole.pop("draws")
    doubted, copied = whole.pop("doubted"), whole.pop("copied")
    good = ~(doubted | copied)
    place = good.cumsum(0) - 1  # of the image of each good draw
    rows, counts = [], []
    for index, number in enumerate(wanted):
        own = (classes == index).nonzero().squeeze(1)
        first = own[good[own]][:number]
        rows.append(first)
        judged = own if len(first) < number or not number else own[draws[own] <= draws[first].max()]
        counts.append((len(judged), int(doubted[judged].sum()), int(copied[judged].sum())))
    chosen = torch.cat(rows)
    drawn, refused, copies = zip(*counts, strict=True)
    numbers = {name: column[chosen] for name, column in whole.items()}
    return Synthesised(
        images=images[place[chosen]],
        classes=classes[chosen],
        draws=draws[chosen],
        wanted=wanted,
        drawn=drawn,
        doubted=refused,
        copied=copies,
        seed=seed,
        **numbers,
    )
