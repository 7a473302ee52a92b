"""What goes wrong with each wrong likelihood, in numbers: the tables and the picture of docs/likelihoods.md.

    python benchmarks/which_likelihood.py fashion-mnist --data-root DATA_ROOT --pictures docs/pictures

The same small convolutional autoencoder is trained with each likelihood on the same images, on one thread.
"""

import argparse
import math
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np
import torch
from torch import Tensor, nn

matplotlib.use("Agg")
from matplotlib import pyplot

from latentia.data import Order, Preparation, Split, prepare
from latentia.data.pictures import grid
from latentia.distributions import (
    Bernoulli,
    BernoulliPixels,
    Density,
    DiscretisedNormal,
    LogisticMixture,
    Normal,
    NormalPixels,
)
from latentia.distributions.levels import level_width, value_of_level
from latentia.losses import normal_rates
from latentia.metrics import evaluate_likelihood
from latentia.models import VariationalAutoencoder
from latentia.recipes import find
from latentia.recipes.vae.parts import autoencoder, plan
from latentia.training import Plan, State, take_turn
from latentia.training.loop import Feed
from latentia.training.processes import Processes

NETWORK = {"width": 16, "num_latents": 32}
SETTINGS = {"rate": 1e-3, "batch_size": 64, "half_life": 10_000}
CPU = torch.device("cpu")
SHOWN = 10


@dataclass(frozen=True, slots=True)
class CrossEntropy(Density):
    """What "binary cross entropy" makes of grey images: no distribution, unless divided by its sum.

    Attributes:
        bernoulli: The Bernoulli whose expression it borrows.
        levels: Stored levels of the data.
        normalised: Whether it is divided by its sum over the levels, as a likelihood would be.
    """

    bernoulli: Bernoulli
    levels: int
    normalised: bool

    @property
    def mean(self) -> Tensor:
        return self.bernoulli.mean

    @property
    def noise_shape(self) -> tuple[int, ...]:
        return self.bernoulli.noise_shape

    def draw(self, noise: Tensor) -> Tensor:
        return self.bernoulli.draw(noise)

    def log_prob(self, value: Tensor) -> Tensor:
        logits = self.bernoulli.logits
        kept = self.bernoulli.log_prob(torch.ones_like(value)) + ((value - 1) / 2 * logits).flatten(1).sum(1)
        return kept - _log_sum(logits, self.levels).flatten(1).sum(1) if self.normalised else kept


def _log_sum(logits: Tensor, levels: int) -> Tensor:
    """Log of the sum over all levels x of p^x (1 - p)^(1 - x), p = sigmoid(logits), x from 0 to 1."""
    steps = torch.arange(levels, device=logits.device) / (levels - 1)
    return nn.functional.logsigmoid(-logits) + torch.logsumexp(logits.unsqueeze(-1) * steps, -1)


class CrossEntropyPixels(nn.Module):
    """Network outputs to a cross entropy."""

    def __init__(self, image_shape: tuple[int, int, int], levels: int, mean: Tensor | None) -> None:
        super().__init__()
        self.levels, self.normalised = levels, False
        self.bernoulli = BernoulliPixels(image_shape, levels=2, mean=mean)
        self.num_outputs = self.bernoulli.num_outputs

    def forward(self, outputs: Tensor) -> Density:
        return CrossEntropy(self.bernoulli(outputs), self.levels, self.normalised)


