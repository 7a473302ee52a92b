"""Bits back: images on a stack of bits, each with latents that are popped off the same stack."""

import hashlib
import math
from collections.abc import Iterator
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from latentia._types import Images
from latentia.distributions import LevelTables, Normal
from latentia.distributions.levels import nearest_level
from latentia.protocols import Decodes, Encodes, require

CELL = 2.0**-10
"""Width of the cells that latents are rounded to; what they cost cancels between posterior and prior."""

FARTHEST = 2**14
"""Cells to each side of 0: latents reach to 16."""

REACH = 7
"""Standard deviations to each side that latents are popped from.

The coder gives every cell that it may pop a probability of at least 2^-24. Over all cells that is 1 draw in
500 from anywhere, and one such draw makes an image cost thousands of bits.
"""


class Chain(NamedTuple):
    """What both directions share: each step of one is undone by the same step of the other, backwards."""

    encoder: Encodes
    decoder: Decodes
    prior: Normal
    stream: Any  # constriction.stream

    @classmethod
    def of(cls, model: nn.Module) -> "Chain":
        """The chain of a model.

        Raises:
            ValueError: If the model cannot have one, or the coder's library is missing.
        """
        encoder = require(model, Encodes, task="compress")
        decoder = require(model, Decodes, task="compress")
        prior = _require_gaussian(decoder.prior(), "prior")
        return cls(encoder, decoder, prior, _constriction().stream)

    def first_words(self) -> np.ndarray:
        """What the stack begins with: more words than the latents of two images can pop."""
        num_words = 2 * self.prior.noise_shape[0] + 4
        # Not by a generator of numbers, whose draws may change with its library's version.
        words = np.frombuffer(hashlib.shake_256(b"latentia").digest(4 * num_words), "<u4")
        return words.astype(np.uint32)

    def levels(self) -> int:
        """How many levels of a pixel the model knows."""
        return _require_tables(self.decoder.decode(self.prior.mean)).levels

    def push(self, coder: Any, images: Images) -> None:
        """Put images on the stack, with latents that are popped off it.

        The next image's latents are popped before this one's are pushed: off bits of pixels, that is, which
        look random. Those of the latents pushed last would repeat their quantiles, and so would not be
        draws from q(z|x) wherever these do not add up to the prior.
        """
        cells = self._pop_posterior(coder, images[:1])
        for index in range(len(images)):
            image, following = images[index : index + 1], images[index + 1 : index + 2]
            self._push_pixels(coder, cells, image)
            next_cells = self._pop_posterior(coder, following) if len(following) else cells
            self._push_prior(coder, cells)
            cells = next_cells

    def pop(self, coder: Any, num_images: int, image_shape: tuple[int, int, int]) -> Images:
        """Take all images off the stack, and put back what their latents were popped from."""
        images = list[Images]()
        cells = self._pop_prior(coder)
        for earlier in reversed(range(num_images)):
            image = self._pop_pixels(coder, cells, image_shape)
            next_cells = self._pop_prior(coder) if earlier else cells
            self._push_posterior(coder, cells, image)
            cells = next_cells
            images.append(image)
        return torch.cat(images[::-1])

    def _pop_posterior(self, coder: Any, image: Images) -> np.ndarray:
        models = self._near(self._posterior(image))
        return np.array([coder.decode(model) for model in models], dtype=np.int32)

    def _push_posterior(self, coder: Any, cells: np.ndarray, image: Images) -> None:
        models = list(self._near(self._posterior(image)))
        for cell, model in zip(cells[::-1].tolist(), models[::-1], strict=True):
            coder.encode_reverse(cell, model)

    def _near(self, posterior: Normal) -> Iterator[Any]:
        """The coder's model of each latent, over the cells around its mean."""
        for mean, std in zip(*_in_cells(posterior), strict=True):
            centre, reach = int(np.clip(mean, -FARTHEST, FARTHEST)), math.ceil(REACH * std)
            low, high = max(centre - reach, -FARTHEST), min(centre + reach, FARTHEST)
            yield self.stream.model.QuantizedGaussian(low, high, mean, std)

    def _pop_prior(self, coder: Any) -> np.ndarray:
        cells: np.ndarray = coder.decode(self._everywhere(), *_in_cells(self.prior))
        return cells

    def _push_prior(self, coder: Any, cells: np.ndarray) -> None:
        coder.encode_reverse(cells, self._everywhere(), *_in_cells(self.prior))

    def _everywhere(self) -> Any:
        return self.stream.model.QuantizedGaussian(-FARTHEST, FARTHEST)

    def _push_pixels(self, coder: Any, cells: np.ndarray, image: Images) -> None:
        pixels = self._pixels(cells)
        level = nearest_level(image, pixels.levels).to(torch.int32).cpu().numpy()
        for channel in reversed(range(image.shape[1])):
            table = _table(pixels, image[:, :channel])
            coder.encode_reverse(level[0, channel].ravel(), self._categorical(), table)

    def _pop_pixels(self, coder: Any, cells: np.ndarray, image_shape: tuple[int, int, int]) -> Images:
        channels, height, width = image_shape
        image = self.prior.mean.new_zeros(1, 0, height, width)
        pixels = self._pixels(cells)
        for _ in range(channels):
            level = torch.from_numpy(coder.decode(self._categorical(), _table(pixels, image)))
            values = stored_value(level.to(image), pixels.levels).view(1, 1, height, width)
            image = torch.cat([image, values], dim=1)
        return image

    def _posterior(self, image: Images) -> Normal:
        posterior = self.encoder.encode(_laid_out(image))
        return _require_gaussian(posterior, "posterior")

    def _pixels(self, cells: np.ndarray) -> LevelTables:
        latents = torch.from_numpy(cells).to(self.prior.mean).unsqueeze(0) * CELL
        return _require_tables(self.decoder.decode(latents))

    def _categorical(self) -> Any:
        return self.stream.model.Categorical(perfect=False)


