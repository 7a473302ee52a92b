"""Laws of the stability kit: steps that are not taken, and rates that rise and fall."""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from training import SEED, feed, fresh, turns

from latentia.data import prepare
from latentia.protocols import Batch, GenerativeModel, Objective
from latentia.training import (
    Adam,
    Limits,
    Plan,
    RunFolder,
    State,
    TrainingStopped,
    checkpoint,
    take_turn,
    train_in,
)
from latentia.training.guard import NOT_FINITE, PATIENCE, Guard
from zoo import SHAPE, ZOO


class Scaled(GenerativeModel):
    """One weight whose gradient is as long as a function of the images seen says."""

    def __init__(self, norm: Callable[[int], float]) -> None:
        super().__init__()
        self.image_shape = SHAPE
        self.norm = norm
        self.weight = nn.Parameter(torch.zeros(()))
        self.register_buffer("turns_remembered", torch.tensor(0))

    def sample(self, num_images, *, given=None, generator=None, noise=True, temperature=1.0):
        return torch.zeros(num_images, *SHAPE)

    def objectives(self):
        def terms(batch: Batch, turn):
            return {"value": self.norm(turn.images_seen) * self.weight.expand(len(batch))}

        return (Objective("scaled", "one", terms, (self,), {"value": 1.0}),)

    def after(self, turn) -> None:
        self.turns_remembered += 1


BATCH = 4


def scaled(norm: Callable[[int], float], **settings) -> tuple[State, Plan]:
    settings = {"skip": 10.0} | settings
    plan = Plan(Scaled(norm), optimisers={"one": Adam(**settings)}, batch_size=BATCH)
    return fresh(plan), plan


def weights_by_turn(state: State, plan: Plan, count: int) -> list[float]:
    seen = [float(state.model.weight.detach())]
    for _ in range(count):
        turns(state, plan, 17, 1)
        seen.append(float(state.model.weight.detach()))
    return seen


@pytest.mark.parametrize("norm", [1e6, math.inf, math.nan])
def test_one_gradient_out_of_line_moves_nothing(norm: float) -> None:
    state, plan = scaled(lambda seen: norm if seen == 5 * BATCH else 1.0)
    turns(state, plan, 17, 5)
    before = {key: value.clone() for key, value in state.optimizers["one"].state[state.model.weight].items()}
    weight = float(state.model.weight.detach())
    turns(state, plan, 17, 1)
    assert float(state.model.weight.detach()) == weight
    assert state.guards["one"].skipped == 1
    for key, value in state.optimizers["one"].state[state.model.weight].items():
        assert torch.equal(value, before[key]), key
    turns(state, plan, 17, 1)
    assert float(state.model.weight.detach()) != weight
    assert state.guards["one"].skipped == 1


def test_without_a_guard_it_would_have_moved() -> None:
    state, plan = scaled(lambda seen: 1e6 if seen == 5 * BATCH else 1.0, skip=None)
    seen = weights_by_turn(state, plan, 6)
    assert seen[6] != seen[5]
    assert state.guards == {}


def test_what_is_remembered_of_a_batch_that_is_not_finite_is_dropped() -> None:
    state, plan = scaled(lambda seen: math.nan if seen == BATCH else 1.0)
    turns(state, plan, 17, 3)
    assert int(state.model.turns_remembered) == 2


@pytest.mark.parametrize("scale", [1e3, 1e12])
def test_gradients_that_stay_larger_are_accepted(scale: float) -> None:
    """The first within PATIENCE steps, cut; and soon all of them, since what is typical rises to them."""
    state, plan = scaled(lambda seen: 1.0 if seen < 5 * BATCH else scale)
    turns(state, plan, 17, 5)
    moved = weights_by_turn(state, plan, PATIENCE + 1)
    assert moved[PATIENCE] == moved[0]
    assert moved[PATIENCE + 1] != moved[0]
    turns(state, plan, 17, 1200)
    state.guards["one"].skipped = 0
    turns(state, plan, 17, 20)
    assert state.guards["one"].skipped == 0


@given(
    skip=st.floats(1.01, 1e3),
    norms=st.lists(st.floats(0, 1e38) | st.sampled_from([math.inf, math.nan]), max_size=60),
    last=st.floats(0, 1e38),
)
def test_no_history_can_make_training_stand_still(skip: float, norms: list[float], last: float) -> None:
    guard = Guard(skip)
    for norm in norms:
        guard.admits(norm)
    assert any(guard.admits(last) for _ in range(PATIENCE + 1))
    assert math.isfinite(guard.typical)


def test_a_step_that_is_taken_for_patience_is_cut_to_the_limit() -> None:
    """Seen through plain descent: the second moment of Adam after one step is (1 - beta) g^2."""
    state, plan = scaled(lambda seen: 1.0 if seen == 0 else 1e6, betas=(0.0, 0.0))
    turns(state, plan, 17, 1)
    for _ in range(PATIENCE):
        turns(state, plan, 17, 1)
    limit = state.guards["one"].limit
    turns(state, plan, 17, 1)
    gradient = state.optimizers["one"].state[state.model.weight]["exp_avg"]
    assert float(gradient) == pytest.approx(limit, rel=1e-4)


