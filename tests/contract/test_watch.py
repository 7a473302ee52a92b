"""Laws of looking: whatever watches a run changes nothing of it, costs a share, and says why it stopped."""

import math
from pathlib import Path

import pytest
import torch
from training import SEED, fresh

from latentia.data import prepare
from latentia.metrics.watching import make_judge
from latentia.training import Limits, RunFolder, TrainingStopped, checkpoint, train_in
from latentia.training.watch import SHARE
from zoo import ZOO

IMAGES = 640
JUDGED = ["vae.gaussian", "vae.ladder", "gan.dcgan"]


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return prepare("digits", cache=tmp_path_factory.mktemp("cache"), progress=False)


def run(folder: Path, store, *, name: str = "gan.dcgan", images: int = IMAGES, judge=None) -> list[dict]:
    """The rows of a small run."""
    (folder / "samples").mkdir(parents=True)
    plan = ZOO[name]()
    splits = store.split("train"), store.split("validation")
    limits = Limits(horizon=images, images=images)
    train_in(folder, fresh(plan), plan, *splits, limits, seed=SEED, judge=judge, show=False)
    return RunFolder(folder).history()


def looks(rows: list[dict]) -> list[int]:
    return [row["images_seen"] for row in rows if "kernel_distance" in row.get("validation", {})]


@pytest.mark.parametrize("name", JUDGED)
def test_a_run_that_is_judged_ends_with_the_bytes_of_one_that_is_not(name, store, tmp_path) -> None:
    judge = make_judge(store.split("validation"), seed=SEED, device=torch.device("cpu"))
    rows = run(tmp_path / "judged", store, name=name, judge=judge)
    run(tmp_path / "alone", store, name=name)
    assert looks(rows)[0] == 0
    assert looks(rows)[-1] == IMAGES
    for file in (checkpoint.WEIGHTS, checkpoint.STATE):
        tensors = [checkpoint.read(tmp_path / which / file) for which in ("judged", "alone")]
        assert all(torch.equal(value, tensors[1][key]) for key, value in tensors[0].items()), file


def test_the_judge_gets_averaged_weights_in_evaluation_mode(store, tmp_path) -> None:
    seen = []

    def judge(model):
        seen.append((model.training, torch.is_grad_enabled(), next(model.parameters()).detach().clone()))
        return {"kernel_distance": 1.0}

    run(tmp_path / "run", store, judge=judge)
    assert not any(training or gradients for training, gradients, _ in seen)
    average = checkpoint.part_of(checkpoint.read(tmp_path / "run" / checkpoint.WEIGHTS), "average.")
    assert any(torch.equal(seen[-1][2], value) for value in average.values())


class Clock:
    """Time that passes as it is told to: so many seconds a turn, so many a look."""

    def __init__(self, turn: float, look: float) -> None:
        self.now, self.turn, self.look = 0.0, turn, look

    def perf_counter(self) -> float:
        return self.now


@pytest.mark.parametrize(("look", "expected"), [(1e-3, 21), (0.4, 2), (100.0, 2)])
def test_looks_between_the_first_and_the_last_stay_within_their_share(
    look, expected, store, tmp_path, monkeypatch
) -> None:
    """20 turns of a second each, and a checkpoint after each of them."""
    from latentia.training import loop, watch

    clock = Clock(turn=1.0, look=look)
    take_turn = loop.take_turn

    def timed_turn(*args, **named):
        clock.now += clock.turn
        return take_turn(*args, **named)

    def judge(model):
        clock.now += clock.look
        return {"kernel_distance": 1.0}

    monkeypatch.setattr(loop, "take_turn", timed_turn)
    monkeypatch.setattr(loop, "time", clock)
    monkeypatch.setattr(watch, "time", clock)
    rows = run(tmp_path / "run", store, judge=judge)
    assert len(looks(rows)) == expected
    assert looks(rows)[0] == 0, "one before the first turn"
    assert looks(rows)[-1] == IMAGES, "and one after the last, whatever it costs"
    between = look * (len(looks(rows)) - 2)
    assert between <= SHARE * 20


def test_samples_that_are_not_finite_stop_the_run_and_the_log_says_why(store, tmp_path) -> None:
    worth = iter([1.0, math.nan])
    with pytest.raises(TrainingStopped, match="kernel_distance of the samples became nan") as stop:
        run(tmp_path / "run", store, judge=lambda model: {"kernel_distance": next(worth)})
    last = RunFolder(tmp_path / "run").history()[-1]
    assert last["stopped"] == stop.value.fault
    assert str(tmp_path) not in last["stopped"]
    assert "is kept in" in str(stop.value)


def test_a_run_that_goes_on_forgets_why_it_stopped(store, tmp_path) -> None:
    worth = iter([1.0, math.nan])
    with pytest.raises(TrainingStopped):
        run(tmp_path / "run", store, judge=lambda model: {"kernel_distance": next(worth)})
    folder = RunFolder(tmp_path / "run")
    folder.forget_after(10**9)
    assert not any("stopped" in row for row in folder.history())
