"""Restoration measured: enlarging, colouring and filling, with the usual answers in the same table.

    python benchmarks/restore.py DATA_ROOT --minutes 15 --seeds 0 1 2 --out runs/restore
    python benchmarks/restore.py DATA_ROOT upscale-lfw --recipes gan --images 4000 --seeds 0 --out runs/smoke

Tasks: enlarging faces of LFW from 16 to 64 px; colouring LFW and CIFAR-10; filling a box of 24 px in faces of
LFW, which lies anywhere. LFW is split by person, so that nobody stands in two splits; CIFAR-10 as published.
All is measured on test images that nothing was chosen by: the mean answer by its error, one draw an image by
its distance to real images, and draws among each other by how much they differ.

The distance is Frechet's, in features that a small network learned from the training images, of the answers
to every other test image to the rest of the test images; that of the real images themselves is printed too.
The floors are bicubic and Lanczos (Pillow's, of the same stored small images), grey, the mean colour of the
training images, the mean of what is known, the mean training image, and the biharmonic fill of scikit-image,
which is left out where that is not installed.

A run that is there already is not trained again. All numbers go to OUT/restore.json.
"""

import argparse
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from latentia import recipes
from latentia._types import Images, Measured
from latentia.data import ImageStore, Preparation, prepare
from latentia.data.degradation import Degradation, Downscaled, Greyed, seen, stored
from latentia.data.holes import Hidden
from latentia.metrics import DomainFeatures, frechet_distance
from latentia.metrics.features import FeatureSpace
from latentia.metrics.reconstruction import peak_signal_to_noise
from latentia.metrics.structure import structural_similarity
from latentia.tasks import restore

BOX = 24
DRAWS = 4  # answers an image, of which the first is measured by itself
AT_ONCE = 50
MOST = 2000  # test images
SPLITS = {"lfw": Preparation(size=64, split="folder"), "cifar10": Preparation()}

Lab = Float[Tensor, "batch 3 height width"]
Numbers = dict[str, float]


@dataclass(frozen=True, slots=True)
class Row:
    """A task on a data set.

    Attributes:
        data: Name of the data.
        degradation: What test images go through.
        arguments: Of the recipe.
        floors: Names of the answers that need no learning.
    """

    data: str
    degradation: Degradation
    arguments: dict[str, Any]
    floors: tuple[str, ...]


COLOURISE = {"task": "colourise"}
ROWS = {
    "upscale-lfw": Row("lfw", Downscaled(4), {"task": "upscale", "factor": 4}, ("bicubic", "lanczos")),
    "colourise-lfw": Row("lfw", Greyed(), COLOURISE, ("grey", "mean colour")),
    "colourise-cifar10": Row("cifar10", Greyed(), COLOURISE, ("grey", "mean colour")),
    "inpaint-lfw": Row(
        "lfw",
        Hidden("box", BOX, BOX),
        {"task": "inpaint", "hole": "box", "side": BOX},
        ("mean fill", "mean image", "biharmonic"),
    ),
}


