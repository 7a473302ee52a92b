"""All numbers of one model."""

from dataclasses import asdict, dataclass
from typing import Any

from latentia.data import ImageStore
from latentia.metrics import (
    LatentUse,
    Likelihood,
    Memorisation,
    evaluate_likelihood,
    measure_latent_use,
)
from latentia.protocols import Decodes, Encodes, ExplicitModel
from latentia.report.contestant import Contestant
from latentia.report.measures import MEASURES
from latentia.report.wording import with_error
from latentia.report.yardstick import (
    SampleQuality,
    Search,
    Yardstick,
    choose_told,
    estimate_to_json,
    make_yardstick,
)

WORK = 2**26  # pixel values decoded for the likelihood: half a minute of one core, default decoder
FEWEST = 100  # images for the likelihood, where the split has them


@dataclass(frozen=True, slots=True)
class Evaluation:
    """All numbers of one model, with the protocol to repeat them.

    Attributes:
        name: Name of the contestant.
        recipe: Its recipe.
        likelihood: On test images; None for an implicit model, which has none.
        latent_use: Rate, distortion and active units on the same images; None for a model that is implicit
            or has no latents.
        draws: Quality of draws from the model.
        means: Quality of decoder means, which papers show and which are no draws; None for an implicit
            model, whose draws have no pixel noise.
        search: For copies among its cleanest samples; None where there are too few images to say.
        bounds: Real images against real images, and a Gaussian: the frame to read the qualities in.
        num_parameters: Of all its networks.
        images_seen: Real images drawn in training.
        seconds: Training time.
        model_protocol: What one must know to repeat the likelihood: weights, draws, images.
        sample_protocol: What one must know to repeat the sample qualities, a sentence each; the same for
            all models that were measured against one yardstick.
    """

    name: str
    recipe: str
    likelihood: Likelihood | None
    latent_use: LatentUse | None
    draws: SampleQuality
    means: SampleQuality | None
    search: Search | None
    bounds: tuple[SampleQuality, SampleQuality]
    num_parameters: int
    images_seen: int
    seconds: float
    model_protocol: tuple[str, ...]
    sample_protocol: tuple[str, ...]

    @property
    def family(self) -> str:
        """Explicit or implicit."""
        return "implicit" if self.likelihood is None else "explicit"

    @property
    def qualities(self) -> list[SampleQuality]:
        """Of the model alone: draws, then decoder means where there are some."""
        return [self.draws] + ([self.means] if self.means else [])

    @property
    def copies(self) -> bool:
        """Whether samples were searched for copies, and are copies beyond any doubt that chance leaves."""
        return self.search is not None and self.search.found.copies

    @property
    def verdict(self) -> str:
        """What the search for copies found, in one sentence."""
        if self.search is None:
            return "cannot be told: the test for copies needs 50 samples, training and unseen images each."
        return self.search.found.verdict

    def to_json(self) -> dict[str, Any]:
        """All numbers, as a dictionary that JSON can hold."""
        return {
            "name": self.name,
            "recipe": self.recipe,
            "family": self.family,
            "likelihood": None if self.likelihood is None else _likelihood_to_json(self.likelihood),
            "latent_use": None if self.latent_use is None else asdict(self.latent_use),
            "samples": [quality.to_json() for quality in self.qualities],
            "memorisation": None if self.search is None else _memorisation_to_json(self.search.found),
            "verdict": self.verdict,
            "bounds": [quality.to_json() for quality in self.bounds],
            "num_parameters": self.num_parameters,
            "images_seen": self.images_seen,
            "seconds": self.seconds,
            "protocol": [*self.model_protocol, *self.sample_protocol],
        }

    def __str__(self) -> str:
        lines = [f"{self.name} ({self.recipe}, {self.family})", "", *_likelihood_lines(self.likelihood)]
        lines += [str(self.latent_use), ""] if self.latent_use else [""]
        sets = [*self.qualities, *self.bounds]
        lines.append(" " * 36 + "".join(f"{quality.kind.split(',')[0]:>24}" for quality in sets))
        for key, measure in MEASURES.items():
            cells = [with_error(quality.numbers.get(key), measure.digits) for quality in sets]
            lines.append(f"{measure.label:36}" + "".join(f"{cell:>24}" for cell in cells))
        refused = {letter for quality in self.qualities for letter in quality.refusals.values()}
        lines += ["", f"Copies: {self.verdict}", *(f"Left out: {letter}" for letter in sorted(refused))]
        facts = (
            f"{self.num_parameters:,} parameters, {self.images_seen:,} images seen in {self.seconds:,.0f} s"
        )
        return "\n".join(
            [
                *lines,
                "",
                facts,
                "",
                "Protocol",
                *(f"- {line}" for line in self.model_protocol + self.sample_protocol),
            ]
        )


