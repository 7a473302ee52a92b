"""Is this one image a copy of a training image? A question of each sample by itself."""

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from latentia._types import Images
from latentia.data import Split
from latentia.metrics.estimate import Unmeasurable
from latentia.metrics.neighbours import MovedNeighbours, moved_neighbours

NEIGHBOURHOOD = 10  # the distance to so many neighbours tells whether the nearest is unusually near
FEWEST_UNSEEN = 50
MOST_UNSEEN = 500  # held-out images that tell what is usual
READ = 2000  # training images in memory at a time


class CopyTest:
    """Finds samples that lie nearer to one training image than nearly all unseen images do.

    The nearness of an image is its distance to the nearest training image, in proportion to that of the
    tenth nearest. The proportion is the same for sharp images and blurred ones, which lie nearer to
    everything. A sample is called a copy where its nearness is below that of all but `usual` of held-out
    images.

    Args:
        train: Training images.
        held_out: Images of the same distribution that the model never saw, at least 50; 500 are looked at.
        usual: Share of held-out images that would be called copies, above 0 and below 1.
        flips: Whether a mirror image counts as a copy.
        max_shift: Pixels by which a copy may have moved each way.

    Attributes:
        limit: Nearness below which a sample is a copy.

    Raises:
        ValueError: If there are too few images.

    Note:
        Of honest samples about as many are called copies as of held-out images. Whether a model copies at
        all is asked of many samples at once, by `measure_memorisation`.

    Source:
        The proportion is that of Carlini et al. 2023, arXiv:2301.13188, section 4.2, up to the choice of
        neighbours; here its limit is read off held-out images.
    """

    def __init__(
        self,
        train: Split,
        held_out: Split,
        *,
        usual: float = 0.01,
        flips: bool = False,
        max_shift: int = 1,
    ) -> None:
        if not 0 < usual < 1:
            raise ValueError(f"usual is {usual}; it is a share of held-out images above 0 and below 1.")
        if len(train) <= NEIGHBOURHOOD or len(held_out) < FEWEST_UNSEEN:
            raise Unmeasurable(
                f"{len(train)} training and {len(held_out)} held-out images: to tell copies, more than "
                f"{NEIGHBOURHOOD} and at least {FEWEST_UNSEEN} are needed. Add images, or leave copies alone."
            )
        self._train = train
        self._flips, self._shift = flips, max_shift
        choice = torch.randperm(len(held_out), generator=torch.Generator().manual_seed(0))[:MOST_UNSEEN]
        self.limit = _nearness(self.nearest(held_out.images(choice))).quantile(usual).item()

    def nearest(self, images: Images) -> MovedNeighbours:
        """The ten nearest training images of each image, and how far they are."""
        found: MovedNeighbours | None = None
        for start in range(0, len(self._train), READ):
            some = moved_neighbours(
                images,
                self._train.images(slice(start, start + READ)),
                num_neighbours=NEIGHBOURHOOD,
                flips=self._flips,
                max_shift=self._shift,
            )
            some = MovedNeighbours(some.indices + start, some.distances)
            found = some if found is None else _nearer(found, some)
        assert found is not None
        return found

    def copies(self, neighbours: MovedNeighbours) -> Bool[Tensor, " images"]:
        """Which images are copies, by their neighbours."""
        return _nearness(neighbours) < self.limit


def _nearness(neighbours: MovedNeighbours) -> Float[Tensor, " images"]:
    return neighbours.distances[:, 0] / neighbours.distances[:, -1].clamp_min(1e-12)


def _nearer(one: MovedNeighbours, other: MovedNeighbours) -> MovedNeighbours:
    """The ten nearest of both."""
    distances = torch.cat([one.distances, other.distances], dim=1)
    indices: Int64[Tensor, "images both"] = torch.cat([one.indices, other.indices], dim=1)
    kept, places = distances.topk(min(NEIGHBOURHOOD, distances.shape[1]), largest=False)
    return MovedNeighbours(indices.gather(1, places), kept)