class Judge:
    """The test images of a row, what was measured of them, and what is said of answers."""

    def __init__(self, row: Row, store: ImageStore, features: FeatureSpace) -> None:
        self.row, self.features = row, features
        test = store.split("test")
        self.real = test.images(slice(0, MOST))
        generator = torch.Generator().manual_seed(0)

        def noise(*shape: int) -> Tensor:
            return torch.randn(len(self.real), *shape, generator=generator)

        self.measured: Measured = row.degradation.measure(self.real, noise)
        self.others = features(self.real[1::2])
        train = store.split("train")
        rows = torch.arange(0, len(train), max(1, len(train) // 2000))
        self.train = train.images(rows)

    def of(self, expected: Images, answers: Float[Tensor, "draws batch channels height width"]) -> Numbers:
        """Errors of the expected images, the distance of the first answers, and how answers differ."""
        drawn = answers[0] if len(answers) else expected
        numbers = {
            "distance": frechet_distance(self.others, self.features(drawn[::2])).value,
            "distance of mean": frechet_distance(self.others, self.features(expected[::2])).value,
            "misfit": float(self.row.degradation.misfit(drawn, self.measured).mean()),
        }
        if isinstance(self.row.degradation, Greyed):
            numbers["psnr of ab"] = _ab_psnr(expected, self.real)
            numbers["psnr of a draw"] = _ab_psnr(drawn, self.real)
        elif isinstance(self.row.degradation, Hidden):
            numbers["psnr inside"] = float(self._inside(expected).mean())
            numbers["psnr of a draw"] = float(self._inside(drawn).mean())
        else:
            numbers["psnr"] = float(peak_signal_to_noise(self.real, expected).mean())
            numbers["ssim"] = float(structural_similarity(self.real, expected).mean())
            numbers["psnr of a draw"] = float(peak_signal_to_noise(self.real, drawn).mean())
        if len(answers) > 1:
            numbers["diversity"] = 127.5 * float(answers.var(0).mean().sqrt())
            errors = (self.real - expected).square().mean().sqrt()
            numbers["diversity / error"] = numbers["diversity"] / (127.5 * float(errors))
        return numbers

    def floors(self) -> dict[str, Images]:
        """Answers without learning, by name."""
        made = {name: _FLOORS[name](self) for name in self.row.floors}
        return {name: images for name, images in made.items() if images is not None}

    def real_numbers(self) -> Numbers:
        """The distance of real images to others: no answer is expected below it."""
        return {"distance": frechet_distance(self.others, self.features(self.real[::2])).value}

    def _inside(self, images: Images) -> Float[Tensor, " batch"]:
        """PSNR over hidden pixels alone."""
        hidden = 1 - seen(self.measured)[1]
        squares = (hidden * (images - self.real).square()).flatten(1).sum(1)
        return 10 * torch.log10(4 * 3 * hidden.flatten(1).sum(1) / squares)


def _resized(judge: Judge, method: Image.Resampling) -> Images:
    """Pillow's enlargement of the small images as a file holds them."""
    small = ((seen(judge.measured)[0][:, :, ::4, ::4] + 1) * 127.5).round().to(torch.uint8)
    side = judge.real.shape[3]
    pictures = [Image.fromarray(one.permute(1, 2, 0).numpy()).resize((side, side), method) for one in small]
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float() / 127.5 - 1


def _mean_colour(judge: Judge) -> Images:
    """The grey of each image with the mean a and b of the training images."""
    lab = to_lab(seen(judge.measured)[0])
    lab[:, 1:] = to_lab(judge.train)[:, 1:].mean((0, 2, 3), keepdim=True)
    return Greyed().agree(from_lab(lab), judge.measured)


def _mean_image(judge: Judge) -> Images:
    return Hidden().lean(judge.train.mean(0, keepdim=True).expand_as(judge.real), judge.measured)


def _biharmonic(judge: Judge) -> Images | None:
    try:
        from skimage.restoration import inpaint_biharmonic
    except ImportError:
        return None
    pixels, known = seen(judge.measured)
    filled = [
        inpaint_biharmonic(one.permute(1, 2, 0).double().numpy(), where[0].numpy() == 0, channel_axis=-1)
        for one, where in zip(pixels, known, strict=True)
    ]
    return torch.from_numpy(np.stack(filled)).permute(0, 3, 1, 2).float().clamp(-1, 1)


_FLOORS: dict[str, Callable[[Judge], Images | None]] = {
    "bicubic": lambda judge: _resized(judge, Image.Resampling.BICUBIC),
    "lanczos": lambda judge: _resized(judge, Image.Resampling.LANCZOS),
    "grey": lambda judge: seen(judge.measured)[0],
    "mean colour": _mean_colour,
    "mean fill": lambda judge: Hidden().first_guess(judge.measured),
    "mean image": _mean_image,
    "biharmonic": _biharmonic,
}

# CIE Lab of sRGB under the illuminant D65 (IEC 61966-2-1, CIE 15).
TO_XYZ = torch.tensor(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
WHITE = TO_XYZ.sum(1)


def to_lab(images: Images) -> Lab:
    """Lightness 0 to 100, and the two colours a and b, about -100 to 100."""
    srgb = (images.clamp(-1, 1) + 1) / 2
    linear = torch.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    x, y, z = (torch.einsum("ij,bjhw->bihw", TO_XYZ, linear) / WHITE[:, None, None]).unbind(1)
    x, y, z = (
        torch.where(t > (6 / 29) ** 3, t ** (1 / 3), t * (29 / 6) ** 2 / 3 + 4 / 29) for t in (x, y, z)
    )
    return torch.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], 1)


def from_lab(lab: Lab) -> Images:
    """The way back; colours that no screen has are cut off."""
    y = (lab[:, 0] + 16) / 116
    t = torch.stack([y + lab[:, 1] / 500, y, y - lab[:, 2] / 200], 1)
    xyz = torch.where(t > 6 / 29, t**3, 3 * (6 / 29) ** 2 * (t - 4 / 29)) * WHITE[:, None, None]
    linear = torch.einsum("ij,bjhw->bihw", torch.linalg.inv(TO_XYZ), xyz).clamp(0, 1)
    return 2 * torch.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055) - 1


