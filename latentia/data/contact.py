"""A contact sheet: many images of a store in one picture."""

import torch
from PIL import Image

from latentia.data.pictures import grid
from latentia.data.store import ImageStore, Split

_COLUMNS = 12
_MOST_ROWS = 12


def contact_sheet(store: ImageStore, *, columns: int = _COLUMNS) -> Image.Image:
    """Images from the training split, evenly spread; rows of one class each where there are up to 12.

    Args:
        store: Where to take images from.
        columns: Images in a row.
    """
    train = store.split("train")
    chosen = _by_class(train, columns) if 2 <= len(store.facts.classes) <= _MOST_ROWS else None
    if chosen is None:
        number = min(len(train), columns * min(_MOST_ROWS, columns))
        chosen = _spread(torch.arange(len(train)), number)
    return grid(train.images(chosen), columns=columns)


def _by_class(train: Split, columns: int) -> torch.Tensor | None:
    """Equally many rows of each class, or None where a class has too few images for one."""
    classes = train.classes(slice(None))
    assert classes is not None, "a store with names of classes has classes"
    members = [torch.nonzero(classes == c).flatten() for c in classes.unique()]
    fewest = min(map(len, members)) // columns
    each = columns * min(fewest, max(1, _MOST_ROWS // len(members)))
    return torch.cat([_spread(rows, each) for rows in members]) if each else None


def _spread(rows: torch.Tensor, number: int) -> torch.Tensor:
    """So many of the rows, evenly spread from the first to the last."""
    return rows[torch.linspace(0, len(rows) - 1, number).round().long()]
