"""A network of a model's own shape, taught by labels: what features learned without them compete with."""

import torch
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm

from latentia._types import Images
from latentia.data import Split
from latentia.data.classical import Classical
from latentia.tasks.draw import AT_ONCE
from latentia.tasks.layers import FeatureReader
from latentia.tasks.linear_probe import Labels, Scores

BATCH = 32
RATE = 1e-3
PASSES, FEWEST_SHOWN, MOST_SHOWN = 12, 6_000, 200_000
"""Images shown while learning: passes over the labelled ones, within the bounds."""


class SupervisedNetwork(nn.Module):
    """A model up to its deepest layer, and a linear layer from there to classes.

    Args:
        model: A model that has learned nothing; it is trained. Its own task plays no part.
        num_classes: How many classes.

    Raises:
        ValueError: If it has neither critic nor encoder, or is conditional.
    """

    def __init__(self, model: nn.Module, num_classes: int) -> None:
        super().__init__()
        self.model = model.requires_grad_(True)
        usual = FeatureReader(model)
        self._trunk = FeatureReader(model, [usual.deepest])
        shown = torch.zeros(1, *model.image_shape, device=next(model.parameters()).device)  # type: ignore[misc]
        model.eval()
        with torch.no_grad():
            num_features = self._trunk.activations(shown)[usual.deepest].numel()
        self.outputs = nn.Linear(num_features, num_classes).to(shown.device)

    def forward(self, images: Images) -> Scores:
        (deepest,) = self._trunk.activations(images).values()
        logits: Tensor = self.outputs(deepest.flatten(1))
        return logits

    @torch.no_grad()
    def predict(self, split: Split) -> Labels:
        """The class of each image of a part of the data."""
        self.eval()
        device = self.outputs.weight.device
        starts = range(0, len(split), AT_ONCE)
        parts = (split.images(slice(start, start + AT_ONCE)).to(device) for start in starts)
        return torch.cat([self(part).argmax(1).cpu() for part in parts])


def learn_supervised(
    model: nn.Module,
    split: Split,
    rows: Labels,
    labels: Labels,
    num_classes: int,
    *,
    seed: int = 0,
    progress: bool = False,
) -> SupervisedNetwork:
    """Teaches a network of a model's shape the labels of some images.

    AdamW at 0.001 with a one-cycle schedule; 12 passes over the labelled images, but at least 6,000 and at
    most 200,000 images shown. Images that were shown before come a little shifted, turned and enlarged, and
    half of them mirrored where they have colour.

    Args:
        model: A model that has learned nothing; it is trained.
        split: The images.
        rows: Positions of those to learn from.
        labels: Their classes.
        num_classes: How many classes.
        seed: Of the order, the changes and the last layer.
        progress: Whether to draw a bar.

    Returns:
        The network, in evaluation mode.
    """
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):  # a layer draws its weights from the global generator
        torch.manual_seed(seed)
        network = SupervisedNetwork(model, num_classes)
    device = network.outputs.weight.device
    changed = Classical(flip=split.image_shape[0] > 1)
    steps = max(1, min(MOST_SHOWN, max(FEWEST_SHOWN, PASSES * len(rows))) // BATCH)
    adam = torch.optim.AdamW(network.parameters(), lr=RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(adam, RATE, total_steps=steps)
    waiting = torch.empty(0, dtype=torch.int64)
    network.train()
    for step in tqdm(range(steps), desc="supervised network", leave=False, disable=not progress):
        while len(waiting) < BATCH:
            waiting = torch.cat([waiting, torch.randperm(len(rows), generator=generator)])
        chosen, waiting = waiting[:BATCH], waiting[BATCH:]
        images = split.images(rows[chosen]).to(device)
        if step * BATCH >= len(rows):
            uniform = torch.rand(len(images), changed.num_numbers, generator=generator)
            images = changed(images, uniform.to(device))
        loss = functional.cross_entropy(network(images), labels[chosen].to(device))
        adam.zero_grad(set_to_none=True)
        loss.backward()
        adam.step()
        schedule.step()
    return network.eval()
