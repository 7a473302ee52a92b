"""`latentia augment`: labelled synthetic images, and whether a classifier gains by them."""

import json
from pathlib import Path
from typing import Annotated, Any

import torch
import tyro

from latentia.cli.flags import Count, Data, Device, MaybeCount, Run, Switch
from latentia.cli.letters import DONE, say
from latentia.data import ImageStore
from latentia.data.classical import Classical
from latentia.metrics import measure_memorisation
from latentia.metrics.classifier import Examples, steps_for
from latentia.metrics.copies import FEWEST_UNSEEN
from latentia.metrics.usefulness import DIETS, Diet, Usefulness, check_measurable, measure_usefulness
from latentia.recipes import open_run
from latentia.report.runs import images_for
from latentia.tasks import Synthesised
from latentia.tasks import augment as synthesise
from latentia.tasks.augment import Way, require_classes
from latentia.tasks.augmented_folder import MANIFEST, require_empty, write_labelled
from latentia.tasks.direction import fingerprint
from latentia.training import folder

MEASURED = "usefulness.json"
COMPARED = 2000
"""Images of each kind that the test for copies looks at."""


def augment(
    run: Run,
    data: Data,
    out: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="OUT")],
    *,
    per_class: MaybeCount = None,
    balance: Switch = False,
    way: Way = "draw",
    agreement: float = 0.5,
    usual: float = 0.01,
    flip: Switch = False,
    temperature: float = 1.0,
    noise: Switch = False,
    seed: int = 0,
    measure: Switch = False,
    seeds: Count = 5,
    share: float = 0.5,
    device: Device = "auto",
) -> int:
    """Write labelled synthetic images for a classifier: a folder a class, and where each comes from.

    A draw is kept if a classifier that has learned from the training images takes it for its class, and if it
    is no copy of one of them. --measure says whether all that was worth it: the same classifier learns with
    and without, and is tested on images that nobody has seen.

    Examples:
      latentia augment runs/shoes shoes/ synthetic/ --per-class 500
      latentia augment runs/shoes shoes/ synthetic/ --per-class 500 --way vary --measure   did it help?
      latentia augment runs/shoes shoes/ synthetic/ --balance                   fills rare classes up

    Args:
        run: Folder of the run. To draw from, its model must be told classes, as those of vae.conditional,
            gan.conditional and gan.auxiliary are.
        data: Labelled images: those that the run learned from, or others with the same classes.
        out: Folder to write; it must not hold anything.
        per_class: Images of each class, at least 1.
        balance: Fill every class up to the largest, instead.
        way: draw makes images from noise; vary moves training images towards others of their class, and
            needs a model that encodes and decodes.
        agreement: Least probability that the classifier must give the class, 0 to 1; 0 keeps whatever is
            drawn.
        usual: Share of unseen images that would be called copies too, from 0, which does not look, to below
            1.
        flip: Mirror images show the same: for the classifier, for copies, and as classical augmentation.
        temperature: Scale of the noise that latents are drawn with, at least 0.
        noise: Draw pixels from p(x|z) too; without it, means of explicit models are taken.
        seed: The same seed draws the same images.
        measure: Train the same classifier on real images, with classical augmentation, with synthetic images
            and with both, and say whether synthetic images helped.
        seeds: How often each is trained, at least 2.
        share: Part of what is shown of a class that is synthetic then, above 0 and below 1.
        device: Where to compute: auto, cpu, cuda, cuda:1 or mps.
    """
    require_empty(out)
    opened = open_run(run, device=device)
    store = _labelled(opened, data, way)
    train, test = (Examples.of_split(store.split(part)) for part in ("train", "test"))
    if measure:
        check_measurable(train, test, share, seeds)
    made = synthesise(
        opened.model,
        store,
        per_class=per_class,
        balance=balance,
        way=way,
        agreement=agreement,
        usual=usual,
        flip=flip,
        temperature=temperature,
        noise=noise,
        seed=seed,
        progress=True,
    )
    _write(made, opened, store, out, way)
    _print_copies(made, store, way, flip=flip, seed=seed)
    if not measure:
        say("Whether a classifier gains by them: --measure.")
        return DONE
    found = measure_usefulness(
        train,
        made.examples,
        test,
        len(store.facts.classes),
        balanced=balance,
        share=share,
        classical=Classical(flip=flip),
        num_seeds=seeds,
        device=next(opened.model.parameters()).device,
        progress=True,
    )
    _print_usefulness(found, made, store, balance=balance)
    _keep(found, out / MEASURED)
    return DONE


def _write(made: Synthesised, run: folder.Run, store: ImageStore, out: Path, way: Way) -> None:
    told = {"run": str(run.path), "recipe": run.recipe, "weights": fingerprint(run.model), "way": way}
    write_labelled(made, store.facts.classes, store.split("train").names, out, told=told)
    print(f"{out}: {len(made):,} synthetic images, and {MANIFEST}.")
    _print_account(made, store)


