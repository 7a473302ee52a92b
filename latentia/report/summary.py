"""What the numbers say, in three sentences that hold whatever the numbers are."""

from collections.abc import Sequence

from latentia.data import Facts
from latentia.metrics import Estimate
from latentia.report.evaluate import Evaluation
from latentia.report.measures import MEASURES
from latentia.report.wording import listed, number, with_error
from latentia.report.yardstick import SampleQuality

RANKING = ("kernel_distance", "sliced_wasserstein")
"""What models are ranked by: the first of these that the number of images allows."""


def summarise(facts: Facts, evaluations: Sequence[Evaluation]) -> list[str]:
    """What was compared, who finds unseen images likeliest, and whose draws come nearest to real ones."""
    return [_subject(facts, evaluations), _likelihoods(evaluations), _samples(evaluations)]


def _subject(facts: Facts, evaluations: Sequence[Evaluation]) -> str:
    models = [f"{e.name} ({'an explicit' if e.likelihood else 'an implicit'} model)" for e in evaluations]
    colours = "grey" if facts.channels == 1 else "colour"
    return (
        f"{listed(models)} learned from {facts.num_train:,} {colours} images of {facts.name}, "
        f"{facts.width} x {facts.height} pixels."
    )


def _likelihoods(evaluations: Sequence[Evaluation]) -> str:
    explicit = [(e.name, e.likelihood) for e in evaluations if e.likelihood]
    if not explicit:
        return "None of the models is explicit, so nothing can be said of how likely they find unseen images."
    explicit.sort(key=lambda item: item[1].mean, reverse=True)
    name, best = explicit[0]
    claim = f"{name} gives unseen images {with_error(best.estimate, 1)} nats each on average"
    if best.bits_per_dim is not None:
        claim += f", {number(best.bits_per_dim, 2)} bits for each pixel value"
    if len(explicit) == 1:
        others = len(evaluations) - 1
        nobody = {0: "", 1: "; the other model is implicit and has no such number"}
        return claim + nobody.get(others, "; the other models are implicit and have no such number") + "."
    second_name, second = explicit[1]
    lead = best.mean - second.mean
    error = (best.standard_error**2 + second.standard_error**2) ** 0.5
    if Estimate(lead, error).interval[0] < 0:
        return f"{claim}, which is not clearly more than {second_name} ({number(second.mean, 1)} nats)."
    return f"{claim}, {number(lead, 1)} nats more than {second_name}, the next."


def _samples(evaluations: Sequence[Evaluation]) -> str:
    """Whose draws are nearest to real images, how varied and how sharp they are, and who copies."""
    key = next(key for key in RANKING if all(key in e.draws.numbers for e in evaluations))
    real, gaussian = (bound.numbers[key].value for bound in evaluations[0].bounds)
    ranked = sorted(evaluations, key=lambda e: e.draws.numbers[key].value)
    nearest, digits = ranked[0], MEASURES[key].digits
    distance = nearest.draws.numbers[key]
    told = number(distance.value, digits)
    what = MEASURES[key].label.lower()
    frame = f"other real images reach {number(real, digits)}, a plain Gaussian {number(gaussian, digits)}"
    verdict = "" if distance.value < gaussian else ", so that it draws no better than that Gaussian"
    if len(ranked) == 1:
        claim = f"Its draws lie at a {what} of {told} from real images"
    elif distance.interval[1] < ranked[1].draws.numbers[key].interval[0]:
        claim = f"Draws of {nearest.name} come closest to real images, at a {what} of {told}"
    else:
        claim = (
            f"Draws of {nearest.name} come no clearly closer to real images than those of "
            f"{ranked[1].name}, at a {what} of {told}"
        )
    facts = [
        f"{claim} ({frame}){verdict}",
        *_variety(evaluations),
        _sharpness(evaluations),
        _copies(evaluations),
    ]
    return "; ".join(fact for fact in facts if fact) + "."


def _variety(evaluations: Sequence[Evaluation]) -> list[str]:
    known = [e for e in evaluations if "recall" in e.draws.numbers]
    if not known:
        return []
    widest = max(known, key=lambda e: e.draws.numbers["recall"].value)
    recall = widest.draws.numbers["recall"].value
    if recall < 0.01:
        return [f"no model covers their variety (recall {recall:.0%})"]
    if len(known) == 1:
        return [f"they reach {recall:.0%} of the variety of real images (recall)"]
    return [f"{widest.name} covers the most of their variety (recall {recall:.0%})"]


def _sharpness(evaluations: Sequence[Evaluation]) -> str:
    """Of what papers show: decoder means of explicit models, draws of implicit ones."""
    shown: list[tuple[str, SampleQuality]] = [
        (f"{e.name} (decoder means)" if e.means else e.name, e.means or e.draws) for e in evaluations
    ]
    told = [f"{name} {q.numbers['sharpness'].value:.0%}" for name, q in shown if "sharpness" in q.numbers]
    return f"of the fine detail of real images (sharpness) there is {listed(told)}" if told else ""


def _copies(evaluations: Sequence[Evaluation]) -> str:
    copying = [e.name for e in evaluations if e.copies]
    if copying:
        return f"{listed(copying)} {'copies' if len(copying) == 1 else 'copy'} training images"
    if all(e.search for e in evaluations):
        return "no sign of copied training images was found"
    return ""
