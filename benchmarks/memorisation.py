"""P-values of the memorisation test, for generators that are known to copy or not to copy.

    python benchmarks/memorisation.py SOURCE [--seeds 5] [--references 2000]

One row a generator: the largest and the smallest p-value over seeds, which choose samples and noise.
"""

import argparse
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from latentia.data import prepare
from latentia.metrics import measure_memorisation
from latentia.metrics.neighbours import moved_neighbours

SAMPLES = 1000


def blur(images: Tensor) -> Tensor:
    return functional.avg_pool2d(functional.pad(images, (1, 1, 1, 1), mode="replicate"), 3, 1)


def generators(train: Tensor, fresh: Tensor, seed: int) -> dict[str, Callable[[], Tensor]]:
    """Name and draws of each generator; `fresh` are images that are neither training nor held-out ones."""
    draws = torch.Generator().manual_seed(seed)
    copies = train[torch.randperm(len(train), generator=draws)[:SAMPLES]]
    fresh = fresh[torch.randperm(len(fresh), generator=draws)[:SAMPLES]]

    def noisy(images: Tensor, deviation: float) -> Tensor:
        return images + deviation * torch.randn(images.shape, generator=draws)

    def some(share: float) -> Tensor:
        number = round(share * len(fresh))
        return torch.cat([noisy(copies[:number], 0.05), fresh[number:]])

    def gaussian(components: int | None) -> Tensor:
        flat = train.flatten(1)
        mean, centred = flat.mean(0), flat - flat.mean(0)
        weights = torch.randn(SAMPLES, len(flat), generator=draws) / (len(flat) - 1) ** 0.5
        if components is None:
            return (mean + weights @ centred).clamp(-1, 1).view(SAMPLES, *train.shape[1:])
        left, scales, axes = torch.svd_lowrank(centred, components)
        return (mean + weights @ (left * scales) @ axes.T).clamp(-1, 1).view(SAMPLES, *train.shape[1:])

    def between(count: int) -> Tensor:
        near = moved_neighbours(copies, train, num_neighbours=count, max_shift=0, flips=False).indices
        return train[near].mean(1)

    return {
        "copies": lambda: copies,
        "copies, noise 0.05": lambda: noisy(copies, 0.05),
        "copies, noise 0.2": lambda: noisy(copies, 0.2),
        "copies, blurred": lambda: blur(copies),
        "copies, flipped and shifted, noise 0.1": lambda: noisy(copies.flip(3).roll(1, 2), 0.1),
        "copies in 10 % of samples": lambda: some(0.1),
        "copies in 5 % of samples": lambda: some(0.05),
        "copies in 2 % of samples": lambda: some(0.02),
        "means of 2 neighbours": lambda: between(2),
        "means of 5 neighbours": lambda: between(5),
        "fresh images": lambda: fresh,
        "fresh images, blurred": lambda: blur(fresh),
        "fresh images, blurred twice": lambda: blur(blur(fresh)),
        "fresh images, noise 0.2": lambda: noisy(fresh, 0.2),
        "fresh images, flipped and shifted": lambda: fresh.flip(3).roll(1, 2),
        "Gaussian": lambda: gaussian(None),
        "Gaussian of 50 principal components": lambda: gaussian(50),
    }


def one_sided(samples: Tensor, train: Tensor, held_out: Tensor) -> float:
    """Z of a comparison that accuses honest models: are samples nearer to training images than others?"""
    ours, theirs = (
        moved_neighbours(s, train).distances[:, 0].double() for s in (samples, held_out[:SAMPLES])
    )
    error = (ours.var() / len(ours) + theirs.var() / len(theirs)).sqrt()
    return ((theirs.mean() - ours.mean()) / error).item()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("source")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--references", type=int, default=2000)
    options = parser.parse_args()
    store = prepare(options.source, progress=False)
    everything = torch.cat(
        [store.split(name).images(slice(None)) for name in ("train", "validation", "test")]
    )
    everything = everything[torch.randperm(len(everything), generator=torch.Generator().manual_seed(0))]
    size = min(options.references, int(0.45 * len(everything)))
    train, held_out, fresh = everything[:size], everything[size : 2 * size], everything[2 * size :]
    print(f"{options.source}: {size} training and {size} held-out images, {min(len(fresh), SAMPLES)} fresh")
    print(f"{'generator':40}{'share':>8}{'z':>8}{'largest p':>11}{'smallest p':>12}{'one-sided z':>13}")
    for name in generators(train, fresh, 0):
        results = []
        for seed in range(options.seeds):
            samples = generators(train, fresh, seed)[name]()
            results.append(measure_memorisation(samples, train, held_out, seed=seed))
        ps = [result.p_value for result in results]
        mean_z = sum(result.z for result in results) / len(results)
        share = sum(result.share.value for result in results) / len(results)
        naive = one_sided(samples, train, held_out)
        print(f"{name:40}{share:8.3f}{mean_z:8.1f}{max(ps):11.5f}{min(ps):12.5f}{naive:13.1f}", flush=True)


if __name__ == "__main__":
    main()
