"""Which images are for training, for validation and for testing: decided once, from content alone."""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from latentia.data.contents import SPLITS

TRAIN, VALIDATION, TEST = range(3)
SHARE = {"train": 0.8, "validation": 0.1, "test": 0.1}
"""What a split that is made here gives to each part, on average."""


def by_group(groups: Sequence[bytes | str], shares: Mapping[str, float] = SHARE) -> np.ndarray:
    """Split images such that a group, say all copies of one picture, stands on one side.

    Each group has a place between 0 and 1, the SHA-256 of its name, and the parts cut that line. So the
    side of a group does not depend on the others; only where a part would be empty, the cut moves just
    so far that it holds one group.

    Args:
        groups: The group of each image.
        shares: Share of each part, in order; they add to 1.

    Returns:
        (images,) uint8: positions in `SPLITS`.

    Raises:
        ValueError: If there are fewer groups than parts.
    """
    ranked = sorted((hashlib.sha256(_as_bytes(group)).digest(), group) for group in set(groups))
    if len(ranked) < len(shares):
        raise ValueError(
            f"only {len(ranked)} distinct image(s) or folder(s) to split into {', '.join(shares)}. Add "
            "others, or choose another --split."
        )
    places = np.array([int.from_bytes(digest[:8], "big") / 2**64 for digest, _ in ranked])
    cuts = np.searchsorted(places, np.cumsum(list(shares.values()))[:-1])
    for part in range(len(cuts)):  # at least one group before each cut, and after the last one
        before = cuts[part - 1] if part else 0
        cuts[part] = np.clip(cuts[part], before + 1, len(ranked) - (len(cuts) - part))
    parts = np.searchsorted(cuts, np.arange(len(ranked)), side="right")
    part_of = {
        group: SPLITS.index(list(shares)[part]) for (_, group), part in zip(ranked, parts, strict=True)
    }
    return np.array([part_of[group] for group in groups], dtype=np.uint8)


def published(splits: Sequence[str], contents: Sequence[bytes]) -> tuple[np.ndarray, list[str]]:
    """The published split, with the parts that it lacks taken from its training part by content.

    Args:
        splits: Published split of each image.
        contents: SHA-256 of each image's pixels.

    Returns:
        (images,) uint8: positions in `SPLITS`; and what there is to say.

    Raises:
        ValueError: If there is nothing to train on.
    """
    split = np.array([SPLITS.index(name) for name in splits], dtype=np.uint8)
    missing = [name for name in SPLITS if name not in splits]
    if "train" in missing:
        raise ValueError("the published split has no images to train on. Use --split hash.")
    if not missing:
        return split, []
    shares = {"train": 1 - 0.1 * len(missing), **dict.fromkeys(missing, 0.1)}
    rows = np.flatnonzero(split == TRAIN).tolist()
    split[rows] = by_group([contents[row] for row in rows], shares)
    return split, [f"The publisher has no {' and no '.join(missing)} part: 10 % of train each, by content."]


def duplicates(contents: Sequence[bytes], split: np.ndarray) -> dict[str, int]:
    """How many images have exact copies, and how many of them stand on both sides.

    Returns:
        `groups` of equal images; `images` in them; `test_in_train`, test images that also stand in train.
    """
    repeated = [number for number in Counter(contents).values() if number > 1]
    trained = {content for content, part in zip(contents, split, strict=True) if part == TRAIN}
    crossing = sum(part == TEST and content in trained for content, part in zip(contents, split, strict=True))
    return {"groups": len(repeated), "images": sum(repeated), "test_in_train": int(crossing)}


def _as_bytes(group: bytes | str) -> bytes:
    return group.encode(errors="surrogateescape") if isinstance(group, str) else group
