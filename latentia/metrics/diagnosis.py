"""What ails an explicit model, in plain words: each check measures one thing and says what it means."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from latentia._types import Given, Images
from latentia.distributions import Density, DiscretisedNormal, Normal
from latentia.metrics.latent_use import Autoencoder, active_latents
from latentia.metrics.likelihood import evaluate_likelihood
from latentia.protocols import Decodes, Encodes, ExplicitModel, require

DRAWS = 32


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check has found.

    Attributes:
        topic: What was looked at.
        healthy: Whether nothing is wrong with it.
        measured: The numbers.
        meaning: What they mean.
        advice: What to try; empty where nothing is wrong.
    """

    topic: str
    healthy: bool
    measured: str
    meaning: str
    advice: str = ""

    def __str__(self) -> str:
        mark = "ok  " if self.healthy else "LOOK"
        advice = f" Try: {self.advice}" if self.advice else ""
        return f"{mark} {self.topic}: {self.measured}. {self.meaning}{advice}"


@dataclass(frozen=True, slots=True)
class Latents:
    """Held-out images in latent space, one draw each.

    Attributes:
        means: Posterior means, (images, latents).
        draws: A draw from each posterior.
        rates: Log q(z|x) - log p(z) at the draws, in nats an image.
        own: -log p(x|z) at each image's own draw, in nats.
        strange: The same at the draw of another image.
        prior_draws: Draws from the prior, as many.
        likelihood: p(x|z) at the draws.
    """

    means: Tensor
    draws: Tensor
    rates: Tensor
    own: Tensor
    strange: Tensor
    prior_draws: Tensor
    likelihood: Density


@torch.inference_mode()
def diagnose(
    model: object,
    train: Float[Tensor, "train channels height width"],
    held_out: Float[Tensor, "held_out channels height width"],
    *,
    levels: int,
    history: Sequence[Mapping[str, Any]] = (),
    given: tuple[Tensor | None, Tensor | None] = (None, None),
    seed: int = 0,
) -> list[Finding]:
    """Looks at an explicit model from all sides.

    Args:
        model: An explicit model that encodes and decodes, in evaluation mode.
        train: Images that it learned from, a few hundred.
        held_out: Images that it did not, as many.
        levels: Number of stored levels of the data.
        history: Rows of the run's log: validation bounds by images seen, and steps that were skipped.
        given: What a conditional model is told of the training images, and of the others.
        seed: Seed of the draws.

    Returns:
        One finding a check, those that ask for something first.

    Raises:
        ValueError: If the model has no likelihood, or no latents.
    """
    explicit = require(model, ExplicitModel, task="diagnose")
    require(model, Encodes, task="diagnose")
    require(model, Decodes, task="diagnose")
    assert isinstance(model, Autoencoder)
    latents = _into_latents(model, held_out, given[1], seed)
    findings = [
        latents_in_use(latents),
        decoder_listens(latents),
        aggregate_meets_prior(latents),
        *deviations(latents.likelihood, levels),
        fit(explicit, train, held_out, levels=levels, given=given, seed=seed),
        enough_draws(explicit, held_out, levels=levels, given=given[1], seed=seed),
        *log_of_training(history),
    ]
    return sorted(findings, key=lambda finding: finding.healthy)


def latents_in_use(latents: Latents) -> Finding:
    """How many latents say something of the image, and how much in all."""
    active = int(active_latents(latents.means).sum())
    total, rate = latents.means.shape[1], float(latents.rates.mean())
    measured = f"{active} of {total} latents are active, the rate is {rate:.2f} nats an image"
    if active == 0 or rate < 0.1:
        return Finding(
            "posterior",
            False,
            measured,
            "It has collapsed onto the prior: latents say nothing of the image.",
            "--warm-up over a tenth of the run, --free-bits 0.5, a lower --beta, or a weaker decoder.",
        )
    if active < total / 4:
        meaning = "The others stand at the prior; they cost nothing, and fewer latents would do as well."
        return Finding("posterior", True, measured, meaning)
    return Finding("posterior", True, measured, "Latents are in use.")


