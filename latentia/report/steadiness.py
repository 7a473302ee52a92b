"""How steadily models trained, in sentences: the other word of the comparison beside sharp and blurry."""

import json
from collections.abc import Sequence

from latentia.metrics import follow, measure_stability
from latentia.report.contestant import Contestant
from latentia.report.wording import number

UNIT = 1000
DISTANCE = "the kernel distance of validation images (x 1000, untrained features)"


def steadiness(contestants: Sequence[Contestant]) -> list[str]:
    """One sentence a recipe and its arguments, over all its runs."""
    groups: dict[str, list[Contestant]] = {}
    for contestant in contestants:
        if contestant.history:
            key = json.dumps([contestant.recipe, contestant.arguments], sort_keys=True, default=str)
            groups.setdefault(key, []).append(contestant)
    return [_alone(group[0]) if len(group) == 1 else _together(group) for group in groups.values()]


def _alone(contestant: Contestant) -> str:
    course = follow(contestant.history)
    if course.failed:
        return f"{contestant.name} failed: {course.failed}."
    if course.last is None or course.fallback is None:
        return f"{contestant.name} was not looked at while it trained."
    share = course.best_at / max(1, course.images_seen)
    often = "once" if course.num_rescues == 1 else f"{course.num_rescues} times"
    rescued = f" It broke and went back to a good state {often}." if course.num_rescues else ""
    return (
        f"{contestant.name}, one seed: {DISTANCE} ended {_told(course.fallback)} above its best, which came "
        f"after {share:.0%} of the images.{rescued} How much seeds matter takes several runs."
    )


def _together(group: Sequence[Contestant]) -> str:
    found = measure_stability([contestant.history for contestant in group])
    low, high = found.share_interval
    failures = (
        f"{found.num_failed} of {found.num_runs} runs failed (of ever more runs {low:.0%} to {high:.0%})"
    )
    if found.num_rescued:
        failures += f", {found.num_rescued} went on only after a return to a good state"
    seeds, names = {contestant.seed for contestant in group}, ", ".join(one.name for one in group)
    told = (
        f"{group[0].recipe}, {found.num_runs} runs of {len(seeds)} seed{'s' if len(seeds) > 1 else ''} "
        f"({names}): {failures}"
    )
    if found.mean is None or found.fallback is None or found.best_at is None:
        return f"{told}."
    spread = "" if found.spread is None else f", with a deviation of {_told(found.spread)} over runs"
    return (
        f"{told}; {DISTANCE} ended at {_told(found.mean)}{spread}, {_told(found.fallback)} above its best, "
        f"which came after {found.best_at:.0%} of the images."
    )


def _told(distance: float) -> str:
    return number(UNIT * distance, 2)
