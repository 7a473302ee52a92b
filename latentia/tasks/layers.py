"""Features: what named layers of a model make of images, pooled to a grid and laid side by side."""

import difflib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm

from latentia._types import Images
from latentia.data import Split
from latentia.protocols import VERBS, Describes, Encodes
from latentia.tasks.draw import AT_ONCE, is_conditional

Features = Float[Tensor, "images features"]

LATENTS = "latents"
MOST_GIGABYTES = 8.0
"""What features of one part of the data may take in memory."""


class FeatureReader:
    """Reads features of images off named layers of a model.

    Layers are `critic.0`, `critic.1` ... from the image on, the maps of an encoder under the names that
    `named_modules` gives them, and `latents`, the mean of q(z|x). Of a map the maximum of each cell of a
    grid is taken; what all layers then hold is laid side by side.

    Args:
        model: One that has a critic or an encoder, and is told nothing of images.
        layers: Names; any module that critic or encoder calls may be named. Without names, every level of
            the critic, the encoder's last map at each resolution, and the latents.
        grid: Cells a side, at least 1; a smaller map keeps its own.

    Attributes:
        names: The layers that are read.
        widths: How many features each of them gives.

    Raises:
        ValueError: If the model has neither, is conditional, or has no layer of a name.

    Source:
        Radford et al. 2016 (arXiv:1511.06434), section 5.1: features of all convolutional layers of the
        discriminator, each max-pooled to a 4 x 4 grid, flattened and concatenated.
    """

    def __init__(self, model: nn.Module, layers: Sequence[str] | None = None, *, grid: int = 4) -> None:
        _check(model, grid)
        self.model, self.grid = model, grid
        shown = torch.zeros(1, *_image_shape(model), device=next(model.parameters()).device)
        was_training = model.training
        with torch.no_grad(), _hooked(model.eval(), None) as of_critic:
            levels = _critic_levels(model, shown)
        with torch.no_grad(), _hooked(model, None) as of_encoder:
            latents = _latents(model, shown)
        model.train(was_training)
        self._usual = (*levels, *_encoder_layers(model, of_encoder), *latents)
        self.names = tuple(layers or self._usual)
        seen = of_critic | of_encoder | levels | latents
        self._check_names([*seen])
        self.widths = tuple(pooled(seen[name], grid).shape[1] for name in self.names)

    def activations(self, images: Images) -> dict[str, Tensor]:
        """What each layer makes of images, unpooled and with gradient."""
        with _hooked(self.model, set(self.names)) as seen:
            found = _critic_levels(self.model, images) | _latents(self.model, images)
        return {name: (seen | found)[name] for name in self.names}

    @property
    def deepest(self) -> str:
        """The last layer that is read and is not the latents, or these where nothing else is."""
        maps = [name for name in self.names if name != LATENTS]
        return maps[-1] if maps else LATENTS

    @torch.no_grad()
    def __call__(self, images: Images) -> Features:
        """Features of images, in portions.

        Raises:
            ValueError: If the model is in training mode, where features depend on the batch.
        """
        if self.model.training:
            raise ValueError(
                "The model is in training mode, where features depend on the batch. Call model.eval()."
            )
        return torch.cat([self._pooled(part) for part in images.split(AT_ONCE)])

    def of(self, split: Split, *, progress: bool = False) -> Features:
        """Features of all images of a part of the data, on the processor.

        Raises:
            ValueError: If they take more memory than is sensible.
        """
        size = (len(split), sum(self.widths))
        gigabytes = 4 * size[0] * size[1] / 1e9
        if gigabytes > MOST_GIGABYTES:
            raise ValueError(
                f"{size[1]:,} features of {size[0]:,} images take {gigabytes:.1f} GB. Name fewer layers "
                f"({', '.join(self.names)}), or a smaller grid than {self.grid}."
            )
        found, device = torch.empty(size), next(self.model.parameters()).device
        starts = range(0, len(split), AT_ONCE)
        for start in tqdm(starts, desc="features", unit=" batches", leave=False, disable=not progress):
            rows = slice(start, start + AT_ONCE)
            found[rows] = self(split.images(rows).to(device)).cpu()
        return found

    def _pooled(self, images: Images) -> Features:
        return torch.cat([pooled(found, self.grid) for found in self.activations(images).values()], dim=1)

    def _check_names(self, known: list[str]) -> None:
        for name in self.names:
            if name not in known:
                near = difflib.get_close_matches(name, known, n=3, cutoff=0.6)
                hint = f"Did you mean {' or '.join(near)}?" if near else f"Usual: {', '.join(self._usual)}."
                raise ValueError(f"There is no layer {name!r} that is run on images. {hint}")