def decoder_listens(latents: Latents) -> Finding:
    """Whether the decoder does worse when it is told the latents of another image."""
    own, strange = float(latents.own.mean()), float(latents.strange.mean())
    measured = f"distortion {own:.1f} nats with an image's own latents, {strange:.1f} with those of another"
    if strange - own < max(0.5, 0.002 * abs(own)):
        return Finding(
            "decoder",
            False,
            measured,
            "It ignores what it is told, and draws much the same whatever the latents.",
            "what helps a collapsed posterior: --warm-up, --free-bits, a lower --beta, a longer run.",
        )
    return Finding("decoder", True, measured, "It listens to its latents.")


def aggregate_meets_prior(latents: Latents) -> Finding:
    """Whether the prior draws where posteriors lie: means and deviations of active latents, all together."""
    active = active_latents(latents.means)
    if not active.any():
        active = ~active
    ours, theirs = latents.draws[:, active], latents.prior_draws[:, active]
    scale = theirs.std(0).clamp_min(1e-6)
    shift = float(((ours.mean(0) - theirs.mean(0)) / scale).abs().mean())
    ratio = float((ours.std(0) / scale).log().abs().mean().exp())
    measured = (
        f"active latents lie {shift:.2f} deviations off the prior and are {ratio:.2f} times as wide or narrow"
    )
    if shift > 0.3 or ratio > 1.4:
        return Finding(
            "prior",
            False,
            measured,
            "Samples start from latents that no image has, and look worse than reconstructions.",
            "a learned prior (vae.vamp), a higher --beta, or a longer run.",
        )
    return Finding(
        "prior", True, measured, "It covers where images lie, as far as means and deviations tell."
    )


def deviations(likelihood: Density, levels: int) -> list[Finding]:
    """Whether the deviations of a Gaussian likelihood have run to an end; none of other likelihoods."""
    if not isinstance(likelihood, Normal | DiscretisedNormal):
        return []
    in_levels = likelihood.log_std.exp() * (levels - 1) / 2
    tiny, huge = float((in_levels < 0.2).float().mean()), float((in_levels > levels / 2).float().mean())
    median = float(in_levels.median())
    measured = (
        f"the median is {median:.2f} levels; {100 * tiny:.0f} % lie below a fifth of a level, "
        f"{100 * huge:.0f} % above half of the range"
    )
    if tiny > 0.5:
        return [
            Finding(
                "sigma",
                False,
                measured,
                "Most pixels are taken for certain: constant borders, or a density fitted to points.",
                "--likelihood logistic, which needs no noise, or crop what never changes.",
            )
        ]
    if huge > 0.2:
        return [
            Finding(
                "sigma",
                False,
                measured,
                "The variance has run away: the decoder explains images as noise.",
                "a lower --rate, --likelihood shared, or a longer run.",
            )
        ]
    return [Finding("sigma", True, measured, "Deviations lie within the range of levels.")]


def fit(
    model: ExplicitModel,
    train: Float[Tensor, "train channels height width"],
    held_out: Float[Tensor, "held_out channels height width"],
    *,
    levels: int,
    given: tuple[Tensor | None, Tensor | None] = (None, None),
    seed: int,
) -> Finding:
    """Whether images that were learned from are more likely than others, beyond the error of both."""
    count = min(len(train), len(held_out))
    seen, unseen = (
        evaluate_likelihood(
            model,
            images[:count],
            levels=levels,
            split=split,
            num_draws=1,
            given=None if told is None else told[:count],
            seed=seed,
        )
        for images, told, split in ((train, given[0], "train"), (held_out, given[1], "held-out"))
    )
    gap = seen.mean - unseen.mean
    error = math.hypot(seen.standard_error, unseen.standard_error)
    measured = (
        f"ELBO {seen.mean:.1f} nats on training images, {unseen.mean:.1f} on others "
        f"(gap {gap:.1f} ± {error:.1f})"
    )
    if gap > 3 * error and gap > 0.01 * abs(unseen.mean):
        return Finding(
            "fit",
            False,
            measured,
            "The model overfits: it has learned images by heart.",
            "more images, a smaller --width, fewer --images, or --binarise dynamic for grey drawings.",
        )
    return Finding("fit", True, measured, "No sign of overfitting beyond the error.")


