"""The network of the domain's feature space, and how it learns: from classes, or from clusters."""

import torch
from jaxtyping import Float, Int64
from sklearn.cluster import MiniBatchKMeans
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm

from latentia._types import Images
from latentia.data import Split
from latentia.metrics.features import RandomFeatures

NUM_FEATURES = 128
SMALLEST_GRID = 8  # positions a side, or fewer, where the residual block looks
BATCH = 64
LEARNING_RATE = 3e-3
PASSES, FEWEST_IMAGES, MOST_IMAGES = 12, 6_000, 60_000  # shown while learning: passes, within the bounds
MOST_CLUSTERS, IMAGES_A_CLUSTER = 64, 20
MOST_CLUSTERED = 10_000  # images that are clustered and learned from
MOST_PIXELS = 40_000_000  # that they have together
READ = 1000  # images in memory at a time


class DomainNetwork(nn.Module):
    """Images to 128 pooled features, and to outputs that are linear in them.

    4 x 4 convolutions halve the images to 8 positions a side or fewer, a residual block looks around,
    and a 1 x 1 convolution widens what is pooled; batch normalisation throughout.

    Args:
        channels: Channels of the images.
        side: Shorter side of the images, in pixels.
        num_outputs: Classes, or clusters.

    Source:
        A small residual network (He et al. 2016, arXiv:1512.03385), sized for seconds on a processor.
    """

    def __init__(self, channels: int, side: int, num_outputs: int) -> None:
        super().__init__()
        halvings = 0
        while side >> halvings > SMALLEST_GRID:
            halvings += 1
        widths = [max(16, 64 >> level) for level in reversed(range(max(1, halvings)))]
        inputs = [channels, *widths]
        kernel, stride = (4, 2) if halvings else (3, 1)
        stem = [_layer(*pair, kernel, stride) for pair in zip(inputs, widths, strict=False)]
        self.stem = nn.Sequential(*stem)
        self.block = nn.Sequential(_layer(64, 64, 3), nn.Conv2d(64, 64, 3, padding=1), nn.BatchNorm2d(64))
        self.widen = _layer(64, NUM_FEATURES, 1)
        self.outputs = nn.Linear(NUM_FEATURES, num_outputs)

    def features(self, images: Images) -> Float[Tensor, "batch features"]:
        """The pooled features."""
        seen = self.stem(images)
        looked = functional.relu(seen + self.block(seen))
        widened: Tensor = self.widen(looked)
        return widened.mean((2, 3))

    def forward(self, images: Images) -> Float[Tensor, "batch outputs"]:
        outputs: Tensor = self.outputs(self.features(images))
        return outputs


def learn(
    split: Split,
    rows: Int64[Tensor, " images"],
    labels: Int64[Tensor, " images"],
    num_labels: int,
    *,
    seed: int,
    progress: bool,
) -> DomainNetwork:
    """A network that has learned to tell labels of images, in a time that does not grow with their number.

    Args:
        split: Training images.
        rows: Positions in it of the images to learn from.
        labels: What to tell of each: its class or its cluster.
        num_labels: How many different ones there may be.
        seed: Seed of weights, order, shifts and flips.
        progress: Whether a bar is shown.
    """
    channels, *sides = split.image_shape
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):  # modules draw their weights from the global generator
        torch.manual_seed(seed)
        network = DomainNetwork(channels, min(sides), num_labels)
    steps = min(MOST_IMAGES, max(FEWEST_IMAGES, PASSES * len(rows))) // BATCH
    optimizer = torch.optim.AdamW(network.parameters(), lr=LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=steps)
    waiting = torch.empty(0, dtype=torch.int64)
    for step in tqdm(range(steps), desc="learning the domain's features", disable=not progress):
        while len(waiting) < BATCH:
            waiting = torch.cat([waiting, torch.randperm(len(rows), generator=generator)])
        chosen, waiting = waiting[:BATCH], waiting[BATCH:]
        images = split.images(rows[chosen])
        if step * BATCH >= len(rows):  # images that were seen before come a little changed
            images = _flip(_shift(images, generator), generator)
        loss = functional.cross_entropy(network(images), labels[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return network.eval()


def num_clusters(num_images: int) -> int:
    """How many clusters so many images are put into: 20 images each, at most 64 clusters, at least 2."""
    return max(2, min(MOST_CLUSTERS, num_images // IMAGES_A_CLUSTER))


def clusters(split: Split, *, seed: int) -> tuple[Int64[Tensor, " clustered"], Int64[Tensor, " clustered"]]:
    """Some images of a split, as many as are read in a few seconds, and the cluster of each.

    K-means on standardised random features, which see every scale: a network that is to tell such clusters
    must see texture as well as layout. Clusters of small copies of the images made it blind to blur.

    Returns:
        Positions in the split, in random order, and clusters.

    Source:
        Caron et al. 2018, arXiv:1807.05520, learn from clusters of the network's own features, found anew
        in every pass; here they are found once, in an untrained network's features.
    """
    channels, height, width = split.image_shape
    most = min(MOST_CLUSTERED, MOST_PIXELS // (height * width))
    rows = torch.randperm(len(split), generator=torch.Generator().manual_seed(seed))[:most]
    space = RandomFeatures(channels)
    features = torch.cat([space(split.images(some)) for some in rows.split(READ)])
    standard = (features - features.mean(0)) / features.std(0).clamp_min(1e-6)
    means = MiniBatchKMeans(num_clusters(len(split)), random_state=seed, n_init=3)
    return rows, torch.from_numpy(means.fit_predict(standard.numpy())).long()


def _shift(images: Images, generator: torch.Generator) -> Images:
    """Each image moved by up to a twentieth of its side, at least a pixel; its edge is repeated."""
    height, width = images.shape[2:]
    most = max(1, min(height, width) // 20)
    padded = functional.pad(images, (most,) * 4, mode="replicate")
    windows = padded.unfold(2, height, 1).unfold(3, width, 1)  # a view: (image, channel, down, right, ...)
    down, right = torch.randint(2 * most + 1, (2, len(images)), generator=generator)
    return windows[torch.arange(len(images)), :, down, right]


def _flip(images: Images, generator: torch.Generator) -> Images:
    """Half of the images mirrored where they have colour; grey ones may be signs, which mirrors change."""
    if images.shape[1] == 1:
        return images
    chosen = torch.rand(len(images), 1, 1, 1, generator=generator) < 0.5
    return torch.where(chosen, images.flip(3), images)


def _layer(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Sequential:
    convolution = nn.Conv2d(inputs, outputs, kernel, stride, padding=(kernel - stride + 1) // 2, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU())
