"""Faces with attributes that one names: how well a separate network reads them off generated images.

    python benchmarks/attributes.py DATA_ROOT --minutes 20 --seeds 0 --out runs/attributes
    python benchmarks/attributes.py DATA_ROOT vae gan --minutes 0.3 --out runs/smoke

After table 1 of Larsen et al. 2016 (arXiv:1512.09300). Models are told the attributes of the training images
of LFW at 64 px; then each is told those of every test image, and draws one image for each. A network that
has learned attributes from the training images alone reads them off what was drawn. No person stands in two
splits. Attributes are standardised with the mean and deviation of the training images, constant ones are
left out, and so are images of which some are unknown. The ends of the scale are the test images themselves,
and the test images read against the attributes of others.

A run that is there already is not trained again, and neither is the reader. All numbers go to
OUT/attributes.json, and the first queries to OUT/attributes.png. Needs LFW and a table of its attributes
under DATA_ROOT (see docs/data.md).
"""

import argparse
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm

from latentia import recipes
from latentia._types import Images
from latentia.data import Facts, ImageStore, Preparation, Split, prepare
from latentia.data.pictures import save
from latentia.metrics import Estimate
from latentia.metrics.feature_cache import keep, key_of
from latentia.networks import Attributes
from latentia.training import Run

VERSION = 1  # raised when anything changes that the reader depends on
BATCH, RATE = 64, 2e-3
SHIFT = 3  # pixels each way that training images are moved by
CONSTANT = 0.01  # deviation of a probability, written with two decimals, that says nothing
SHOWN = 8  # queries in the picture

ROWS: dict[str, tuple[str, dict[str, Any]]] = {
    "vae": ("vae.conditional", {"likelihood": "optimal", "num_latents": 64}),
    "gan": ("gan.conditional", {"gamma": 0.3, "flip": True, "augment": "adaptive"}),
    "vae-gan": ("hybrid.vae_gan", {}),
}
"""A recipe a name, with the arguments that are not its defaults; every one is told attributes."""

Rows = Float[Tensor, "images attributes"]


class Known:
    """Images of a split whose attributes are all known, and these, standardised, without constant ones."""

    def __init__(self, split: Split, condition: Attributes) -> None:
        values = split.attributes(slice(None))
        assert values is not None
        self.split, self.rows = split, torch.nonzero(~values.isnan().any(1)).squeeze(1)
        self.given = values[self.rows]
        told = condition(self.given)
        self.targets: Rows = told[:, (condition.scale > 0) & (condition.scale < 1 / CONSTANT)]

    def images(self, places: Tensor) -> Images:
        return self.split.images(self.rows[places])

    def __len__(self) -> int:
        return len(self.rows)


class Reader:
    """A small convolutional network from images to standardised attributes, learned once and kept.

    Attributes:
        explained: R2 on the test images: the part of the variance of all attributes together that is read.
    """

    def __init__(self, train: Known, test: Known, facts: Facts, passes: int, out: Path) -> None:
        path = (
            out / f"reader-{key_of(facts.fingerprint, VERSION, passes, train.targets.shape[1])}.safetensors"
        )
        self.network = make_network(train.targets.shape[1])
        if not path.is_file():
            learn(self.network, train, passes)
            keep(path, self.network.state_dict())
        self.network.load_state_dict(load_file(path))
        self.network.eval()
        left = (self.of(test) - test.targets).square().mean()
        self.explained = 1 - (left / test.targets.var(0, correction=0).mean()).item()

    def of(self, known: Known) -> Rows:
        return self(known.images(torch.arange(len(known))))

    @torch.no_grad()
    def __call__(self, images: Images) -> Rows:
        return torch.cat([self.network(batch) for batch in images.split(256)])


def make_network(num_attributes: int) -> nn.Sequential:
    """Colour images of 64 px to numbers: four halvings, a mean over places, one layer."""
    layers: list[nn.Module] = []
    for inputs, outputs in ((3, 24), (24, 48), (48, 96), (96, 128)):
        layers += [nn.Conv2d(inputs, outputs, 4, stride=2, padding=1), nn.BatchNorm2d(outputs), nn.ReLU()]
    return nn.Sequential(*layers, nn.Flatten(), nn.Dropout(0.3), nn.Linear(128 * 16, num_attributes))


def learn(network: nn.Module, train: Known, passes: int) -> None:
    """Squared error on training images, each mirrored at random and moved by a few pixels; seed 0."""
    torch.manual_seed(0)
    steps = passes * len(train) // BATCH
    optimizer = torch.optim.AdamW(network.parameters(), RATE, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps)
    order = torch.cat([torch.randperm(len(train)) for _ in range(passes)])
    for places in tqdm(order[: steps * BATCH].split(BATCH), desc="learning attributes"):
        loss = functional.mse_loss(network(_moved(train.images(places))), train.targets[places])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()