def enough_draws(
    model: ExplicitModel, held_out: Images, *, levels: int, given: Given | None = None, seed: int
) -> Finding:
    """Whether the posterior is near the true one: how fast the bound rises with the number of draws."""
    found = evaluate_likelihood(
        model, held_out, levels=levels, split="held-out", num_draws=DRAWS, given=given, seed=seed
    )
    rise = found.curve[DRAWS] - found.curve[DRAWS // 2]
    measured = (
        f"the bound rises by {found.mean - found.elbo:.2f} nats from 1 to {DRAWS} draws, by {rise:.2f} in "
        f"the last doubling; effective sample size {found.effective_sample_size:.1f}"
    )
    if rise > 0.5:
        return Finding(
            "draws",
            False,
            measured,
            f"Posteriors are far from the true ones, and {DRAWS} draws are too few for the likelihood.",
            "--num-draws 1000 when evaluating; vae.iaf or vae.importance for a closer posterior.",
        )
    return Finding("draws", True, measured, "A bound of some more draws will not be much higher.")


def log_of_training(history: Sequence[Mapping[str, Any]]) -> list[Finding]:
    """Whether the run was still improving, and whether many of its steps were passed over."""
    findings = []
    validations = [row.get("validation", {}) for row in history]
    bounds = [validation["bound"] for validation in validations if "bound" in validation]
    if len(bounds) >= 4:
        late, whole = bounds[-1] - bounds[-1 - len(bounds) // 4], bounds[-1] - bounds[0]
        measured = (
            f"the validation bound moved by {late:+.2f} nats over the last quarter, {whole:+.2f} in all"
        )
        improving = late > max(0.5, 0.03 * abs(whole))
        if improving:
            advice = "latentia resume RUN --images with twice as many."
            findings.append(Finding("length", False, measured, "It was still improving.", advice))
        elif bounds[-1] < max(bounds) - max(1.0, 0.02 * abs(whole)):
            worse = "It was better before: the run went on for too long."
            findings.append(Finding("length", False, measured, worse, "fewer --images, or more data."))
        else:
            findings.append(Finding("length", True, measured, "It has settled."))
    skipped = sum(sum(row.get("skipped", {}).values()) for row in history)
    if skipped > 0.01 * max(1, len(history)):
        measured = f"{skipped:.0f} steps were passed over"
        meaning = "Their gradients were far out of line, or not finite."
        often = skipped > 20 * max(1, len(history))
        findings.append(Finding("steps", not often, measured, meaning, "a lower --rate." if often else ""))
    return findings


def _into_latents(model: Autoencoder, images: Images, given: Given | None, seed: int) -> Latents:
    generator = torch.Generator(images.device).manual_seed(seed)

    def noise(density: Density) -> Tensor:
        shape = (len(images), *density.noise_shape)
        return torch.randn(shape, generator=generator, device=images.device)

    posterior, prior = model.encode(images, given=given), model.prior(given=given)
    draws, log_posterior = posterior.draw_and_log_prob(noise(posterior))
    likelihood = model.decode(draws, given=given)
    return Latents(
        means=posterior.mean,
        draws=draws,
        rates=log_posterior - prior.log_prob(draws),
        own=-likelihood.log_prob(images),
        strange=-model.decode(draws.roll(1, 0), given=given).log_prob(images),
        prior_draws=prior.draw(noise(prior)),
        likelihood=likelihood,
    )
