"""The domain's own feature space: a small network that has learned from the user's training images."""

from pathlib import Path
from typing import Literal

import torch
from jaxtyping import Float, Int64
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import Tensor

from latentia._types import Images
from latentia.data import ImageStore, Split, cache_folder
from latentia.metrics.domain_network import DomainNetwork, clusters, learn, num_clusters
from latentia.metrics.estimate import Unmeasurable
from latentia.metrics.feature_cache import keep, key_of
from latentia.metrics.features import FeatureSpace, Vectors, hash_of

VERSION = 2  # raised when anything changes that weights depend on: they are then learned again
IMAGES_A_CLASS = 20  # training images; with fewer, classes are names rather than kinds
CHECKED = 2000  # held-out images at most that the accuracy is measured on

Teacher = Literal["auto", "classes", "clusters"]


class DomainFeatures(FeatureSpace):
    """The 128 pooled features of a small residual network, trained once on the training split and kept.

    Where there are classes it learns to tell them; elsewhere it learns to tell into which of up to 64
    clusters an image falls, found in the features of an untrained network.

    Args:
        store: The images. Only its training split is learned from; the validation split, or the test
            split where that is empty, says how many images are told right.
        teacher: `classes`, `clusters`, or `auto`: classes where there are at least two, with 20 training
            images each on average.
        seed: Seed of the weights, the order and the clusters.
        cache: Folder for the trained network; without it, the user's cache folder.
        progress: Whether a bar is shown while it learns.

    Attributes:
        num_classes: Classes that `classify` tells; 0 where it learned from clusters.
        accuracy: Share of held-out images told right; None where it learned from clusters.

    Raises:
        ValueError: If classes are asked for and there are fewer than two, if the kept network is damaged,
            or if the cache cannot be written to.

    Note:
        The same seed gives the same weights on one machine, and others, with another hash, on a different
        one: carry the file in the cache along where numbers are to be compared. Features of classes
        look past what classes do not differ in: read them beside `random`.
    """

    def __init__(
        self,
        store: ImageStore,
        *,
        teacher: Teacher = "auto",
        seed: int = 0,
        cache: Path | None = None,
        progress: bool = True,
    ) -> None:
        train = store.split("train")
        self.num_classes = _num_classes(store, teacher)
        num_outputs = self.num_classes or num_clusters(len(train))
        key = key_of(store.facts.fingerprint, train.fresh, self.num_classes, seed, VERSION)
        path = (cache or cache_folder()) / "spaces" / f"domain-{key}.safetensors"
        if not path.is_file():
            rows, labels = _classes(train) if self.num_classes else clusters(train, seed=seed)
            self._network = learn(train, rows, labels, num_outputs, seed=seed, progress=progress)
            keep(path, self._network.state_dict(), {"accuracy": self._measure_accuracy(store)})
        channels, *sides = train.image_shape
        with torch.device("meta"):  # its weights come from the file: none are drawn
            self._network = DomainNetwork(channels, min(sides), num_outputs).eval()
        self.accuracy = _load(self._network, path)
        self.hash = hash_of(list(self._network.state_dict().values()))
        learned = f"{num_outputs} clusters"
        if self.accuracy is not None:
            learned = f"{self.num_classes} classes, {100 * self.accuracy:.1f} % of held-out images told right"
        self.name = f"domain network (learned from {learned}; seed {seed})"

    def classify(self, images: Images, *, batch_size: int = 256) -> Float[Tensor, "batch classes"]:
        """Logits of the classes; `classify(images).argmax(1)` labels samples of a model without classes.

        Args:
            images: Values in [-1, 1].
            batch_size: Images held in memory at a time, at least 1.

        Raises:
            Unmeasurable: If the network learned without classes.
        """
        if not self.num_classes:
            raise Unmeasurable(
                "this domain network learned from clusters, not from classes, and cannot tell any. Label "
                "the images (--labels FILE.csv, or a folder a class), 20 a class or more."
            )
        network = self._network.to(images.device)
        with torch.no_grad():
            return torch.cat([network(batch) for batch in images.split(batch_size)])

    def _embed(self, images: Images) -> Vectors:
        return self._network.to(images.device).features(images)

    def _measure_accuracy(self, store: ImageStore) -> str:
        """Share of held-out images told right; empty where there are no classes to tell."""
        if not self.num_classes:
            return ""
        held_out = store.split("validation" if store.facts.num_validation else "test")
        rows, classes = _classes(held_out, CHECKED)
        right = self.classify(held_out.images(rows)).argmax(1) == classes
        return str(right.double().mean().item())


def _classes(
    split: Split, most: int | None = None
) -> tuple[Int64[Tensor, " images"], Int64[Tensor, " images"]]:
    """Positions of the first images of a split, or of all, and their classes."""
    rows = torch.arange(len(split))[:most]
    classes = split.classes(rows)
    assert classes is not None
    return rows, classes


def _num_classes(store: ImageStore, teacher: Teacher) -> int:
    """Classes to learn from; 0 to learn from clusters."""
    found, enough = len(store.facts.classes), store.facts.num_train // IMAGES_A_CLASS
    if teacher == "classes" and found < 2:
        raise ValueError(
            f"{store.facts.name} has {found} classes: at least 2 are needed to learn from. Leave the teacher "
            "to `auto`, or label the images (--labels FILE.csv, or a folder a class)."
        )
    use = teacher == "classes" or (teacher == "auto" and 2 <= found <= enough)
    return found if use else 0


def _load(network: DomainNetwork, path: Path) -> float | None:
    """Put the kept weights into a network; the accuracy that was measured with them."""
    try:
        with safe_open(path, "pt") as file:
            accuracy = (file.metadata() or {}).get("accuracy", "")
        network.load_state_dict(load_file(path), assign=True)
    except (OSError, SafetensorError, RuntimeError) as error:
        raise ValueError(f"{path} is damaged: {error}. Delete it; it is then learned again.") from error
    return float(accuracy) if accuracy else None
