"""A classifier of MNIST digits that labels samples: trained once, in minutes of one core, and kept."""

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm

from latentia._types import Images
from latentia.data import Split, cache_folder, prepare
from latentia.metrics.feature_cache import keep, key_of

VERSION = 1  # raised when anything changes that the weights depend on
PASSES, BATCH, RATE = 4, 100, 3e-3
SHIFT = 2  # pixels each way that training digits are moved by
NEEDED = 0.99  # accuracy with which the published protocols label


class DigitClassifier:
    """The class of each digit, told by a small convolutional network.

    The domain network of `latentia.metrics` is right on 99.2 % of test digits, so on 97.5 % of stacks of
    three, and what it takes for another class counts as a mode. This one learns longer, from moved digits.

    Attributes:
        accuracy: Share of the 10,000 test digits that are told right.
        name: What to print beside a number.
    """

    def __init__(self) -> None:
        store = prepare("mnist", progress=False)
        path = cache_folder() / "spaces" / f"digits-{key_of(store.facts.fingerprint, VERSION)}.safetensors"
        if not path.is_file():
            keep(path, learn(store.split("train")).state_dict())
        self.network = make_network()
        self.network.load_state_dict(load_file(path))
        self.network.eval()
        test = store.split("test")
        right = self(test.images(slice(None))) == test.classes(slice(None))
        self.accuracy = right.double().mean().item()
        self.name = f"convolutional network, right on {self.accuracy:.2%} of the MNIST test images"
        if self.accuracy < NEEDED:
            raise SystemExit(f"The {self.name}: too few to label samples. Delete {path}.")

    @torch.no_grad()
    def __call__(self, digits: Images) -> Tensor:
        """The class of each digit."""
        return torch.cat([self.network(batch).argmax(1) for batch in digits.split(500)])


def make_network() -> nn.Sequential:
    """Grey images of 28 pixels to ten logits."""
    return nn.Sequential(
        *(nn.Conv2d(1, 32, 5, stride=2, padding=2), nn.BatchNorm2d(32), nn.ReLU()),
        *(nn.Conv2d(32, 64, 3, stride=2, padding=1), nn.BatchNorm2d(64), nn.ReLU()),
        *(nn.Conv2d(64, 64, 3, padding=1), nn.BatchNorm2d(64), nn.ReLU()),
        *(nn.Flatten(), nn.Dropout(0.3), nn.Linear(64 * 49, 128), nn.ReLU(), nn.Linear(128, 10)),
    )


def learn(split: Split) -> nn.Sequential:
    """A network that has seen every digit four times, each time moved by up to two pixels; seed 0."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = make_network()
        steps = PASSES * len(split) // BATCH
        optimizer = torch.optim.AdamW(network.parameters(), RATE)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps)
        order = torch.cat([torch.randperm(len(split)) for _ in range(PASSES)])
        for rows in tqdm(order[: steps * BATCH].split(BATCH), desc="learning digits"):
            loss = functional.cross_entropy(network(_moved(split.images(rows))), split.classes(rows))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return network


def _moved(images: Images) -> Images:
    """Each image moved at random; what comes in is background."""
    side = images.shape[-1]
    windows = functional.pad(images, (SHIFT,) * 4, value=-1.0).unfold(2, side, 1).unfold(3, side, 1)
    down, right = torch.randint(2 * SHIFT + 1, (2, len(images)))
    return windows[torch.arange(len(images)), :, down, right]