def test_a_resumed_guard_decides_as_the_unbroken_one(tmp_path: Path) -> None:
    def norm(seen: int) -> float:
        index = seen // BATCH
        return math.nan if index == 7 else 1e3 if index % 4 == 3 or index > 10 else 1.0 + index

    unbroken, plan = scaled(norm)
    turns(unbroken, plan, 17, 24)
    for split in (6, 8, 14):
        state, plan = scaled(norm)
        checkpoint.save(turns(state, plan, 17, split), tmp_path)
        resumed, plan = scaled(norm)
        checkpoint.load(resumed, tmp_path)
        turns(resumed, plan, 17, 24 - split)
        assert resumed.guards == unbroken.guards
        assert torch.equal(resumed.model.weight, unbroken.model.weight)


def test_a_guarded_model_steps_as_an_unguarded_one_where_nothing_is_unusual() -> None:
    """1 x 32, 2 x 16 and no guard: the same weights."""
    ends = []
    for skip, pieces in ((None, 1), (1e6, 1), (1e6, 2)):
        plan = ZOO["vae.gaussian mlp"]()
        plan = replace(plan, optimisers={n: replace(a, skip=skip) for n, a in plan.optimisers.items()})
        state = turns(fresh(plan), plan, 17, 3, micro_batches=pieces)
        ends.append(torch.cat([p.detach().flatten() for p in state.model.parameters()]))
    assert torch.equal(ends[0], ends[1])
    assert torch.allclose(ends[0], ends[2], atol=1e-4)


def trained(folder: Path, norm: Callable[[int], float], count: int) -> list[dict]:
    """The rows that a run of so many turns writes."""
    (folder / "samples").mkdir()
    state, plan = scaled(norm)
    store = prepare("digits", cache=folder / "cache", progress=False)
    limits = Limits(horizon=count * BATCH, images=count * BATCH)
    train_in(
        folder, state, plan, store.split("train"), store.split("validation"), limits, seed=SEED, show=False
    )
    return RunFolder(folder).history()


def test_rows_say_how_many_steps_were_skipped(tmp_path: Path) -> None:
    rows = trained(tmp_path, lambda seen: math.nan if seen == 3 * BATCH else 1.0, 8)
    assert sum(row["skipped"]["one"] for row in rows) == 1
    assert all(math.isfinite(value) for row in rows for value in row["terms"].values())


def test_gradients_that_are_never_finite_stop_the_run(tmp_path: Path) -> None:
    with pytest.raises(
        TrainingStopped, match=r"the gradient of the one 20 times in a row became nan"
    ) as stop:
        trained(tmp_path, lambda seen: math.nan if seen >= 3 * BATCH else 1.0, 100)
    assert f"in step {3 + NOT_FINITE}" in str(stop.value)
    assert "is kept in" in str(stop.value)


@pytest.mark.parametrize("skip", [1.0, 0.0, -3.0, math.nan])
def test_a_guard_that_would_refuse_the_usual_is_refused(skip: float) -> None:
    with pytest.raises(ValueError, match="has to be above 1"):
        Adam(skip=skip)


def test_rates_rise_stay_fall_and_rest() -> None:
    plan = Plan(ZOO["vae.linear"]().model, warm_up=100, cool_down=0.4)
    paces = {seen: plan.pace(seen, 1000) for seen in (50, 100, 600, 800, 1000, 5000)}
    expected = {50: 0.5, 100: 1.0, 600: 1.0, 800: 0.505, 1000: 0.01, 5000: 0.01}
    assert paces == pytest.approx(expected)
    assert Plan(plan.model).pace(10**9, 1000) == 1.0


@pytest.mark.parametrize("cool_down", [-0.1, 1.5, 400.0])
def test_a_cool_down_is_a_part_of_the_run(cool_down: float) -> None:
    with pytest.raises(ValueError, match="a part of the run, from 0 to 1"):
        Plan(ZOO["vae.linear"]().model, cool_down=cool_down)


def test_the_loop_steps_at_that_pace() -> None:
    model, adam = Scaled(lambda seen: 1.0), Adam(rate=0.5)
    plan = Plan(model, optimisers={"one": adam}, batch_size=BATCH, cool_down=40 / 48)
    state = fresh(plan)
    rates = []
    for _ in range(14):
        take_turn(state, plan, feed(plan, 17), seed=SEED, horizon=48)
        rates.append(state.optimizers["one"].param_groups[0]["lr"])
    assert rates == pytest.approx([0.5 * plan.pace(BATCH * turn, 48) for turn in range(1, 15)])
    assert rates[0] == 0.5
    assert rates[-1] == pytest.approx(0.005)
    # With a gradient that never changes, Adam walks its rate every step.
    assert float(state.model.weight.detach()) == pytest.approx(-sum(rates), rel=1e-4)