def layer_names(model: nn.Module) -> tuple[str, ...]:
    """Names of the layers that features are read off where none are named: see `FeatureReader`.

    Raises:
        ValueError: If the model has neither critic nor encoder, or is conditional.
    """
    return FeatureReader(model).names


def pooled(activation: Tensor, grid: int) -> Features:
    """The maximum of each cell of a map, flat; what is no map, as it is.

    >>> pooled(torch.arange(16.0).reshape(1, 1, 4, 4), 2).tolist()
    [[5.0, 7.0, 13.0, 15.0]]
    """
    if activation.dim() < 4:
        return activation.flatten(1)
    cells = [min(grid, side) for side in activation.shape[2:]]
    return functional.adaptive_max_pool2d(activation, cells).flatten(1)


def _critic_levels(model: nn.Module, images: Images) -> dict[str, Tensor]:
    if not isinstance(model, Describes):
        return {}
    return {f"critic.{number}": level for number, level in enumerate(model.features(images))}


def _latents(model: nn.Module, images: Images) -> dict[str, Tensor]:
    return {LATENTS: model.encode(images).mean.flatten(1)} if isinstance(model, Encodes) else {}


@contextmanager
def _hooked(model: nn.Module, names: set[str] | None) -> Iterator[dict[str, Tensor]]:
    """Keeps what modules return, in the order in which they do; of all modules without names."""
    seen = dict[str, Tensor]()

    def keep(name: str) -> Any:
        def hook(module: nn.Module, inputs: Any, output: Any) -> None:
            if isinstance(output, Tensor) and output.dim() > 1 and output.is_floating_point():
                seen.pop(name, None)  # a module that runs twice stands where it ran last
                seen[name] = output

        return hook

    handles = [
        module.register_forward_hook(keep(name))
        for name, module in model.named_modules()
        if name and "parametrizations" not in name and (names is None or name in names)
    ]
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()


def _encoder_layers(model: nn.Module, seen: dict[str, Tensor]) -> list[str]:
    """Of what an encoder's modules returned, the last map at each resolution.

    Of an encoder without maps, every flat layer that is not linear in the one before.
    """
    maps = {value.shape[2:]: value for value in seen.values() if value.dim() == 4 and len(value) == 1}
    if maps:
        return [_innermost(seen, value) for value in maps.values()]
    linear = {name for name, module in model.named_modules() if isinstance(module, nn.Linear)}
    flat = [value for name, value in seen.items() if value.dim() == 2 and name not in linear]
    return list(dict.fromkeys(name for value in flat if (name := _innermost(seen, value)) not in linear))


def _innermost(seen: dict[str, Tensor], value: Tensor) -> str:
    """The module that returned something first: those around it return the same."""
    where = value.data_ptr(), value.shape
    return next(name for name, other in seen.items() if (other.data_ptr(), other.shape) == where)


def _image_shape(model: nn.Module) -> tuple[int, ...]:
    shape: tuple[int, ...] = model.image_shape  # type: ignore[assignment]
    return shape


def _check(model: nn.Module, grid: int) -> None:
    if grid < 1:
        raise ValueError(f"A grid has at least 1 cell a side, got {grid}.")
    if not isinstance(model, Describes | Encodes):
        raise ValueError(
            f"Features need a model that can {VERBS[Describes]}, or {VERBS[Encodes]}, and "
            f"{type(model).__name__} can do neither. `latentia recipes` lists what each recipe can do."
        )
    if is_conditional(model):
        raise ValueError(
            "This model is told the class or the attributes of every image, so its features would know the "
            "labels that are to be learned from them. Train one that is told nothing (`gan.hinge`, "
            "`vae.gaussian`)."
        )