def _moved(images: Images) -> Images:
    images = torch.where(torch.rand(len(images), 1, 1, 1) < 0.5, images.flip(3), images)
    side = images.shape[-1]
    windows = functional.pad(images, (SHIFT,) * 4, mode="replicate").unfold(2, side, 1).unfold(3, side, 1)
    down, right = torch.randint(2 * SHIFT + 1, (2, len(images)))
    return windows[torch.arange(len(images)), :, down, right]


@dataclass(frozen=True, slots=True)
class Agreement:
    """How what is read off images agrees with what was asked for, over all queries.

    Attributes:
        cosine: Mean cosine similarity of the two vectors, -1 to 1.
        squared_error: Mean squared error an attribute, in variances of the training images.
    """

    cosine: Estimate
    squared_error: Estimate

    @classmethod
    def of(cls, read: Rows, asked: Rows) -> "Agreement":
        values = functional.cosine_similarity(read, asked), (read - asked).square().mean(1)
        return cls(*map(Estimate.of_mean, values))

    def __str__(self) -> str:
        return f"{_with_error(self.cosine)} | {_with_error(self.squared_error)}"


def _with_error(number: Estimate) -> str:
    return f"{number.value:.4f} ± {number.error:.4f}"


@torch.no_grad()
def drawn(run: Run, asked: Rows, seed: int) -> Images:
    """An image for every query; of explicit models the mean of p(x|z), as papers show it."""
    generator, model = torch.Generator().manual_seed(seed), run.model
    parts = [model.sample(len(g), given=g, generator=generator, noise=False) for g in asked.split(128)]
    return torch.cat(parts).clamp(-1, 1)


def open_or_train(name: str, seed: int, store: ImageStore, minutes: float, out: Path) -> Run:
    """The run of a row: the one that is there, or a new one."""
    path = out / f"{name}-{seed}"
    if not path.is_dir():
        recipe, arguments = ROWS[name]
        recipes.train(
            recipe,
            "lfw",
            out=path,
            minutes=minutes,
            seed=seed,
            preparation=store.preparation,
            **{"told": "attributes"} | arguments,
        )
    return recipes.open_run(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("root", metavar="DATA_ROOT")
    parser.add_argument("rows", nargs="*", default=list(ROWS), choices=[[], *ROWS], metavar="ROW")
    parser.add_argument("--minutes", type=float, default=20.0, help="of training, each run")
    parser.add_argument("--passes", type=int, default=8, help="of the reader over the training images")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--out", type=Path, default=Path("runs/attributes"))
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)

    preparation = Preparation(size=64, split="folder", data_root=asked.root)
    store = prepare("lfw", preparation)
    facts = store.facts
    condition = Attributes(len(facts.attributes), facts.num_train, facts.attribute_values)
    train, test = (Known(store.split(part), condition) for part in ("train", "test"))
    reader = Reader(train, test, facts, asked.passes, asked.out)
    real = reader.of(test)
    others = test.targets[torch.randperm(len(test), generator=torch.Generator().manual_seed(0))]
    found = {"real images": Agreement.of(real, test.targets), "shuffled queries": Agreement.of(real, others)}
    pictures = [test.images(torch.arange(SHOWN))]
    for name in asked.rows:
        for seed in asked.seeds:
            run = open_or_train(name, seed, store, asked.minutes, asked.out)
            images = drawn(run, test.given, seed)
            spent = f"{run.seconds / 60:.1f} min, {run.images_seen:,} images"
            found[f"{name}, seed {seed}, {spent}"] = Agreement.of(reader(images), test.targets)
            pictures.append(images[:SHOWN])
    report(found, test, reader, asked.out)
    print(save(torch.cat(pictures), asked.out / "attributes.png", columns=SHOWN))


def report(found: dict[str, Agreement], test: Known, reader: Reader, out: Path) -> None:
    """Prints the table, and writes it with its protocol."""
    protocol = (
        f"{len(test)} test images of people whom neither the models nor the reader have seen, "
        f"{test.targets.shape[1]} attributes, standardised; one draw a query; the reader explains "
        f"{reader.explained:.3f} of the variance of test images' attributes; errors are over queries"
    )
    print(f"{protocol}\n\n| images | cosine | squared error |\n| --- | --- | --- |")
    for name, agreement in found.items():
        print(f"| {name} | {agreement} |")
    numbers = {name: asdict(agreement) for name, agreement in found.items()}
    text = json.dumps({"protocol": protocol, "rows": numbers}, indent=1)
    (out / "attributes.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
