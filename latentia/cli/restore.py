"""`latentia restore`: damaged files restored, one by one, at their own sizes."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import torch
import tyro
from torch.nn import functional
from tqdm import tqdm

from latentia._types import Given, Known, Measured
from latentia.cli.flags import Count, Data, Device, MaybeCount, MaybeGiven, Run, Switch
from latentia.cli.letters import DONE, say
from latentia.data.degradation import Degradation, Downscaled, Greyed, measured, stored
from latentia.data.holes import Hidden
from latentia.data.whole import Whole, files_in, read_mask, read_whole, write_whole
from latentia.protocols import Restores
from latentia.recipes import open_run
from latentia.recipes.conditions import given_from
from latentia.recipes.restoring import Factor, Task, degradation_of
from latentia.tasks.restore import TILE, Restoration, Search
from latentia.tasks.restore import restore as restored
from latentia.training import folder

Out = Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="OUT")]
MaybeTask = Annotated[Task | None, tyro.conf.arg(metavar="TASK")]
MaybeFactor = Annotated[Factor | None, tyro.conf.arg(metavar="2|4|8")]
MaybeNumber = Annotated[float | None, tyro.conf.arg(metavar="NUMBER")]
MaybePath = Annotated[Path | None, tyro.conf.arg(metavar="FILE|FOLDER")]
Box = Annotated[tuple[int, int, int, int] | None, tyro.conf.arg(metavar="LEFT TOP WIDTH HEIGHT")]

WHITE = 0.25
"""Deviation of answers, in values from -1 to 1, that is white in the picture of the spread."""


def restore(
    run: Run,
    data: Data,
    out: Out,
    *,
    task: MaybeTask = None,
    factor: MaybeFactor = None,
    noise: MaybeNumber = None,
    blur: MaybeNumber = None,
    box: Box = None,
    mask: MaybePath = None,
    answers: Count = 0,
    spread: Switch = False,
    agree: bool = True,
    tile: Count = TILE,
    look_at: MaybeCount = None,
    steps: Count = 300,
    restarts: Count = 4,
    given: MaybeGiven = None,
    seed: int = 0,
    device: Device = "auto",
) -> int:
    """Restore damaged pictures: enlarge, colour, fill holes, take noise or blur away.

    A run of vae.restore or gan.restore does the task that it learned. Any other run whose model decodes looks
    for an image that it can make and that would be damaged to what is in the file. Files keep their names and
    may be of any size; broken ones are listed.

    Examples:
      latentia restore runs/colour grey-photos/ coloured/ --answers 3 --spread
      latentia restore runs/upscale small/ large/
      latentia restore runs/inpaint holiday.png filled/ --mask holiday-mask.png
      latentia restore runs/faces faces/ filled/ --task inpaint --box 20 20 24 24    any model of faces
      latentia train gan.restore photos/ --task colourise --out runs/colour          learns a task

    Args:
        run: Folder of the run.
        data: A folder of pictures, or one.
        out: Folder for what is restored, as PNG files.
        task: upscale, colourise, inpaint, denoise or deblur; a run that learned one knows it.
        factor: Of upscale: how many times larger; 4 without it.
        noise: Of denoise: standard deviation of the noise, in values from -1 to 1.
        blur: Of deblur: standard deviation of the blur in pixels.
        box: Of inpaint: the box to be filled in every picture, in pixels.
        mask: Of inpaint: a picture of the size of each, or a folder with one of each name, white where it is
            to be filled. Without box and mask, what is transparent is filled.
        answers: How many images to draw that may have been, beside the best guess: NAME-1.png and so on.
        spread: Write how much answers differ at each pixel, NAME-spread.png: white is a standard deviation of
            32 levels of 8 bits or more.
        agree: Make images agree with the file: enlarged ones have its means, coloured ones its grey, filled
            ones its pixels.
        tile: Side of the tiles that larger pictures are worked on in, a multiple of 16.
        look_at: Of colourise: shorter side at which pictures are looked at, before colour is enlarged; that
            of the run's images without it.
        steps: Steps of the search by a run that did not learn the task.
        restarts: Its starts.
        given: What a conditional model that did not learn the task is told.
        seed: Draws the answers.
        device: Where to compute: auto, cpu, cuda, cuda:1 or mps.
    """
    if spread and answers < 2:
        raise ValueError(f"--spread needs --answers 2 or more, and it is {answers}.")
    source = Path(data)
    names = files_in(source)
    if (source if source.is_dir() else source.parent).resolve() == out.resolve():
        raise ValueError(f"Restored pictures would replace the files in {out}. Name another folder.")
    opened = open_run(run, device=device)
    degradation = damage_of(opened, task, factor=factor, noise=noise, blur=blur)
    place = next(opened.model.parameters()).device
    told = None if given is None else given_from(given, opened.facts, opened.model, 1).to(place)
    if look_at is None and isinstance(degradation, Greyed):
        look_at = min(opened.facts.image_shape[1:])
    work = Work(
        opened, degradation, Holes(source, box, mask), out, answers, spread, agree, tile, look_at,
        Search(steps, restarts), told, torch.Generator(place).manual_seed(seed),
    )  # fmt: skip
    bad: dict[str, str] = {}
    for name, path in tqdm(
        list(_targets(names, out, bad)), unit=" files", leave=False, disable=len(names) < 2
    ):
        try:
            tqdm.write(f"{path}: {work.of(source / name if source.is_dir() else source, name, path)}")
        except ValueError as error:
            bad[name] = str(error)
    say(*(f"left out: {name}: {why}" for name, why in bad.items()))
    if len(bad) == len(names):
        raise ValueError(f"None of the {len(names)} files of {data} could be restored; see above.")
    return DONE


@dataclass(frozen=True, slots=True)
class Holes:
    """Where pictures are to be filled.

    Attributes:
        source: The folder or file that names of pictures belong to.
        box: Left, top, width and height, in pixels.
        mask: A picture, or a folder with one of each name.
    """

    source: Path
    box: tuple[int, int, int, int] | None
    mask: Path | None

    def known(self, name: str, whole: Whole) -> Known:
        """Where a picture is to stay.

        Raises:
            ValueError: If nothing is to be filled, or the box leaves the picture, or the mask does not fit.
        """
        height, width = whole.image.shape[2:]
        if self.box is not None:
            left, top, wide, high = self.box
            if min(left, top) < 0 or min(wide, high) < 1 or left + wide > width or top + high > height:
                raise ValueError(f"the box {self.box} leaves the picture, which has {width} x {height} px")
            known = torch.ones_like(whole.known)
            known[..., top : top + high, left : left + wide] = 0
            return known
        if self.mask is not None:
            return read_mask(_of_name(self.mask, name) if self.mask.is_dir() else self.mask, height, width)
        if bool(whole.known.all()):
            raise ValueError("nothing in it is transparent: say what to fill, with --box or --mask")
        return whole.known


@dataclass(frozen=True, slots=True)
class Work:
    """What is done to every file."""

    run: folder.Run
    degradation: Degradation
    holes: Holes
    out: Path
    answers: int
    spread: bool
    agree: bool
    tile: int
    look_at: int | None
    search: Search
    given: Given | None
    generator: torch.Generator

    def of(self, file: Path, name: str, path: Path) -> str:
        """Restores a file into others, and says how well they agree with it.

        Raises:
            ValueError: If it cannot be read, or does not fit the task.
        """
        whole = read_whole(file, self.run.facts.channels, self.run.preparation.background)
        model = self.run.model
        found = restored(
            model,
            self.measured(name, whole).to(self.generator.device),
            None if isinstance(model, Restores) else self.degradation,
            num_answers=self.answers,
            agree=self.agree,
            tile=self.tile,
            look_at=self.look_at if isinstance(model, Restores) else None,
            search=self.search,
            given=self.given,
            generator=self.generator,
            progress=True,
        )
        grey = whole.grey and not isinstance(self.degradation, Greyed)
        write_whole(found.image.cpu(), path, grey=grey)
        for number, answer in enumerate(found.answers.cpu(), start=1):
            write_whole(answer, path.with_name(f"{path.stem}-{number}.png"), grey=grey)
        if self.spread:
            shown = (2 * found.spread / WHITE - 1).clamp(max=1)
            write_whole(shown.cpu(), path.with_name(f"{path.stem}-spread.png"), grey=True)
        return _said(found)

    def measured(self, name: str, whole: Whole) -> Measured:
        """A file as what was measured."""
        image = whole.image
        if isinstance(self.degradation, Downscaled):
            image = functional.interpolate(image, scale_factor=self.degradation.factor, mode="nearest")
        elif isinstance(self.degradation, Greyed):
            image = stored(self.degradation.again(image))
        elif isinstance(self.degradation, Hidden):
            return measured(image, self.holes.known(name, whole))
        return measured(image)


def damage_of(
    run: folder.Run,
    task: Task | None,
    *,
    factor: Factor | None = None,
    noise: float | None = None,
    blur: float | None = None,
) -> Degradation:
    """The damage that a run is to undo: its own where it learned one.

    Raises:
        ValueError: If it learned another, or it learned none and no task is named.
    """
    settings = {"factor": factor, "noise": noise, "blur": blur}
    side = min(run.facts.image_shape[1:])
    if not isinstance(run.model, Restores):
        if task is None:
            raise ValueError(
                f"{run.path} has not learned to restore. Say what to do, for example --task inpaint: it then "
                f"searches for images that fit; or train one that learns it: latentia train gan.restore."
            )
        if task == "colourise" and run.facts.channels != 3:
            raise ValueError(f"{run.path} makes images without colour, and cannot colour any.")
        return degradation_of(task, side, **settings)  # type: ignore[arg-type]
    own = run.arguments["task"]
    if task not in (None, own):
        raise ValueError(
            f"{run.path} learned to {own}, and --task is {task}. Leave it out, or train another run: "
            f"latentia train {run.recipe} {run.source} --task {task}."
        )
    asked = {name: value for name, value in settings.items() if value is not None}
    if asked and degradation_of(own, side, **asked) != run.model.degradation:  # type: ignore[arg-type]
        raise ValueError(
            f"{run.path} learned to undo {run.model.degradation}, and was asked for "
            f"{', '.join(f'--{name} {value:g}' for name, value in asked.items())}. Leave that out, or train "
            f"another run with it."
        )
    return run.model.degradation


def _targets(names: list[str], out: Path, bad: dict[str, str]) -> Iterator[tuple[str, Path]]:
    """Files and where they go, without those that would go where another has gone."""
    taken: dict[Path, str] = {}
    for name in names:
        path = (out / name).with_suffix(".png")
        if path in taken:
            bad[name] = f"it would be written to {path}, as {taken[path]} is: give it another name"
        else:
            taken[path] = name
            yield name, path


def _of_name(masks: Path, name: str) -> Path:
    """The mask of a picture: of the same name, whatever its ending."""
    exact = masks / name
    if exact.is_file():
        return exact
    return next(iter(sorted(exact.parent.glob(f"{exact.stem}.*"))), exact)


def _said(found: Restoration) -> str:
    height, width = found.image.shape[2:]
    several = f", {len(found.answers)} answers" if len(found.answers) else ""
    return (
        f"{width} x {height} px{several}; off the file by {found.before:.2f} levels of 8 bits as drawn, "
        f"{found.after:.2f} as written"
    )
