"""How each measure of sample quality reacts to what may be wrong with images: a table and a picture.

    python benchmarks/calibration.py fashion-mnist --picture docs/pictures/calibration.png

Real images that no feature space was trained on are spoilt in known ways, more and more, and judged as if
they were samples. A measure that is meant to see a fault must move with it; one that is not must stay.
Needs the data set, by a name or a path that `latentia data` reads; it must have classes.
"""

import argparse
import dataclasses
import io
import json
from collections.abc import Callable
from pathlib import Path

import matplotlib
import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

matplotlib.use("Agg")
from matplotlib import pyplot

from latentia.data import prepare
from latentia.data.pictures import to_pixels
from latentia.report.measures import MEASURES
from latentia.report.wording import with_error
from latentia.report.yardstick import SampleQuality, choose, make_yardstick


def blur(images: Tensor, deviation: float) -> Tensor:
    """A Gaussian blur of so many pixels."""
    reach = round(3 * deviation)
    taps = torch.exp(-0.5 * (torch.arange(-reach, reach + 1) / deviation) ** 2)
    kernel = taps.outer(taps) / taps.sum() ** 2
    planes = functional.pad(images.flatten(0, 1)[:, None], (reach,) * 4, mode="replicate")
    return functional.conv2d(planes, kernel[None, None]).reshape(images.shape)


def noise(images: Tensor, deviation: float) -> Tensor:
    """Gaussian noise of a deviation in units of [-1, 1]."""
    drawn = torch.randn(images.shape, generator=torch.Generator().manual_seed(1))
    return (images + deviation * drawn).clamp(-1, 1)


def jpeg(images: Tensor, quality: float) -> Tensor:
    """Through a JPEG file of a quality from 95 (best) to 1."""
    read = []
    for pixels in to_pixels(images).permute(0, 2, 3, 1).numpy():
        file = io.BytesIO()
        Image.fromarray(pixels.squeeze()).save(file, format="JPEG", quality=int(quality))
        read.append(np.asarray(Image.open(file)).reshape(pixels.shape))
    return torch.from_numpy(np.stack(read)).permute(0, 3, 1, 2) / 127.5 - 1


def resize(images: Tensor, factor: float) -> Tensor:
    """Made smaller without a filter and larger again, as careless programs do."""
    side = max(2, round(images.shape[-1] / factor))
    smaller = functional.interpolate(images, side, mode="nearest")
    return functional.interpolate(smaller, images.shape[-1], mode="bilinear", align_corners=False).clamp(
        -1, 1
    )


def drop(images: Tensor, classes: Tensor, count: float) -> Tensor:
    """Without some classes, the others repeated as often as there are images."""
    kept = images[classes >= count]
    return kept[torch.arange(len(images)) % len(kept)]


def repeat(images: Tensor, copies: float) -> Tensor:
    """Every image so many times, hence fewer different ones."""
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(2))
    return images[order // int(copies)]


FAULTS: dict[str, tuple[Callable[..., Tensor], tuple[float, ...]]] = {
    "blur, px": (blur, (0.5, 1, 2)),
    "noise": (noise, (0.05, 0.1, 0.3)),
    "JPEG quality": (jpeg, (75, 30, 10)),
    "resized by": (resize, (1.5, 2, 4)),
    "classes dropped": (drop, (2, 5, 8)),
    "each repeated": (repeat, (2, 5, 20)),
}


def spoil(images: Tensor, classes: Tensor, fault: str, amount: float) -> Tensor:
    """Images with a fault."""
    function, _ = FAULTS[fault]
    return function(images, classes, amount) if function is drop else function(images, amount)


def draw(found: dict[str, list[SampleQuality]], picture: Path) -> None:
    """One panel a measure, one line a fault; its left end is what sound images score."""
    keys = [key for key in MEASURES if key in found["blur, px"][0].numbers]
    columns = 4
    figure, axes = pyplot.subplots(
        -(-len(keys) // columns), columns, figsize=(12, 2.3 * -(-len(keys) // columns))
    )
    for axis, key in zip(axes.flat, keys, strict=False):
        for index, (fault, qualities) in enumerate(found.items()):
            values = [quality.numbers[key] for quality in qualities]
            error = [1.96 * value.error for value in values]
            axis.errorbar(
                range(len(values)), [v.value for v in values], error, label=fault, color=f"C{index}", lw=1.4
            )
        axis.set_title(MEASURES[key].label, fontsize=9)
        axis.set_xticks(range(4), ["none", "little", "more", "much"], fontsize=7)
        axis.tick_params(axis="y", labelsize=7)
        axis.grid(alpha=0.3)
        axis.spines[["top", "right"]].set_visible(False)
    for axis in list(axes.flat)[len(keys) :]:
        axis.axis("off")
    handles, labels = axes.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="lower right", ncols=2, fontsize=8, frameon=False)
    figure.tight_layout()
    figure.savefig(picture, dpi=110)
    pyplot.close(figure)


def main() -> None:
    """Judges every fault, prints the table, draws the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("--features", default="domain")
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--picture", type=Path)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    store = prepare(options.data)
    yardstick = make_yardstick(store, num_samples=options.images, features=options.features)
    both, classes = choose([store.split("test")], 2 * options.images, 0)
    half = options.images
    yardstick = dataclasses.replace(yardstick, reference=both[:half], classes=classes[:half])
    sound = yardstick.judge(both[half:], "none")
    found = {fault: [sound] for fault in FAULTS}
    for fault, (_, amounts) in FAULTS.items():
        for amount in amounts:
            spoilt = spoil(both[half:], classes[half:], fault, amount)
            found[fault].append(yardstick.judge(spoilt, f"{fault} {amount:g}"))
    keys = list(sound.numbers)
    print("| fault | " + " | ".join(MEASURES[key].label for key in keys) + " |")
    print("| --- |" + " ---: |" * len(keys))
    for quality in [sound, *(quality for fault in FAULTS for quality in found[fault][1:])]:
        cells = [with_error(quality.numbers.get(key), MEASURES[key].digits) for key in keys]
        print(f"| {quality.kind} | " + " | ".join(cells) + " |", flush=True)
    print("\n".join(f"- {sentence}" for sentence in yardstick.protocol))
    if options.json:
        options.json.write_text(json.dumps([q.to_json() for f in FAULTS for q in found[f]], indent=2))
    if options.picture:
        draw(found, options.picture)


if __name__ == "__main__":
    main()
