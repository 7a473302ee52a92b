"""How steadily a recipe trains: what its runs' logs say, run by run and over seeds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median, stdev
from typing import Any, Literal

from latentia.metrics.estimate import CONFIDENCE

Row = Mapping[str, Any]
Number = Literal["kernel_distance", "bound"]


@dataclass(frozen=True, slots=True)
class Course:
    """How one validation number went through a run.

    Attributes:
        first: Before training, or at the first look; None where there was no look.
        best: At its best.
        last: At the last look.
        best_at: Images seen when it was best.
        images_seen: Images seen in all.
        failed: Why the run failed; empty where it did not.
        num_rescues: How often it broke and went back to a good state.
    """

    first: float | None
    best: float | None
    last: float | None
    best_at: int
    images_seen: int
    failed: str
    num_rescues: int = 0

    @property
    def fallback(self) -> float | None:
        """How much worse the last look is than the best one, 0 or more, in the number's own unit."""
        return None if self.last is None or self.best is None else abs(self.last - self.best)


@dataclass(frozen=True, slots=True)
class Stability:
    """How steadily a recipe trains, over runs that differ in their seed alone.

    Attributes:
        num_runs: How many runs there are.
        num_failed: How many of them failed.
        num_rescued: How many of the others did so only because they were rescued, once or more.
        share_failed: Their share, 0 to 1.
        share_interval: Where the share of ever more runs would lie, with a confidence of 95 %.
        mean: Mean of the last validation number over the runs that did not fail; None where all did.
        spread: Its standard deviation over them; None with fewer than two.
        fallback: Median over them of how much worse the last look was than the best.
        best_at: Median over them of when the best look was, as a share of the images seen: 1 is the end.
    """

    num_runs: int
    num_failed: int
    num_rescued: int
    share_failed: float
    share_interval: tuple[float, float]
    mean: float | None
    spread: float | None
    fallback: float | None
    best_at: float | None

    @property
    def relative_spread(self) -> float | None:
        """The spread as a share of the mean, without unit; None where either is, or the mean is 0."""
        return None if self.spread is None or not self.mean else self.spread / abs(self.mean)


def follow(
    history: Sequence[Row], number: Number = "kernel_distance", *, floor: float | None = None
) -> Course:
    """The course of a run, from the rows of its log.

    A run has failed where a number that is not finite stopped it, or where its last look is no better than
    its first, before training, or than the floor.

    Args:
        history: Rows of `metrics.jsonl`, as `Run.history()` gives them.
        number: The validation number to follow; of `kernel_distance` less is better, of `bound` more.
        floor: What a trivial model scores, such as the Gaussian of a report; None where that is not known.

    Raises:
        ValueError: If the log is empty.

    Note:
        The best of many looks is better than the truth by some of their error. Looks of a run share
        their latents and real images, which leaves little of it, but a small fallback is none.

    Example:
        >>> looks = ((0, 9.0), (64, 1.0))
        >>> rows = [{"images_seen": n, "validation": {"kernel_distance": d}} for n, d in looks]
        >>> course = follow([*rows, {"images_seen": 99, "stopped": "critic/real became nan"}])
        >>> course.best, course.best_at, course.images_seen, course.failed
        (1.0, 64, 99, 'critic/real became nan')
    """
    if not history:
        raise ValueError(
            "The log has no rows, so nothing can be said of the run: hand in the rows of a run that has been "
            "trained for a while, Run.history()."
        )
    looks = [(row["images_seen"], row["validation"][number]) for row in history if _has(row, number)]
    stopped = next((row["stopped"] for row in history if "stopped" in row), "")
    end, rescues = history[-1]["images_seen"], sum("rescued" in row for row in history)
    if not looks:
        return Course(None, None, None, 0, end, stopped, rescues)
    sign = 1 if number == "kernel_distance" else -1
    best_at, best = min(looks, key=lambda look: sign * look[1])
    first, last = looks[0][1], looks[-1][1]
    failed = stopped
    if not failed and len(looks) > 1 and sign * last >= sign * first:
        failed = f"{number} ended at {last:.4g}, no better than the {first:.4g} that it began with"
    if not failed and floor is not None and sign * last >= sign * floor:
        failed = f"{number} ended at {last:.4g}, no better than the {floor:.4g} of a trivial model"
    return Course(first, best, last, best_at, end, failed, rescues)


def measure_stability(
    histories: Sequence[Sequence[Row]], number: Number = "kernel_distance", *, floor: float | None = None
) -> Stability:
    """How steadily a recipe trains, from the logs of runs that differ in their seed alone.

    Args:
        histories: The rows of each run; all of one recipe, the same arguments and the same data.
        number: As of `follow`.
        floor: As of `follow`.

    Raises:
        ValueError: If there is no run, or a log is empty.

    Note:
        Three runs that all went well leave a share of failures of up to 56 % possible: read the interval.

    Source:
        The share's interval: Wilson 1927, "Probable inference, the law of succession, and statistical
        inference". That seeds are what GANs have to be compared over: Lucic et al. 2018, arXiv:1711.10337.

    Example:
        >>> def run(last):
        ...     ends = ((0, 9.0), (64, last))
        ...     return [{"images_seen": n, "validation": {"kernel_distance": d}} for n, d in ends]
        >>> stability = measure_stability([run(1.0), run(3.0), run(9.5)])
        >>> stability.num_failed, stability.mean, round(stability.spread, 2)
        (1, 2.0, 1.41)
    """
    if not histories:
        raise ValueError("Stability is a matter of several runs, and there is none: hand in their histories.")
    courses = [follow(history, number, floor=floor) for history in histories]
    sound = [course for course in courses if not course.failed and course.last is not None]
    lasts = [course.last for course in sound if course.last is not None]
    num_failed = sum(bool(course.failed) for course in courses)
    return Stability(
        num_runs=len(courses),
        num_failed=num_failed,
        num_rescued=sum(not course.failed and course.num_rescues > 0 for course in courses),
        share_failed=num_failed / len(courses),
        share_interval=_wilson(num_failed, len(courses)),
        mean=fmean(lasts) if lasts else None,
        spread=stdev(lasts) if len(lasts) > 1 else None,
        fallback=median(course.fallback or 0.0 for course in sound) if sound else None,
        best_at=median(course.best_at / max(1, course.images_seen) for course in sound) if sound else None,
    )


def _has(row: Row, number: Number) -> bool:
    return number in row.get("validation", {})


def _wilson(hits: int, trials: int) -> tuple[float, float]:
    """The shares at which so many hits are not surprising."""
    share, extra = hits / trials, CONFIDENCE**2 / trials
    middle = (share + extra / 2) / (1 + extra)
    reach = (extra * (share * (1 - share) + extra / 4)) ** 0.5 / (1 + extra)
    return max(0.0, middle - reach), min(1.0, middle + reach)