def sums_over_levels(levels: int) -> None:
    """Prints what each "likelihood" of one pixel sums to over the levels: 1 is right."""
    values = value_of_level(torch.arange(levels).double(), levels).reshape(-1, 1, 1, 1)
    width = level_width(levels)

    def one(number: float) -> Tensor:
        return torch.full((levels, 1, 1, 1), number, dtype=torch.float64)

    print(f"\n| one pixel of {levels} levels | sum over its levels |\n| --- | --- |")
    for p in (0.5, 0.1, 0.001):
        logits = one(math.log(p / (1 - p)))
        total = float(CrossEntropy(Bernoulli(logits), levels, False).log_prob(values).exp().sum())
        print(f"| binary cross entropy, p = {p} | {total:.2f} |")
    middle = float(values[levels // 2])
    for deviation in (0.5, 0.42, 0.3):
        log_std = one(math.log(deviation * width))
        total = float(width * Normal(one(middle), log_std).log_prob(values).exp().sum())
        print(
            f"| Gaussian density times width, mean on a level, deviation {deviation} levels | {total:.3f} |"
        )
    for mean in (-1.0, -1.2):
        edge = torch.distributions.Normal(mean, 0.1)
        total = float((edge.cdf(values + width / 2) - edge.cdf(values - width / 2)).sum())
        print(f"| cells without tails, mean {mean}, deviation 0.1 | {total:.3f} |")
    for name, density in (
        ("`DiscretisedNormal`", DiscretisedNormal(one(-1.2), one(math.log(0.1)), levels)),
        ("`LogisticMixture`", _logistic(one(-1.2), one(0.1), levels)),
    ):
        total = float(density.log_prob(values).exp().sum())
        print(f"| {name}, mean -1.2, scale 0.1 | {total:.9f} |")


def _logistic(mean: Tensor, scale: Tensor, levels: int) -> LogisticMixture:
    none = mean.new_zeros(len(mean), 0, 1, 1, 1)
    return LogisticMixture(torch.zeros_like(mean), mean.unsqueeze(1), scale.unsqueeze(1), none, levels)


def fit(
    made: Plan,
    split: Split,
    images: int,
    marks: tuple[int, ...] = (),
    note: Callable[[VariationalAutoencoder, int], None] | None = None,
) -> VariationalAutoencoder:
    """The averaged model after so many images; at the marks, `note` is told."""
    feed = Feed(split, Order(len(split), 0), CPU, Processes())
    state = State.fresh(made, CPU)
    waiting = list(marks)
    while state.images_seen < images:
        take_turn(state, made, feed, seed=0, horizon=images)
        if note and waiting and state.images_seen >= waiting[0]:
            note(state.average.model.eval(), waiting.pop(0))
    model = state.average.model.eval()
    assert isinstance(model, VariationalAutoencoder)
    return model


@torch.no_grad()
def measured(model: VariationalAutoencoder, images: Tensor, levels: int) -> dict[str, float]:
    """Bits a dimension, rate in nats an image, and the error of reconstructions in levels."""
    found = evaluate_likelihood(model, images, levels=levels, split="test", num_draws=16)
    posterior = model.encode(images)
    rates = normal_rates(posterior, model.prior())
    error = (model.decode(posterior.mean).mean - images).square().mean().sqrt()
    return {
        "bits": found.bits_per_dim,
        "nats": -found.mean,
        "rate": float(rates.sum(1).mean()),
        "active": float((posterior.mean.var(0) > 0.01).sum()),
        "error": float(error) / level_width(levels),
    }


def undequantised(marks: tuple[int, ...]) -> None:
    """Trains a Gaussian a pixel on the digits with and without noise, and prints how the bound goes."""
    store = prepare("digits", progress=False)
    facts, train, test = store.facts, store.split("train"), store.split("test")
    images = {"train": train.images(slice(0, 300)), "test": test.images(slice(0, 300))}
    volume = math.prod(facts.image_shape) * math.log(level_width(facts.levels))
    found: dict[int, list[float]] = {mark: [] for mark in marks}

    def claim(head: NormalPixels, model: VariationalAutoencoder, split: str, levels: int | None) -> float:
        head.levels = levels
        likelihood = evaluate_likelihood(model, images[split], levels=facts.levels, split=split, num_draws=16)
        return likelihood.mean

    for trained_with in (None, facts.levels):
        torch.manual_seed(0)
        std = facts.std.clamp(min=0.1)
        head = NormalPixels(facts.image_shape, levels=trained_with, mean=facts.mean, std=std)
        made = plan(autoencoder(facts, likelihood=head, network="convolutional", **NETWORK), **SETTINGS)

        def note(model: VariationalAutoencoder, seen: int, levels: int | None = trained_with) -> None:
            own = model.decoder[1]
            if levels is None:  # the density, in units of one level, as a bound on log-mass is
                found[seen].append(claim(own, model, "train", None) + volume)
            found[seen].append(claim(own, model, "test", facts.levels))
            own.levels = levels

        fit(made, train, marks[-1], marks, note)
    print("\n| images seen | without noise: the bound it claims | its log-mass | with noise: log-mass |")
    print("| --- | --- | --- | --- |")
    for mark, numbers in found.items():
        print(f"| {mark:,} | " + " | ".join(f"{number:+,.1f}" for number in numbers) + " |")


def choices(facts) -> dict[str, Callable[[], Plan]]:
    """Likelihoods by the name that the table gives them."""
    sigma, beta = find("vae.sigma"), find("vae.beta")
    dims = math.prod(facts.image_shape)

    def chosen(likelihood: str, beta_: float = 1.0) -> Callable[[], Plan]:
        return lambda: beta(facts, likelihood=likelihood, beta=beta_, **NETWORK, **SETTINGS)

    def fixed(std: float) -> Callable[[], Plan]:
        return lambda: sigma(facts, variance="fixed", fixed_std=std, **NETWORK, **SETTINGS)

    def cross_entropy() -> Plan:
        head = CrossEntropyPixels(facts.image_shape, facts.levels, facts.mean)
        model = autoencoder(facts, likelihood=head, network="convolutional", **NETWORK)
        return plan(model, **SETTINGS)

    rows = {
        "binary cross entropy on grey": cross_entropy,
        "Gaussian, sigma = 1": fixed(1.0),
        "Gaussian, sigma = 0.1": fixed(0.1),
        "Gaussian, shared optimum": chosen("optimal"),
        f"the same, errors averaged over pixels (beta = {dims})": chosen("optimal", float(dims)),
        "Gaussian a pixel": chosen("gaussian"),
        "discretised logistic": chosen("logistic"),
        "mixture of 5 logistics": chosen("mixture"),
    }
    # With 256 levels the evaluator's chunks of decoded images would take gigabytes.
    return rows | ({"categorical": chosen("categorical")} if facts.levels <= 32 else {})


def draw(shown: dict[str, Tensor], path: Path) -> None:
    """A row of generated images for each likelihood."""
    figure, axes = pyplot.subplots(len(shown), 1, figsize=(7, 1.06 * len(shown)), facecolor="white")
    for axis, (title, images) in zip(axes, shown.items(), strict=True):
        axis.imshow(np.asarray(grid(images, columns=SHOWN).convert("RGB")), interpolation="nearest")
        axis.set_title(title, fontsize=10, loc="left", pad=2)
        axis.set_axis_off()
    figure.tight_layout(pad=0.3)
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def row(name: str, model: VariationalAutoencoder, test: Tensor, levels: int, seconds: float) -> str:
    """One line of the table; cross entropy gets two, what it claims and what it is."""
    line = "| {name} | {bits:.3f} | {nats:,.0f} | {rate:.1f} | {active:.0f} | {error:.1f} | {seconds:.0f} |"
    found = {"name": name, "seconds": seconds, **measured(model, test, levels)}
    if not isinstance(model.decoder[1], CrossEntropyPixels):
        return line.format(**found)
    model.decoder[1].normalised = True
    divided = {**found, **measured(model, test, levels), "name": f"{name}, divided by its sum"}
    return line.format(**found) + "\n" + line.format(**divided)


def main() -> None:
    """Prints the tables and draws the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("source")
    parser.add_argument("--data-root")
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--only", nargs="*", default=[], help="parts of names of likelihoods")
    parser.add_argument("--pictures", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    store = prepare(options.source, Preparation(data_root=options.data_root), progress=False)
    facts, split = store.facts, store.split("train")
    test = store.split("test").images(slice(0, 1000))
    wanted = options.only or [""]
    sums_over_levels(facts.levels)
    if any(part in "undequantised" for part in wanted):
        undequantised((25_000, 50_000, 100_000, 200_000, 400_000))
    print("\n| likelihood | bits/dim | nats | rate, nats | active latents | error, levels | seconds |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    shown = {}
    for name, make in choices(facts).items():
        if not any(part in name for part in wanted):
            continue
        torch.manual_seed(0)
        started = time.perf_counter()
        model = fit(make(), split, options.images)
        print(row(name, model, test, facts.levels, time.perf_counter() - started), flush=True)
        shown[name] = model.sample(SHOWN, generator=torch.Generator().manual_seed(0), noise=False)
    if options.pictures and shown:
        draw(shown, options.pictures / "which-likelihood.png")


if __name__ == "__main__":
    sys.exit(main())
