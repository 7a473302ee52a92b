"""What the numbers say, in three sentences that hold whatever the numbers are."""

from collections.abc import Sequence

from latentia.data import Facts
from latentia.report.evaluate import Evaluation
from latentia.report.wording import listed, number


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
    claim = (
        f"{name} gives unseen images {number(best.mean, 1)} ± {number(best.standard_error, 1)} nats each "
        f"on average"
    )
    if best.bits_per_dim is not None:
        claim += f", {number(best.bits_per_dim, 2)} bits for each pixel value"
    if len(explicit) == 1:
        others = len(evaluations) - 1
        nobody = {0: "", 1: "; the other model is implicit and has no such number"}
        return claim + nobody.get(others, "; the other models are implicit and have no such number") + "."
    second_name, second = explicit[1]
    lead = best.mean - second.mean
    error = (best.standard_error**2 + second.standard_error**2) ** 0.5
    if lead < 2 * error:
        return f"{claim}, which is not clearly more than {second_name} ({number(second.mean, 1)} nats)."
    return f"{claim}, {number(lead, 1)} nats more than {second_name}, the next."


def _samples(evaluations: Sequence[Evaluation]) -> str:
    real, gaussian = evaluations[0].bounds
    nearest = min(evaluations, key=lambda e: e.draws.sliced.mean)
    widest = max(evaluations, key=lambda e: e.draws.coverage.recall)
    distance = nearest.draws.sliced.mean
    frame = f"other real images reach {real.sliced.mean:.0f}, a plain Gaussian {gaussian.sliced.mean:.0f}"
    verdict = "" if distance < gaussian.sliced.mean else ", so that it draws no better than that Gaussian"
    copies = ""
    if nearest.copies:
        copies = ", but they lie so close to single training images that it may have copied them"
    recall = widest.draws.coverage.recall
    if len(evaluations) == 1:
        return (
            f"Its draws lie at a sliced Wasserstein distance of {distance:.0f} from real images ({frame})"
            f"{verdict}, and reach {recall:.0%} of the variety of real images (recall){copies}."
        )
    return (
        f"Draws of {nearest.name} come closest to real images, at a sliced Wasserstein distance of "
        f"{distance:.0f} ({frame}){verdict}{copies}; {_variety(widest, recall, widest is nearest)}."
    )


def _variety(widest: Evaluation, recall: float, same: bool) -> str:
    if recall < 0.01:
        return f"no model covers their variety (recall {recall:.0%})"
    name = "it also" if same else widest.name
    return f"{name} covers the most of their variety (recall {recall:.0%})"
