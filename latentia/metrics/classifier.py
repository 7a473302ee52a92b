"""A fixed small classifier, to ask what labelled images are worth: always the same network and steps."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm

from latentia._types import Images
from latentia.data import Split
from latentia.data.classical import Classical
from latentia.metrics.estimate import Unmeasurable

BATCH = 32
LEARNING_RATE = 3e-3
PASSES, FEWEST_IMAGES, MOST_IMAGES = 12, 32_000, 60_000
"""Images shown while learning: passes over the real ones, within the bounds."""
SMALLEST_GRID = 4
"""Positions a side, or fewer, that are left of an image."""
AT_ONCE = 500
"""Images that are classified in one go."""


@dataclass(frozen=True, slots=True)
class Examples:
    """Labelled images, which are read when they are needed.

    Attributes:
        read: Gives the images at some positions.
        classes: The class of each.
    """

    read: Callable[[Int64[Tensor, " batch"]], Images]
    classes: Int64[Tensor, " examples"]

    def __len__(self) -> int:
        return len(self.classes)

    @staticmethod
    def of(images: Images, classes: Int64[Tensor, " examples"]) -> "Examples":
        """Of images that are in memory."""
        return Examples(lambda rows: images[rows], classes)

    @staticmethod
    def of_split(split: Split) -> "Examples":
        """Of a part of a store.

        Raises:
            ValueError: If it has no classes.
        """
        classes = split.classes(slice(None))
        if classes is None:
            raise Unmeasurable(
                "these images have no classes to learn from. Put the images of each class in a folder of "
                "their own (--labels folders), or give a table (--labels FILE.csv)."
            )
        return Examples(split.images, classes)

    def beside(self, others: "Examples") -> "Examples":
        """These, and others behind them."""
        number = len(self)

        def read(rows: Int64[Tensor, " batch"]) -> Images:
            own = rows < number
            first, second = self.read(rows[own]), others.read(rows[~own] - number)
            images = first.new_empty(len(rows), *first.shape[1:])
            images[own], images[~own] = first, second
            return images

        return Examples(read, torch.cat([self.classes, others.classes]))


class ClassifierNetwork(nn.Sequential):
    """Images to logits: convolutions that halve an image to 4 positions a side or fewer, and a linear map.

    3 x 3 convolutions have 16, 32 and then 64 channels, with batch normalisation; a third of what comes out
    is dropped in training. Places are kept apart, so that it learns fast where things have their place.

    Args:
        image_shape: (channels, height, width).
        num_classes: How many logits.
    """

    def __init__(self, image_shape: tuple[int, int, int], num_classes: int) -> None:
        channels, height, width = image_shape
        layers: list[nn.Module] = []
        outputs = 16
        while max(height, width) > SMALLEST_GRID:
            layers += [nn.Conv2d(channels, outputs, 3, stride=2, padding=1, bias=False)]
            layers += [nn.BatchNorm2d(outputs), nn.ReLU()]
            channels, height, width = outputs, -(-height // 2), -(-width // 2)
            outputs = min(64, 2 * outputs)
        super().__init__(
            *layers, nn.Flatten(), nn.Dropout(1 / 3), nn.Linear(channels * height * width, num_classes)
        )


def steps_for(num_images: int) -> int:
    """How many steps of 32 images the classifier learns for, by the number of real ones."""
    return min(MOST_IMAGES, max(FEWEST_IMAGES, PASSES * num_images)) // BATCH


def learn_classifier(
    examples: Examples,
    weights: Float[Tensor, " examples"],
    num_classes: int,
    *,
    steps: int,
    classical: Classical | None = None,
    seed: int = 0,
    device: torch.device | str = "cpu",
    progress: bool = False,
) -> nn.Module:
    """A classifier that has learned from examples, some of them shown more often than others.

    Args:
        examples: Labelled images.
        weights: How often each is shown, in proportion, 0 or more.
        num_classes: Classes that it tells.
        steps: Steps of 32 images.
        classical: How each image is changed each time that it is shown; None for not at all.
        seed: Seed of weights, order and changes.
        device: Where to compute.
        progress: Whether a bar is shown.

    Returns:
        A network from images to logits, in evaluation mode.

    Note:
        AdamW at 0.003 with a one-cycle schedule. Nothing of it depends on what is compared, so that two
        classifiers differ by their examples alone.
    """
    device = torch.device(device)
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)  # modules draw weights, and what they drop, from the global generator
        channels, height, width = examples.read(torch.zeros(1, dtype=torch.int64)).shape[1:]
        network = ClassifierNetwork((channels, height, width), num_classes).to(device)
        generator = torch.Generator().manual_seed(seed)
        _descend(network, examples, _batches(weights, generator), steps, classical, generator, progress)
    return network.eval()


def _descend(
    network: nn.Module,
    examples: Examples,
    shown: Iterator[Tensor],
    steps: int,
    classical: Classical | None,
    generator: torch.Generator,
    progress: bool,
) -> None:
    device = next(network.parameters()).device
    optimizer = torch.optim.AdamW(network.parameters(), lr=LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=steps)
    for _ in tqdm(range(steps), desc="learning to tell classes", disable=not progress, leave=False):
        rows = next(shown)
        images = examples.read(rows).to(device)
        if classical is not None:
            uniform = torch.rand(len(images), Classical.num_numbers, generator=generator)
            images = classical(images, uniform.to(device))
        loss = functional.cross_entropy(network(images), examples.classes[rows].to(device))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()


@torch.no_grad()
def classify(network: nn.Module, examples: Examples) -> Float[Tensor, "examples classes"]:
    """Probabilities of the classes of each example."""
    device = next(network.parameters()).device
    parts = torch.arange(len(examples)).split(AT_ONCE)
    return torch.cat([network(examples.read(rows).to(device)).softmax(1).cpu() for rows in parts])


def _batches(weights: Float[Tensor, " examples"], generator: torch.Generator) -> Iterator[Tensor]:
    """Positions of examples, batch after batch, without end.

    They come in rounds of as many as there are examples. In a round each is shown n w times on average, and
    never a whole time less or more (systematic sampling); with equal weights, once.
    """
    number = max(len(weights), BATCH)
    ends = weights.double().cumsum(0) / weights.double().sum()
    waiting = torch.empty(0, dtype=torch.int64)
    while True:
        while len(waiting) < BATCH:
            places = (torch.arange(number) + torch.rand((), generator=generator)).double() / number
            rows = torch.searchsorted(ends, places, right=True).clamp(max=len(weights) - 1)
            waiting = torch.cat([waiting, rows[torch.randperm(number, generator=generator)]])
        chosen, waiting = waiting[:BATCH], waiting[BATCH:]
        yield chosen
