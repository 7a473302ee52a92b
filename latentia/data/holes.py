"""Holes in images: boxes, brush strokes and lost pixels, drawn from noise."""

from dataclasses import dataclass
from typing import Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor

from latentia._types import Images, Known, Measured
from latentia.data.degradation import Degradation, Noise, measured, seen, stored, uniform

Hole = Literal["box", "brush", "pixels", "any"]

STROKES = 5
"""Straight strokes of a brush without lifting it."""


@dataclass(frozen=True, slots=True)
class Hidden(Degradation):
    """Parts of images that are gone, elsewhere in every image.

    Attributes:
        hole: `box` hides a rectangle, `brush` five strokes without lifting it, `pixels` single pixels; `any`
            one of the three.
        side: Longest side of a box in pixels; a stroke is up to a quarter as wide.
        least_side: Shortest side; without it half of `side`. With both the same all boxes are.
        share: Largest share of pixels lost, where single ones are; each image has its own, from half of it.
    """

    hole: Hole = "box"
    side: int = 16
    least_side: int | None = None
    share: float = 0.75

    def again(self, images: Images) -> Images:
        return images

    def measure(self, images: Images, noise: Noise) -> Measured:
        return measured(stored(images), self.known(images, noise))

    def first_guess(self, measured: Measured) -> Images:
        """What is known, and its mean elsewhere."""
        pixels, known = seen(measured)
        mean = pixels.sum((2, 3), keepdim=True) / known.sum((2, 3), keepdim=True).clamp_min(1)
        return pixels + (1 - known) * mean

    def lean(self, answers: Images, measured: Measured) -> Images:
        pixels, known = seen(measured)
        return pixels + (1 - known) * answers

    def known(self, images: Images, noise: Noise) -> Known:
        """Where images stay known."""
        if self.hole != "any":
            return _HOLES[self.hole](self, images, noise)
        kinds = [draw(self, images, noise) for draw in _HOLES.values()]
        which = (uniform(noise, 1, 1, 1) * len(kinds)).long()
        return torch.where(which == 0, kinds[0], torch.where(which == 1, kinds[1], kinds[2]))


def _box(hidden: Hidden, images: Images, noise: Noise) -> Known:
    """All but a rectangle that lies wholly in the image."""
    sides = torch.tensor(images.shape[2:], device=images.device)
    least = hidden.side // 2 if hidden.least_side is None else hidden.least_side
    chance, place = uniform(noise, 2), uniform(noise, 2)
    extents = least + (chance * (hidden.side - least + 1)).floor().clamp(max=hidden.side - least)
    extents = extents.clamp(min=1).minimum(sides)
    starts = (place * (sides - extents + 1)).floor().minimum(sides - extents)
    rows, columns = (
        (torch.arange(int(side), device=images.device) >= start[:, None])
        & (torch.arange(int(side), device=images.device) < (start + extent)[:, None])
        for side, start, extent in zip(sides, starts.T, extents.T, strict=True)
    )
    return 1 - (rows[:, None, :, None] & columns[:, None, None, :]).to(images)


def _brush(hidden: Hidden, images: Images, noise: Noise) -> Known:
    """All but what lies near to a walk of straight strokes."""
    height, width = images.shape[2:]
    scale = torch.tensor([height, width], device=images.device) * 1.0
    walk = uniform(noise, 1, 2) * scale + 1.5 * hidden.side * noise(STROKES + 1, 2).cumsum(1) / STROKES
    corners = walk % scale
    radii = (hidden.side / 8) * (0.5 + 0.5 * uniform(noise, 1, 1))
    down, right = torch.arange(height, device=images.device), torch.arange(width, device=images.device)
    places = torch.stack(torch.meshgrid(down, right, indexing="ij"), -1).reshape(-1, 2) + 0.5
    near = [
        _distance(places, corners[:, stroke], corners[:, stroke + 1]) < radii[:, 0]
        for stroke in range(STROKES)
    ]
    hit = torch.stack(near).any(0).reshape(-1, 1, height, width)
    return 1 - hit.to(images)


def _pixels(hidden: Hidden, images: Images, noise: Noise) -> Known:
    """All but single pixels."""
    shares = hidden.share * (0.5 + 0.5 * uniform(noise, 1, 1, 1))
    return (uniform(noise, 1, *images.shape[2:]) >= shares).to(images)


def _distance(
    places: Float[Tensor, "places 2"], start: Float[Tensor, "batch 2"], end: Float[Tensor, "batch 2"]
) -> Float[Tensor, "batch places"]:
    """From places to the straight line between two points."""
    way = (end - start)[:, None]
    along = ((places - start[:, None]) * way).sum(2) / way.square().sum(2).clamp_min(1e-6)
    return (places - start[:, None] - along.clamp(0, 1)[..., None] * way).norm(dim=2)


_HOLES = {"box": _box, "brush": _brush, "pixels": _pixels}
assert set(_HOLES) | {"any"} == set(get_args(Hole))