def _labelled(run: folder.Run, data: str, way: Way) -> ImageStore:
    """The labelled images that a run can make others for."""
    require_classes(run.model, run.facts.classes, way)
    store = images_for(run, data)
    if store.facts.classes != run.facts.classes:
        raise ValueError(
            f"{run.path} knows the classes {', '.join(run.facts.classes)}, and {store.facts.name} has "
            f"{', '.join(store.facts.classes) or 'none'}. Label it the same, or train a run on it."
        )
    return store


def _print_account(made: Synthesised, store: ImageStore) -> None:
    """What was kept of each class, and why not more."""
    there = Examples.of_split(store.split("train")).classes.bincount(minlength=len(made.wanted)).tolist()
    width = max(len(name) for name in ("class", *store.facts.classes))
    print(f"  {'class':<{width}}  training      kept     drawn  doubted  copies")
    rows = zip(store.facts.classes, there, made.kept, made.drawn, made.doubted, made.copied, strict=True)
    for name, *numbers in rows:
        cells = [f"{n:>{w},}" for n, w in zip(numbers, (8, 8, 8, 7, 6), strict=True)]
        print(f"  {name:<{width}}  {'  '.join(cells)}")
    wanted = zip(store.facts.classes, made.kept, made.wanted, strict=True)
    short = [name for name, number, asked in wanted if number < asked]
    if short:
        say(
            f"Fewer than were asked for: {', '.join(short)}. Ten times as many draws did not give more; a "
            f"longer training or a lower --agreement may."
        )


def _print_copies(made: Synthesised, store: ImageStore, way: Way, *, flip: bool, seed: int) -> None:
    """Whether what was kept copies training images, all together."""
    if way == "vary":
        print("Varied images still show the images that they came from: handle them as you handle those.")
        return
    train, test = store.split("train"), store.split("test")
    if min(len(made), len(train), len(test)) < FEWEST_UNSEEN:
        return
    rows = slice(0, COMPARED)
    found = measure_memorisation(
        made.images[_some(len(made), seed)],
        train.images(_some(len(train), seed)),
        test.images(rows),
        trained_on=len(train),
        flips=flip,
        seed=seed,
    )
    print(f"Together: {found.verdict}")


def _some(number: int, seed: int) -> torch.Tensor:
    return torch.randperm(number, generator=torch.Generator().manual_seed(seed))[:COMPARED]


QUESTIONS: tuple[tuple[str, Diet, Diet], ...] = (
    ("without classical augmentation", "synthetic", "real"),
    ("beside classical augmentation", "both", "classical"),
    ("instead of classical augmentation", "synthetic", "classical"),
)


def _questions(found: Usefulness) -> list[tuple[str, Diet, Diet]]:
    """What is asked; where classes are balanced, showing real images of rare ones more often is the rival."""
    base: Diet = "repeated" if "repeated" in found.right else "real"
    return [(words, diet, base if over == "real" else over) for words, diet, over in QUESTIONS]


def _print_usefulness(found: Usefulness, made: Synthesised, store: ImageStore, *, balance: bool) -> None:
    print(f"\n  {'a classifier learned from':<52}  accuracy on {len(found.classes):,} test images")
    for diet in found.right:
        print(f"  {DIETS[diet]:<52}  {100 * found.score(diet):.1f} %")
    print("Did synthetic images help?")
    for words, diet, over in _questions(found):
        gain = found.gain(diet, over)
        print(f"  {words}: {gain.answer}, {gain}")
    filled = [index for index, wanted in enumerate(made.wanted) if wanted]
    for index in filled if balance else ():
        if int((found.classes == index).sum()) >= 10:
            gain = found.gain("synthetic", "repeated", of_class=index)
            recall = 100 * found.score("synthetic", of_class=index)
            print(f"  {store.facts.classes[index]}, recall {recall:.1f} %: {gain.answer}, {gain}")
    num_seeds = len(next(iter(found.right.values())))
    print(
        f"The same convolutional network each time, {steps_for(store.facts.num_train):,} steps of 32 images, "
        f"{num_seeds} seeds; intervals of 95 % over seeds and test images. One set of synthetic images."
    )


def _keep(found: Usefulness, file: Path) -> None:
    """Scores and gains, for other programs."""
    gains = [(diet, over, found.gain(diet, over)) for _, diet, over in _questions(found)]
    told: dict[str, Any] = {
        "accuracy": {diet: found.score(diet) for diet in found.right},
        "gains": [
            {"of": d, "over": o, "value": g.value, "low": g.low, "high": g.high, "helped": g.answer}
            for d, o, g in gains
        ],
        "test_images": len(found.classes),
        "seeds": len(next(iter(found.right.values()))),
    }
    file.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
