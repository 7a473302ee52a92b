"""A first look at all items of a source, and the form that their images will have."""

from collections import Counter
from dataclasses import dataclass, field

from latentia.data.contents import Contents
from latentia.data.decoding import Frame, look
from latentia.data.facts import SMALLEST_SIDE, Preparation, is_side
from latentia.data.parallel import Refused, in_order

FEWEST_IMAGES = 16
_LARGEST_KEPT, _CHOICES = 128, (64, 32, 16, SMALLEST_SIDE)


@dataclass(slots=True)
class Survey:
    """What the headers of all items say.

    Attributes:
        rows: Indices of the items that look good.
        sizes: How many have each (width, height).
        modes: How many have each mode, in Pillow's words.
        grey: Whether none has a mode with colour.
        transparent: How many may have transparent pixels.
        animated: How many have several frames.
        bad: Names of the others, with the reason.
    """

    rows: list[int] = field(default_factory=list)
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)
    modes: Counter[str] = field(default_factory=Counter)
    grey: bool = True
    transparent: int = 0
    animated: int = 0
    bad: dict[str, str] = field(default_factory=dict)


def survey(contents: Contents, *, progress: bool) -> Survey:
    """Look at every item, without decoding its pixels; at one only, where all have one form."""
    found = Survey(bad=dict(contents.bad))
    indices = list(range(len(contents.names)))
    if contents.shape is not None and indices:
        first, number = look(contents.read(0)), len(indices)
        sizes, modes = {(first.width, first.height): number}, {first.mode: number}
        transparent = first.transparent * number
        return Survey(indices, Counter(sizes), Counter(modes), first.grey, transparent, bad=found.bad)
    looks = in_order(lambda index: look(contents.read(index)), indices, doing="looking", progress=progress)
    for index, seen in looks:
        if isinstance(seen, Refused):
            found.bad[contents.names[index]] = seen.reason
            continue
        found.rows.append(index)
        found.sizes[seen.width, seen.height] += 1
        found.modes[seen.mode] += 1
        found.grey &= seen.grey
        found.transparent += seen.transparent
        found.animated += seen.frames > 1
    return found


def choose_frame(found: Survey, contents: Contents, preparation: Preparation) -> tuple[Frame, list[str]]:
    """The form that all images will have, and why."""
    height, width, why = _choose_size(found, contents, preparation)
    channels = {"grey": 1, "rgb": 3, "auto": 1 if found.grey else 3}[preparation.channels]
    notes = [why]
    other_shapes = sum(n for (w, h), n in found.sizes.items() if w * height != h * width)
    if other_shapes:
        way = "cut to their centre (--fit pad keeps all)" if preparation.fit == "crop" else "padded"
        notes.append(f"{other_shapes:,} images of another shape were {way}.")
    if found.transparent:
        ground = preparation.background
        notes.append(f"{found.transparent:,} images with transparency were laid on {ground} (--background).")
    if found.animated:
        notes.append(f"{found.animated:,} animations: their first frame is used.")
    return Frame(channels, height, width, preparation.fit, preparation.background), notes


def _choose_size(found: Survey, contents: Contents, preparation: Preparation) -> tuple[int, int, str]:
    """Height, width, and the reason in a sentence."""
    (only_width, only_height), most = found.sizes.most_common(1)[0]
    uniform = most == len(found.rows)
    if preparation.size is not None:
        side = preparation.size
        return side, side, f"{side} x {side} pixels, as asked for."
    if uniform and contents.shape and is_side(only_width, only_width) and is_side(only_height, only_height):
        return only_height, only_width, f"{only_width} x {only_height} pixels, kept as they are."
    if uniform and only_width == only_height and is_side(only_width, _LARGEST_KEPT):
        return only_height, only_width, f"{only_width} x {only_height} pixels, kept as they are."
    median = _median_short_side(found.sizes)
    side = next((choice for choice in _CHOICES if choice <= median), SMALLEST_SIDE)
    return side, side, f"{side} x {side} pixels, chosen for short sides of {median} in the median (--size)."


def _median_short_side(sizes: Counter[tuple[int, int]]) -> int:
    sides: Counter[int] = Counter()
    for size, number in sizes.items():
        sides[min(size)] += number
    passed = 0
    for side in sorted(sides):
        passed += sides[side]
        if 2 * passed >= sides.total():
            return side
    raise AssertionError("a median needs images")


def refuse_too_few(good: int, bad: dict[str, str], contents: Contents, location: str) -> None:
    """Stop where there is too little to learn from.

    Raises:
        ValueError: If fewer than 16 images are good; names the reasons why others are not.
    """
    if good >= FEWEST_IMAGES:
        return
    reasons = Counter(bad.values()).most_common(3)
    left_out = "".join(f" {number:,} left out ({reason})." for reason, number in reasons)
    ignored = f" {contents.ignored:,} files do not have the name of an image." if contents.ignored else ""
    found = f"only {good} good image(s)" if good else "no good images"
    raise ValueError(
        f"{location} has {found}, expected at least {FEWEST_IMAGES}.{left_out}{ignored} Point to the folder "
        "or archive that holds the images; `digits` is a source that always works."
    )
