"""The endless order in which training sees its images."""

import numpy as np
import torch
from jaxtyping import Int64
from torch import Tensor


class Order:
    """An endless, resumable shuffle: what stands at a position depends on the seed alone.

    Every epoch is a fresh permutation of all images. A batch may span epochs, so no image is dropped
    and a run of N images is the same run however it was interrupted.

    Args:
        num_images: Images to order, at least 1.
        seed: Any whole number from 0.

    Raises:
        ValueError: If there are no images, or the seed is negative.

    >>> order = Order(num_images=4, seed=0)
    >>> order.at(0, 4).sort().values
    tensor([0, 1, 2, 3])
    >>> torch.equal(order.at(3, 3), order.at(0, 6)[3:])
    True
    """

    def __init__(self, num_images: int, seed: int) -> None:
        if num_images < 1:
            raise ValueError(f"got {num_images} images to order, expected at least 1.")
        if seed < 0:
            raise ValueError(f"the seed is {seed}, expected a whole number from 0.")
        self.num_images = num_images
        self.seed = seed
        self._kept: dict[int, Int64[Tensor, images]] = {}

    def at(self, position: int, count: int) -> Int64[Tensor, "count"]:
        """Indices of the images at positions `position` to `position + count - 1`.

        Args:
            position: Images drawn before, from 0.
            count: How many to draw.

        Returns:
            Indices between 0 and `num_images - 1`.
        """
        pieces, end = [torch.empty(0, dtype=torch.int64)], position + count
        while position < end:
            epoch, start = divmod(position, self.num_images)
            taken = min(self.num_images - start, end - position)
            pieces.append(self._epoch(epoch)[start : start + taken])
            position += taken
        return torch.cat(pieces)

    def _epoch(self, epoch: int) -> Int64[Tensor, "images"]:
        """The permutation of an epoch; the last two asked for are kept."""
        if epoch not in self._kept:
            if len(self._kept) == 2:
                del self._kept[next(iter(self._kept))]
            shuffled = np.random.default_rng([self.seed, epoch]).permutation(self.num_images)
            self._kept[epoch] = torch.from_numpy(shuffled)
        return self._kept[epoch]
