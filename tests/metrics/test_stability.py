"""Stability, on logs that were written by hand and on one that a run wrote."""

import pytest
from scipy.stats import binomtest

from latentia.metrics.stability import follow, measure_stability


def log(*looks: float, number: str = "kernel_distance", stopped: str = "") -> list[dict]:
    """The rows of a run that was looked at every 100 images, with rows of terms between."""
    rows = []
    for index, look in enumerate(looks):
        rows.append({"images_seen": 100 * index, "terms": {}, "validation": {number: look}})
        rows.append({"images_seen": 100 * index + 50, "terms": {"critic/real": 0.5}})
    return [*rows, {"images_seen": 999, "terms": {}, "stopped": stopped}] if stopped else rows


def test_the_course_of_a_run() -> None:
    course = follow(log(8.0, 2.0, 1.0, 1.5))
    assert (course.first, course.best, course.last) == (8.0, 1.0, 1.5)
    assert course.fallback == 0.5
    assert (course.best_at, course.images_seen) == (200, 350)
    assert not course.failed


def test_of_a_bound_more_is_better() -> None:
    course = follow(log(-300.0, -90.0, -100.0, number="bound"), "bound")
    assert (course.best, course.last, course.fallback, course.best_at) == (-90.0, -100.0, 10.0, 100)
    assert not course.failed
    assert follow(log(-300.0, -310.0, number="bound"), "bound").failed


@pytest.mark.parametrize(
    ("history", "floor", "said"),
    [
        (log(8.0, 1.0, stopped="critic/real became nan"), None, "critic/real became nan"),
        (log(8.0, 1.0, 9.0), None, "kernel_distance ended at 9, no better than the 8 that it began with"),
        (log(8.0, 3.0), 2.5, "no better than the 2.5 of a trivial model"),
        (log(stopped="a weight became nan"), None, "a weight became nan"),
    ],
)
def test_what_is_a_failure(history: list[dict], floor: float | None, said: str) -> None:
    assert said in follow(history, floor=floor).failed


def test_a_run_without_looks_has_no_course_and_has_not_failed() -> None:
    course = follow([{"images_seen": 50, "terms": {"critic/real": 0.5}}])
    assert (course.first, course.best, course.last, course.fallback) == (None, None, None, None)
    assert not course.failed
    stability = measure_stability([[{"images_seen": 50, "terms": {}}]])
    assert (stability.num_failed, stability.mean, stability.fallback) == (0, None, None)


def test_over_seeds() -> None:
    histories = [log(8.0, 1.0, 2.0), log(8.0, 4.0), log(8.0, 9.0), log(8.0, 1.0, stopped="it became nan")]
    stability = measure_stability(histories)
    assert (stability.num_runs, stability.num_failed, stability.share_failed) == (4, 2, 0.5)
    assert stability.mean == 3.0, "of the two that did not fail"
    assert stability.spread == pytest.approx(2**0.5)
    assert stability.relative_spread == pytest.approx(2**0.5 / 3)
    assert stability.fallback == 0.5, "between 1 and 0"
    assert stability.best_at == pytest.approx((100 / 250 + 100 / 150) / 2)


def test_rescues_are_counted_and_a_run_that_went_well_through_them_is_told_apart() -> None:
    rescue = {"images_seen": 150, "rescued": "The weights were not finite; went back to 100 images."}
    rescued = [*log(8.0, 1.0), rescue, rescue]
    assert follow(rescued).num_rescues == 2
    assert not follow(rescued).failed
    stability = measure_stability([rescued, log(8.0, 1.0), [*log(8.0, 9.0), rescue]])
    assert (stability.num_failed, stability.num_rescued) == (1, 1)


def test_runs_that_grow_less_steady_say_so() -> None:
    """The ladder that it is made to see: seeds that lie ever further apart, and ever more failures."""
    spreads = [measure_stability([log(9, 3 + s * d) for s in (-1, 0, 1)]).spread for d in (0.1, 0.5, 2.0)]
    assert spreads == sorted(spreads)
    shares = [measure_stability([log(9, 3)] * (4 - n) + [log(9, 10)] * n).share_failed for n in range(5)]
    assert shares == [0, 0.25, 0.5, 0.75, 1]


@pytest.mark.parametrize(("failed", "runs"), [(0, 3), (1, 4), (5, 5), (2, 20)])
def test_the_interval_of_the_share_is_wilsons(failed: int, runs: int) -> None:
    stability = measure_stability([log(9, 10)] * failed + [log(9, 3)] * (runs - failed))
    expected = binomtest(failed, runs).proportion_ci(method="wilson")
    assert stability.share_interval == pytest.approx((expected.low, expected.high), abs=1e-4)


def test_of_one_run_there_is_no_spread() -> None:
    stability = measure_stability([log(8.0, 1.0)])
    assert stability.spread is None
    assert stability.relative_spread is None


def test_nothing_to_measure_is_a_letter() -> None:
    with pytest.raises(ValueError, match=r"hand in the rows of a run.*Run\.history"):
        follow([])
    with pytest.raises(ValueError, match="several runs, and there is none"):
        measure_stability([])
