"""Maps of a latent space: where images lie in it, on two axes."""

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from latentia._types import Images, Latents

Cells = Float[Tensor, "cells channels height width"]
MapMethod = Literal["pca", "umap"]


@dataclass(frozen=True, slots=True)
class Layout:
    """Where images lie on a map.

    Attributes:
        places: Across and up, from 0 to 1.
        caption: What near and far mean here.
    """

    places: Float[Tensor, "images 2"]
    caption: str


def lay_out(latents: Latents, method: MapMethod = "pca", *, seed: int = 0) -> Layout:
    """Latents of images on two axes.

    Args:
        latents: At least 3.
        method: `pca` projects onto the two directions in which latents vary most: distances are real, and
            what lies behind is not seen. `umap` keeps neighbours together: clusters are seen, and distances
            between them, as their sizes, mean little.
        seed: Of UMAP.

    Raises:
        ValueError: If there are too few latents, or UMAP is not installed.

    Source:
        McInnes et al. 2018 (arXiv:1802.03426), through the library umap-learn.
    """
    if len(latents) < 3:
        raise ValueError(f"Got latents of {len(latents)} images; a map shows at least 3.")
    if method == "umap":
        return Layout(
            _to_unit(_umap(latents, seed)), "UMAP: near each other on the map, near in latent space"
        )
    centred = (latents - latents.mean(0)).double()
    _, strengths, axes = torch.linalg.svd(centred, full_matrices=False)
    places = torch.nn.functional.pad(centred @ axes[:2].T, (0, 2 - min(2, len(axes)))).to(latents)
    share = strengths[:2].square().sum() / strengths.square().sum().clamp_min(1e-30)
    return Layout(
        _to_unit(places),
        f"two principal components: {share:.0%} of the variance of {latents.shape[1]} latents",
    )


def thumbnails(layout: Layout, images: Images, columns: int = 32) -> Cells:
    """A map as a picture: in each cell of a square grid one of the images that lie there, else white.

    Args:
        layout: Where images lie.
        images: The same images.
        columns: Cells across, and down.

    Returns:
        `columns` squared images, row by row from the top left; each is the one nearest to its cell's middle.
    """
    place = layout.places * columns
    cells = place.long().clamp(max=columns - 1)
    off = (place - cells - 0.5).square().sum(1)
    index = (columns - 1 - cells[:, 1]) * columns + cells[:, 0]
    picture = torch.ones(columns**2, *images.shape[1:])
    farthest_first = off.argsort(descending=True)
    for image in farthest_first.tolist():  # the nearest is laid down last
        picture[index[image]] = images[image]
    return picture


def _umap(latents: Latents, seed: int) -> Float[Tensor, "images 2"]:
    try:
        from umap import UMAP
    except ImportError as error:
        raise ValueError(
            "UMAP needs the library umap-learn: pip install 'latentia[umap]'. Without it, take --method pca."
        ) from error
    places = UMAP(n_components=2, random_state=seed, n_jobs=1).fit_transform(latents.cpu().numpy())
    return torch.from_numpy(places)


def _to_unit(places: Float[Tensor, "images 2"]) -> Float[Tensor, "images 2"]:
    """Into the unit square, by one scale for both axes, the middle in the middle."""
    low, high = places.amin(0), places.amax(0)
    scale = (high - low).max().clamp_min(1e-12)
    return (0.5 + (places - (low + high) / 2) / scale).clamp(0, 1)