def _in_cells(normal: Normal) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each latent of one image, in cells."""
    mean, std = normal.mean[0].double(), normal.log_std.expand_as(normal.mean)[0].double().exp()
    if not (mean.isfinite() & std.isfinite()).all():
        raise ValueError("The model's latents of an image are not finite numbers; train it anew.")
    return (mean / CELL).cpu().numpy(), (std / CELL).cpu().numpy()


def _laid_out(image: Images) -> Images:
    """The image in the usual order in memory, on which the last bits of sums depend."""
    return image.clone(memory_format=torch.contiguous_format)


def _table(pixels: LevelTables, earlier: Images) -> np.ndarray:
    """Probabilities of all levels, a row for each pixel of one channel of one image."""
    table = pixels.level_log_probs(_laid_out(earlier))[0].flatten(0, 1).exp().cpu()
    return table.contiguous().numpy()  # the coder reads rows as they lie in memory


def _require_gaussian(found: object, what: str) -> Normal:
    if isinstance(found, Normal):
        return found
    raise ValueError(
        f"Compression needs latents with a Gaussian prior and a Gaussian posterior, and this model's {what} "
        f"is {type(found).__name__}. Recipes such as vae.beta, vae.sigma, vae.logistic and vae.importance "
        f"have both."
    )


def _require_tables(pixels: object) -> LevelTables:
    if isinstance(pixels, LevelTables):
        return pixels
    raise ValueError(
        f"Compression needs probabilities of stored levels, and this model's likelihood is "
        f"{type(pixels).__name__}, a density of continuous values."
    )


def stored_value(level: Tensor, levels: int) -> Tensor:
    """The value of a level, rounded as the store of images rounds it."""
    return 2 * level / (levels - 1) - 1


def _constriction() -> Any:
    try:
        return import_module("constriction")
    except ImportError:
        raise ValueError(
            "Compression needs the library `constriction`, which is not installed. "
            "Install it with: pip install 'latentia[compress]'"
        ) from None
