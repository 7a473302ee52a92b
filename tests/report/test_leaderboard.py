"""Runs measured where they lie: what a card is given, and a ranking that outlives missing data."""

import numpy as np
import pytest

import latentia
from latentia.report.leaderboard import rank
from latentia.report.runs import evaluate_run, record
from latentia.training.card import Measured

SETTINGS = {"num_samples": 50, "num_draws": 2, "features": "pixels", "seed": 0}


def _trained(folder, seed):
    """A run on images without classes, which need no recogniser, and the file that they are in."""
    images = folder / "images.npy"
    np.save(images, np.random.default_rng(seed).integers(0, 256, (200, 8, 8), dtype=np.uint8))
    out = folder / f"run-{seed}"
    return latentia.train("vae.linear", images, out=out, images=64, device="cpu", show=False), images


@pytest.fixture(scope="module")
def kept(cache, tmp_path_factory):
    return _trained(tmp_path_factory.mktemp("kept"), 0)[0]


@pytest.fixture(scope="module")
def orphan(cache, tmp_path_factory):
    run, images = _trained(tmp_path_factory.mktemp("orphan"), 1)
    images.unlink()
    return run


def test_what_is_recorded_is_what_the_card_keeps(kept):
    evaluation = evaluate_run(kept, **SETTINGS)
    recorded = record(kept, evaluation, SETTINGS)
    assert recorded == Measured.read(kept.path)
    bound, bits = recorded.results[:2]
    assert (bound.low, bound.high) == evaluation.likelihood.estimate.interval
    assert bits.low < bits.value < bits.high
    assert bits.value / bits.low == pytest.approx(bound.value / bound.high), "most nats, fewest bits"


def test_a_card_that_cannot_be_written_costs_no_numbers(kept, monkeypatch):
    def refuses(*_, **__):
        raise PermissionError(13, "Permission denied", "README.md")

    evaluation = evaluate_run(kept, **SETTINGS)
    monkeypatch.setattr("latentia.report.runs.write_card", refuses)
    with pytest.warns(UserWarning, match="could not be written"):
        recorded = record(kept, evaluation, {**SETTINGS, "seed": 9})
    assert recorded.settings["seed"] == 9
    assert recorded.results


def test_a_run_whose_data_is_missing_is_named_and_left_out(kept, orphan):
    with pytest.warns(UserWarning, match=r"run-1 is left out of the ranking: .*images\.npy"):
        boards = rank([orphan, kept], progress=False, **SETTINGS)
    assert [[run.path.name for run in board.runs] for board in boards] == [["run-0"]]


def test_a_ranking_of_nothing_says_why(orphan):
    with pytest.raises(
        ValueError, match=r"(?s)None of the runs can be ranked.*run-1 is left out.*images\.npy"
    ):
        rank([orphan], progress=False, **SETTINGS)
    assert rank([], progress=False, **SETTINGS) == []


def test_a_run_that_was_measured_needs_no_data(orphan, kept):
    known = Measured(orphan.images_seen, Measured.read(kept.path).results, "", SETTINGS)
    known.write(orphan.path)
    try:
        (board,) = rank([orphan], progress=False, **SETTINGS)
    finally:
        (orphan.path / "evaluation.json").unlink()
    assert board.measured == (known,)