def evaluate(
    contestant: Contestant,
    store: ImageStore,
    *,
    num_samples: int | None = None,
    num_draws: int = 64,
    features: str = "auto",
    seed: int = 0,
    yardstick: Yardstick | None = None,
) -> Evaluation:
    """Measure one model: likelihood where it has one, quality and variety of samples, copies.

    Args:
        contestant: The model and its run.
        store: The images that it was trained on.
        num_samples: Images of every set that is compared; without it, at most 1000.
        num_draws: K of the importance-weighted bound.
        features: Name of the feature space that distances are taken in, as `make_yardstick` takes it.
        seed: Seed of everything that is drawn.
        yardstick: What to measure against; made from the store where it is not given.

    Raises:
        ValueError: If the model draws images of another shape than the store's, or no numbers.
    """
    if contestant.model.image_shape != store.facts.image_shape:
        raise ValueError(
            f"{contestant.name} makes images of shape {contestant.model.image_shape}, the data has "
            f"{store.facts.image_shape}: evaluate it on data prepared as in its run."
        )
    yardstick = yardstick or make_yardstick(store, num_samples=num_samples, features=features, seed=seed)
    likelihood = latent_use = means = None
    drawn = clean = contestant.draw(yardstick.num_samples, seed=seed)
    if isinstance(contestant.model, ExplicitModel):
        likelihood, latent_use = _likelihood(contestant.model, store, num_draws, seed)
        clean = contestant.draw(yardstick.num_samples, seed=seed, noise=False)
        means = yardstick.judge(clean, "decoder means, no draws")
    return Evaluation(
        name=contestant.name,
        recipe=contestant.recipe,
        likelihood=likelihood,
        latent_use=latent_use,
        draws=yardstick.judge(drawn, "draws"),
        means=means,
        search=yardstick.look_for_copies(clean),  # pixel noise would hide what a model has copied
        bounds=yardstick.bounds,
        num_parameters=contestant.num_parameters,
        images_seen=contestant.images_seen,
        seconds=contestant.seconds,
        model_protocol=(
            f"Weights: {contestant.weights}.",
            f"Likelihood: {likelihood.protocol}."
            if likelihood
            else "Likelihood: none, the model is implicit.",
        ),
        sample_protocol=yardstick.protocol,
    )


def _likelihood(
    model: ExplicitModel, store: ImageStore, num_draws: int, seed: int
) -> tuple[Likelihood, LatentUse | None]:
    """The bound on the test split, or on as many images of it, at random, as a bounded time allows."""
    test = store.split("test")
    values = store.facts.channels * store.facts.height * store.facts.width
    count = min(len(test), max(FEWEST, WORK // (values * num_draws)))
    chosen = choose_told(test, count, seed)
    split = "test" if count == len(test) else f"randomly chosen (of {len(test)}) test"
    images, given = chosen.images, chosen.given
    likelihood = evaluate_likelihood(
        model, images, levels=store.facts.levels, split=split, num_draws=num_draws, given=given, seed=seed
    )
    if not (isinstance(model, Encodes) and isinstance(model, Decodes)):
        return likelihood, None
    return likelihood, measure_latent_use(model, images, given=given, seed=seed)


def _likelihood_lines(likelihood: Likelihood | None) -> list[str]:
    if likelihood is None:
        return ["log-likelihood: none (the model is implicit: it only draws)"]
    bits = "" if likelihood.bits_per_dim is None else f", {likelihood.bits_per_dim:.3f} bits/dim"
    lines = [
        f"log-likelihood, bound: {with_error(likelihood.estimate, 2)} nats an image{bits} "
        f"(K = {likelihood.num_draws})",
        f"with one draw (ELBO):  {likelihood.elbo:.2f} nats an image; effective sample size "
        f"{likelihood.effective_sample_size:.1f} of {likelihood.num_draws}",
    ]
    if likelihood.exact is not None:
        lines.append(f"dequantised, exact:    {likelihood.exact:.2f} nats an image")
    return lines


def _likelihood_to_json(likelihood: Likelihood) -> dict[str, Any]:
    numbers = asdict(likelihood)
    numbers["curve"] = {str(k): bound for k, bound in likelihood.curve.items()}
    return {**numbers, "bits_per_dim": likelihood.bits_per_dim, "unit": "nats an image"}


def _memorisation_to_json(found: Memorisation) -> dict[str, Any]:
    return {
        "share_nearest_to_training": estimate_to_json(found.share),
        "z": found.z,
        "p_value": found.p_value,
        "num_samples": found.num_samples,
        "num_references": found.num_references,
        "detectable_share": found.detectable,
    }
