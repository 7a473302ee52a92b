"""Do edits of faces hit, and does the person stay? Eyeglasses, Smiling and Male on LFW-64.

    python benchmarks/arithmetic.py --run runs/faces --data-root DATA_ROOT --out runs/arithmetic

For each attribute, test images that lack it are edited until a classifier, trained on other images and
without the model, should see it. Two numbers, for each strength:

    hit rate    edited images that the classifier finds to have the attribute
    identity    other images' reconstructions that are farther from the edit than its own reconstruction is,
                in a feature space that knows neither model nor attribute; the mean over images

Edit and reconstructions are compared without the residual, which would carry the person over. Hits are told
with and without it. Also writes the figure of Radford et al. 2015: mean latents of three images each.
"""

import argparse
import os
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from latentia._types import Images
from latentia.data import Split
from latentia.data.pictures import save
from latentia.metrics import RandomFeatures
from latentia.recipes import open_run
from latentia.report.runs import images_for
from latentia.tasks import Attributes, arithmetic, attribute_directions, edit, latents_of
from latentia.tasks.latents import decoded

NAMES = ("Eyeglasses", "Smiling", "Male")
LEARNED = 6000
AT_ONCE = 500


class Classifier(nn.Sequential):
    """A small convolutional network from images to logits of the attributes."""

    def __init__(self, channels: int, width: int = 32) -> None:
        blocks, inputs = [], channels
        for outputs in (width, 2 * width, 4 * width, 4 * width):
            blocks += [nn.Conv2d(inputs, outputs, 3, 2, 1), nn.BatchNorm2d(outputs), nn.ReLU()]
            inputs = outputs
        head = (nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Dropout(0.3), nn.Linear(4 * inputs, len(NAMES)))
        super().__init__(*blocks, *head)


def teach(images: Images, has: Tensor, epochs: int, device: torch.device) -> Classifier:
    """A classifier, of images that are mirrored at random, rare attributes weighted up."""
    torch.manual_seed(0)
    classifier = Classifier(images.shape[1]).to(device)
    rare = (1 - has.mean(0)) / has.mean(0).clamp_min(1e-3)
    adam = torch.optim.Adam(classifier.parameters(), lr=2e-3, weight_decay=1e-4)
    for _ in range(epochs):
        for rows in torch.randperm(len(images)).split(64):
            batch = images[rows].to(device)
            batch = torch.where(torch.rand(len(rows), 1, 1, 1, device=device) < 0.5, batch, batch.flip(3))
            loss = functional.binary_cross_entropy_with_logits(
                classifier(batch), has[rows].to(device), pos_weight=rare.to(device)
            )
            adam.zero_grad()
            loss.backward()
            adam.step()
    return classifier.eval()


@torch.no_grad()
def finds(classifier: nn.Module, images: Images) -> Tensor:
    """Which attributes it finds in images."""
    return torch.cat([classifier(part) > 0 for part in images.split(AT_ONCE)]).cpu()


def labelled(split: Split, facts: object, count: int) -> tuple[Images, Attributes, Tensor]:
    """Images of which the attributes are known, what is known, and whether they have each of `NAMES`."""
    rows = slice(0, count)
    all_known = Attributes.of(split, facts, rows)
    keep = torch.stack([all_known.known(name) for name in NAMES]).all(0)
    attributes = Attributes(all_known.names, all_known.values[keep])
    return split.images(rows)[keep], attributes, torch.stack([attributes.has(n) for n in NAMES], 1).float()


def others_farther(edits: Images, own: Tensor, everybody: Images) -> Tensor:
    """For each edit the share of the other images that are farther from it than its own.

    Args:
        edits: What was edited.
        own: Where the image that each of them is an edit of stands among everybody's.
        everybody: Reconstructions of all images.
    """
    features = RandomFeatures(edits.shape[1])
    of_all, of_edits = features(everybody), features(edits)
    scale = of_all.std(0).clamp_min(1e-6)
    distances = torch.cdist(of_edits / scale, of_all / scale)
    return (distances > distances.gather(1, own[:, None])).float().sum(1) / (len(everybody) - 1)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--run", type=Path, required=True, help="a run on lfw whose model decodes")
    parser.add_argument("--data-root", type=Path, default=None)
    parser.add_argument("--method", default="logistic", choices=["mean", "logistic", "svm"])
    parser.add_argument("--strengths", type=float, nargs="+", default=[2.0, 4.0, 6.0, 8.0])
    parser.add_argument("--test-images", type=int, default=500)
    parser.add_argument("--epochs", type=int, default=15, help="of the classifier")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--out", type=Path, default=Path("runs/arithmetic"))
    options = parser.parse_args()
    if options.data_root:
        os.environ["LATENTIA_DATA"] = str(options.data_root)
    run = open_run(options.run, device=options.device)
    model, device = run.model, torch.device(options.device)
    store = images_for(run)
    images, attributes, has = labelled(store.split("train"), run.facts, 2 * LEARNED)
    classifier = teach(images[len(images) // 2 :], has[len(images) // 2 :], options.epochs, device)
    shown, seen = (
        images[: len(images) // 2],
        Attributes(attributes.names, attributes.values[: len(images) // 2]),
    )
    test, _, truth = labelled(store.split("test"), run.facts, options.test_images)
    test = test.to(device)
    right = (finds(classifier, test) == truth.bool()).float().mean(0).tolist()
    print(f"classifier, {len(test)} test images: " + ", ".join(map("{} {:.3f}".format, NAMES, right)))
    generator = torch.Generator(device).manual_seed(0)
    latents = latents_of(model, test, generator=generator, progress=True)
    everybody = decoded(model, latents)
    print("| attribute | strength | images | hit rate | with residual | found before | identity |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for column, name in enumerate(NAMES):
        apart = [other for other in NAMES if other != name]
        (direction,) = attribute_directions(
            model, shown.to(device), seen, [name], method=options.method, apart=apart, generator=generator
        )
        lacks = (truth[:, column] == 0).to(device)
        before = finds(classifier, everybody[lacks])[:, column].float().mean()
        for strength in options.strengths:
            plain, kept = (
                edit(
                    model, test[lacks], direction, [strength], latents=latents[lacks], keep_residual=residual
                )
                for residual in (False, True)
            )
            hits, residual = (finds(classifier, made)[:, column].float().mean() for made in (plain, kept))
            farther = others_farther(plain, torch.nonzero(lacks).flatten(), everybody)
            cells = [f"{float(number):.3f}" for number in (hits, residual, before, farther.mean())]
            print(f"| {name} | {strength:g} | {int(lacks.sum())} | {' | '.join(cells)} |", flush=True)
    figure(model, shown, seen, device, options.out / "radford.png")


def figure(model: nn.Module, images: Images, attributes: Attributes, device: torch.device, out: Path) -> None:
    """Man with glasses - man + woman: the mean latents of the first three images of each, and the result."""
    male, glasses = attributes.has("Male"), attributes.has("Eyeglasses")
    groups = (male & glasses, male & ~glasses, ~male & ~glasses)
    threes = [images[group][:3].to(device) for group in groups]
    generator = torch.Generator(device).manual_seed(0)
    found = save(arithmetic(model, *threes, generator=generator).cpu(), out, columns=4)
    print(f"{found}: men with glasses, men, women, and the first less the second plus the third")


if __name__ == "__main__":
    main()
