"""Are synthetic images worth anything? The same classifier learns with and without them, and is tested."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from jaxtyping import Bool, Float, Int64
from scipy.stats import t as student
from torch import Tensor

from latentia.data.classical import Classical
from latentia.metrics.classifier import Examples, classify, learn_classifier, steps_for
from latentia.metrics.estimate import Unmeasurable

Diet = Literal["real", "repeated", "classical", "synthetic", "both"]
DIETS: Mapping[str, str] = {
    "real": "real images",
    "repeated": "real images, every class as often",
    "classical": "real images, classical augmentation",
    "synthetic": "real and synthetic images",
    "both": "real and synthetic images, classical augmentation",
}
"""What a classifier may learn from, in words."""

FEWEST_SEEDS, FEWEST_TESTED = 2, 10
CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Gain:
    """A difference of two shares of images told right, and the interval that it lies in.

    Attributes:
        value: The difference, -1 to 1.
        low: Lower end of the interval of 95 %.
        high: Its upper end.
    """

    value: float
    low: float
    high: float

    @property
    def answer(self) -> Literal["yes", "no", "not shown"]:
        """Whether it is a gain: yes above 0, no below, not shown where the interval holds 0."""
        if self.low > 0:
            return "yes"
        return "no" if self.high < 0 else "not shown"

    def __str__(self) -> str:
        return f"{100 * self.value:+.1f} points ({100 * self.low:+.1f} to {100 * self.high:+.1f})"


@dataclass(frozen=True, slots=True)
class Usefulness:
    """Which test images classifiers told right that had learned from different images.

    Attributes:
        right: By diet, for every seed and every test image.
        classes: The class of each test image.
    """

    right: Mapping[Diet, Bool[Tensor, "seeds images"]]
    classes: Int64[Tensor, " images"]

    def score(self, diet: Diet, *, of_class: int | None = None) -> float:
        """Accuracy, the mean over seeds; or the recall of one class."""
        return self._shares(diet, of_class).mean().item()

    def gain(self, diet: Diet, over: Diet, *, of_class: int | None = None) -> Gain:
        """What one diet gives beyond another, seed by seed and image by image.

        Args:
            diet: The one.
            over: The other.
            of_class: The class whose recall is asked for; without it, all images count.
        """
        return paired_gain(self._shares(diet, of_class) - self._shares(over, of_class))

    def _shares(self, diet: Diet, of_class: int | None) -> Float[Tensor, "seeds images"]:
        right = self.right[diet].double()
        return right if of_class is None else right[:, self.classes == of_class]


def paired_gain(differences: Float[Tensor, "seeds images"]) -> Gain:
    """A mean difference, with an interval that knows of both the seeds and the test images.

        d +- t sqrt(v_s + v_i),   v_s = Var_s(mean_i d_si) / S,   v_i = Var_i(mean_s d_si) / N

    t is the 0.975 quantile of Student's distribution, with (v_s + v_i)^2 / (v_s^2/(S-1) + v_i^2/(N-1))
    degrees of freedom.

    Args:
        differences: Of what is right with the one and with the other, for every seed and test image.

    Raises:
        ValueError: If there are fewer than two seeds or ten images.

    Note:
        What only a seed and an image together make is in both variances, so the interval is a little too
        wide. What the seeds do not draw anew, such as the one set of synthetic images, it knows nothing of.

    Source:
        Degrees of freedom: Satterthwaite 1946, "An approximate distribution of estimates of variance
        components". Seeds and images both as random effects: as for cases and readers in Obuchowski &
        Rockette 1995.

    Example:
        >>> print(paired_gain(torch.tensor([[0.0, 1.0] * 50, [1.0, 0.0] * 50])))
        +50.0 points (+50.0 to +50.0)
    """
    num_seeds, num_images = differences.shape
    if num_seeds < FEWEST_SEEDS or num_images < FEWEST_TESTED:
        raise Unmeasurable(
            f"{num_seeds} seeds and {num_images} test images: an interval needs at least {FEWEST_SEEDS} "
            f"seeds and {FEWEST_TESTED} images that were held out. Add images, or seeds (--seeds 5)."
        )
    differences = differences.double()
    of_seeds = differences.mean(1).var().item() / num_seeds
    of_images = differences.mean(0).var().item() / num_images
    variance, value = of_seeds + of_images, differences.mean().item()
    if variance == 0:
        return Gain(value, value, value)
    freedom = variance**2 / (of_seeds**2 / (num_seeds - 1) + of_images**2 / (num_images - 1))
    reach = float(student.ppf((1 + CONFIDENCE) / 2, freedom)) * variance**0.5
    return Gain(value, value - reach, value + reach)


def measure_usefulness(
    real: Examples,
    synthetic: Examples,
    held_out: Examples,
    num_classes: int,
    *,
    balanced: bool = False,
    share: float = 0.5,
    classical: Classical | None = None,
    num_seeds: int = 5,
    device: torch.device | str = "cpu",
    progress: bool = False,
) -> Usefulness:
    """Train the same classifier on each diet, over seeds, and test it on held-out images.

    Args:
        real: Training images.
        synthetic: Synthetic images.
        held_out: Images that neither the classifiers nor the generator have seen.
        num_classes: How many classes there are.
        balanced: Whether every class is shown as often, but in the diet `real`, where classes are as frequent
            as they are; without it they are everywhere.
        share: Part of what is shown of a class that is synthetic, above 0 and below 1; less where there are
            too few for it.
        classical: The classical augmentation; without it, shifts, turns and sizes.
        num_seeds: Seeds of weights, order and changes, at least 2.
        device: Where to compute.
        progress: Whether bars are shown.

    Raises:
        ValueError: If the share is out of range, there are fewer than two classes or seeds, or too few
            images.
    """
    check_measurable(real, held_out, share, num_seeds)
    rounds = [
        told_right(
            real,
            synthetic,
            held_out,
            num_classes,
            balanced=balanced,
            share=share,
            classical=classical or Classical(),
            seed=seed,
            device=device,
            progress=progress,
        )
        for seed in range(num_seeds)
    ]
    return gather(rounds, held_out.classes)


def gather(rounds: Sequence[Mapping[Diet, Tensor]], classes: Int64[Tensor, " images"]) -> Usefulness:
    """What `told_right` found, for several seeds."""
    return Usefulness({diet: torch.stack([r[diet] for r in rounds]) for diet in rounds[0]}, classes)


def told_right(
    real: Examples,
    synthetic: Examples,
    held_out: Examples,
    num_classes: int,
    *,
    balanced: bool,
    share: float,
    classical: Classical,
    seed: int,
    diets: Sequence[Diet] = get_args(Diet),
    steps: int | None = None,
    device: torch.device | str = "cpu",
    progress: bool = False,
) -> dict[Diet, Bool[Tensor, " images"]]:
    """Which held-out images are told right after each diet, for one seed.

    Args:
        real: Training images.
        synthetic: Synthetic images.
        held_out: Images that neither the classifiers nor the generator have seen.
        num_classes: How many classes there are.
        balanced: As of `measure_usefulness`.
        share: As of `measure_usefulness`.
        classical: The classical augmentation.
        seed: Seed of weights, order and changes.
        diets: Which to try; `repeated` is left out where classes are not balanced, for it is `real` there.
        steps: Steps of each classifier; without it, by the number of real images.
        device: Where to compute.
        progress: Whether bars are shown.
    """
    everything, found = real.beside(synthetic), dict[Diet, Tensor]()
    for diet in diets:
        if diet == "repeated" and not balanced:
            continue
        fed = diet in ("synthetic", "both")
        weights = exposure(
            real.classes,
            synthetic.classes,
            num_classes,
            share=share if fed else 0.0,
            balanced=balanced and diet != "real",
        )
        network = learn_classifier(
            everything if fed else real,
            weights if fed else weights[: len(real)],
            num_classes,
            steps=steps or steps_for(len(real)),
            classical=classical if diet in ("classical", "both") else None,
            seed=seed,
            device=device,
            progress=progress,
        )
        found[diet] = classify(network, held_out).argmax(1) == held_out.classes
    return found


def exposure(
    real: Int64[Tensor, " real"],
    synthetic: Int64[Tensor, " synthetic"],
    num_classes: int,
    *,
    share: float,
    balanced: bool,
) -> Float[Tensor, " both"]:
    """How often each image is shown, such that synthetic ones change no class's part of the whole.

    Args:
        real: Classes of the real images.
        synthetic: Classes of the synthetic ones, which stand behind them.
        num_classes: How many classes there are.
        share: Part of what is shown of a class that is synthetic, 0 to 1; less where that would show a
            synthetic image more often than a real one.
        balanced: Whether classes are shown equally often, or as often as they are among the real ones.

    Returns:
        Weights that add to 1.

    Example:
        >>> real, synthetic = torch.tensor([0, 0, 0, 1]), torch.tensor([1, 1])
        >>> exposure(real, synthetic, 2, share=0.5, balanced=True)
        tensor([0.1667, 0.1667, 0.1667, 0.2500, 0.1250, 0.1250])
    """
    there, made = (kind.bincount(minlength=num_classes).double() for kind in (real, synthetic))
    wanted = (there > 0).double() if balanced else there
    wanted = wanted / wanted.sum()
    # No synthetic image is shown more often than a real one: a handful of them must not be half of a class.
    part = (made / (there + made).clamp_min(1)).clamp(max=share)
    each_real = wanted * (1 - part) / there.clamp_min(1)
    each_made = wanted * part / made.clamp_min(1)
    return torch.cat([each_real[real], each_made[synthetic]]).float()


def check_measurable(real: Examples, held_out: Examples, share: float, num_seeds: int) -> None:
    """Refuses what usefulness cannot be measured with, before the work is begun.

    Raises:
        ValueError: As `measure_usefulness`.
    """
    if num_seeds < FEWEST_SEEDS:
        raise ValueError(f"got {num_seeds} seeds; a spread over seeds needs at least {FEWEST_SEEDS}.")
    if not 0 < share < 1:
        raise ValueError(f"share is {share}; the part of synthetic images lies above 0 and below 1.")
    if len(real.classes.unique()) < 2 or len(held_out) < FEWEST_TESTED:
        raise Unmeasurable(
            f"{len(real.classes.unique())} classes among the training images and {len(held_out)} held-out "
            f"images: a classifier learns from at least 2 classes and is tested on at least {FEWEST_TESTED} "
            f"images. Add labelled images."
        )