def _ab_psnr(images: Images, real: Images) -> float:
    """PSNR of a and b, whose range is taken to be 255, of all images together: some are grey."""
    squares = (to_lab(images)[:, 1:] - to_lab(real)[:, 1:]).square().mean()
    return float(10 * torch.log10(255**2 / squares))


def answers_of(run: Any, judge: Judge) -> Numbers:
    """What a run makes of the test images, as files would hold it."""
    parts = [
        restore(run.model, part, num_answers=DRAWS, generator=torch.Generator().manual_seed(index))
        for index, part in enumerate(judge.measured.split(AT_ONCE))
    ]
    expected = stored(torch.cat([part.image for part in parts]))
    answers = stored(torch.cat([part.answers for part in parts], 1))
    speed = run.images_seen / max(run.seconds, 1e-9)
    about = {"images seen": run.images_seen, "images a second": speed, "minutes": run.seconds / 60}
    before = float(torch.tensor([part.before**2 for part in parts]).mean().sqrt())
    return judge.of(expected, answers) | {"misfit before": before} | about


def trained(row: Row, store: ImageStore, recipe: str, path: Path, seed: int, limit: dict[str, float]) -> Any:
    """The run, trained if it is not there."""
    if not path.exists():
        settings: dict[str, Any] = {**row.arguments, **limit, "seed": seed}
        recipes.train(f"{recipe}.restore", store.source, out=path, preparation=store.preparation, **settings)
    return recipes.open_run(path)


def table(found: dict[str, Numbers]) -> str:
    """Rows of numbers under all names that one of them has."""
    columns = list(dict.fromkeys(key for numbers in found.values() for key in numbers))
    lines = ["| | " + " | ".join(columns) + " |", "| --- " * (len(columns) + 1) + "|"]
    for name, numbers in found.items():
        cells = [f"{numbers[key]:.4g}" if key in numbers else "" for key in columns]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def measured_row(name: str, options: argparse.Namespace) -> dict[str, Numbers]:
    """All rows of a task's table."""
    row = ROWS[name]
    store = prepare(row.data, SPLITS[row.data], progress=False)
    judge = Judge(row, store, DomainFeatures(store, seed=0))
    found = {"real": judge.real_numbers()}
    for floor, images in judge.floors().items():
        found[floor] = judge.of(stored(images), images.new_zeros(0, *images.shape))
    limit = {"images": options.images} if options.images else {"minutes": options.minutes}
    for recipe in options.recipes:
        for seed in options.seeds:
            run = trained(row, store, recipe, options.out / f"{name}-{recipe}-{seed}", seed, limit)
            found[f"{recipe}.restore, seed {seed}"] = answers_of(run, judge)
    count = len(judge.real)
    print(f"\n**{name}**: {count} test images, {DRAWS} answers each; distance in the {judge.features.name}\n")
    print(table(found), flush=True)
    return found


def main() -> None:
    """Trains what is not there, and prints a table a task."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("data_root", type=Path)
    parser.add_argument("rows", nargs="*", metavar="TASK", help=", ".join(ROWS))
    parser.add_argument("--recipes", nargs="+", choices=("vae", "gan"), default=["gan", "vae"])
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--images", type=int, help="images to see instead of minutes")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--out", type=Path, default=Path("runs/restore"))
    options = parser.parse_args()
    unknown = set(options.rows) - set(ROWS)
    if unknown:
        parser.error(f"no task {', '.join(sorted(unknown))}; there are: {', '.join(ROWS)}")
    os.environ["LATENTIA_DATA"] = str(options.data_root)
    options.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    file = options.out / "restore.json"
    for name in options.rows or ROWS:
        kept = json.loads(file.read_text()) if file.exists() else {}
        kept[name] = kept.get(name, {}) | measured_row(name, options)
        aside = file.with_suffix(".part")
        aside.write_text(json.dumps(kept, indent=1))
        os.replace(aside, file)


if __name__ == "__main__":
    main()
