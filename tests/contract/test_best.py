"""Laws of the best weights: rightly chosen, written whole, the same after a kill, and an end to a run."""

import json
import math
import os
import shutil
import signal
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import distributed, multiprocessing
from training import SEED, fresh, turns

from latentia import recipes
from latentia.data import prepare
from latentia.report.runs import contestants
from latentia.training import Average, Limits, Plan, RunFolder, checkpoint, train_in
from latentia.training.best import BEST, Best, Keeper, load_best
from latentia.training.processes import Processes
from latentia.training.turn import seed_from
from zoo import ZOO

IMAGES, EACH = 256, 32
HALF_LIVES = (2000, 50_000)
"""Of the further averages; the plan's own is 10,000."""


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LATENTIA_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def store():
    return prepare("digits", progress=False)


def plan_of(name: str = "gan.dcgan") -> Plan:
    return replace(ZOO[name](), half_life=10_000, half_lives=HALF_LIVES)


class Told:
    """A judge that says what it was told to, three values a look; the first look, at image 0, is of one."""

    def __init__(self, looks: list[tuple[float, float, float]]) -> None:
        self.values = [9.0, *(value for look in looks for value in look)]
        self.weights: list[dict[str, torch.Tensor]] = []

    def __call__(self, model):
        self.weights.append({key: value.clone() for key, value in model.state_dict().items()})
        return {"kernel_distance": self.values[min(len(self.weights), len(self.values)) - 1]}


def run(folder, store, *, judge=None, name="gan.dcgan", images=IMAGES, patience=None, state=None, **more):
    """A small run that looks every 32 images; its state at the end."""
    (folder / "samples").mkdir(parents=True, exist_ok=True)
    plan = plan_of(name)
    state = state or fresh(plan)
    limits = Limits(horizon=IMAGES, images=images, patience=patience)
    splits = store.split("train"), store.split("validation")
    train_in(folder, state, plan, *splits, limits, seed=SEED, judge=judge, keep_best=True, show=False, **more)
    return state


def test_the_best_over_time_and_half_lives_is_kept(store, tmp_path) -> None:
    judge = Told([(5, 4, 6), (5, 5, 1), (2, 1, 3), (7, 7, 7)])
    run(tmp_path, store, judge=judge, images=4 * EACH)
    best = Best.read(tmp_path)
    assert best == Best(2 * EACH, 50_000, "kernel_distance", 1.0), "of equals, the first"
    model = plan_of().model
    load_best(model, tmp_path)
    expected = judge.weights[1 + 3 + 2]  # after image 0 and the first look, the third
    assert all(torch.equal(value, expected[key]) for key, value in model.state_dict().items())
    rows = [row for row in RunFolder(tmp_path).history() if "best" in row]
    assert [row["best"]["images_seen"] for row in rows] == [32, 64, 64, 64]
    assert rows[0]["best"] == {"images_seen": 32, "half_life": 2000, "value": 4.0}
    assert rows[2]["averages"] == {"10000": 2.0, "2000": 1.0, "50000": 3.0}


def test_every_checkpoint_is_judged_whatever_it_costs(store, tmp_path, monkeypatch) -> None:
    """What is kept must not depend on the clock: here a look takes a year."""
    from latentia.training import watch

    clock = iter(range(0, 10**12, 31_536_000))
    monkeypatch.setattr(watch, "time", type("Clock", (), {"perf_counter": staticmethod(lambda: next(clock))}))
    judge = Told([(5, 5, 5)])
    run(tmp_path, store, judge=judge)
    assert len(judge.weights) == 1 + 3 * IMAGES // EACH


def test_an_explicit_model_is_chosen_by_its_bound(store, tmp_path) -> None:
    run(tmp_path, store, name="vae.gaussian", judge=lambda model: {"kernel_distance": 1.0})
    rows = [row for row in RunFolder(tmp_path).history() if "best" in row]
    best = Best.read(tmp_path)
    assert best is not None
    assert best.number == "bound"
    assert best.value == max(value for row in rows for value in row["averages"].values())
    assert all(row["averages"]["10000"] == row["validation"]["bound"] for row in rows)


def test_what_is_not_a_number_is_never_the_best(tmp_path) -> None:
    state = turns(fresh(plan_of("vae.gaussian")), plan_of("vae.gaussian"), 17, 1)
    keeper = Keeper(tmp_path)
    keeper.look(state, "bound", {10_000: math.nan, 2000: -7.0, 50_000: -8.0})
    assert keeper.best is not None
    assert (keeper.best.half_life, keeper.best.value) == (2000, -7.0)
    keeper.look(state, "bound", {10_000: math.nan, 2000: math.nan, 50_000: math.nan})
    assert keeper.best.value == -7.0


def test_a_full_disk_keeps_the_best_before(store, tmp_path, monkeypatch) -> None:
    run(tmp_path, store, judge=Told([(5, 5, 5)]), images=EACH)
    before = (tmp_path / BEST).read_bytes()
    state = fresh(plan_of())
    checkpoint.load(state, tmp_path)

    def full(*args, **kwargs) -> None:
        Path(args[1]).write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint, "save_file", full)
    with pytest.raises(OSError, match="No space left"):
        run(tmp_path, store, judge=Told([(1, 1, 1)]), state=state)
    assert (tmp_path / BEST).read_bytes() == before
    assert not list(tmp_path.glob("*.new"))
    (tmp_path / BEST).write_bytes(before[:50])
    with pytest.raises(ValueError, match=r"best\.safetensors is damaged"):
        Best.read(tmp_path)


def by_weights(model) -> dict[str, float]:
    """A judge that is a function of the weights alone, and prefers any time as soon as another."""
    weights = torch.cat([p.flatten() for p in model.parameters()])
    return {"kernel_distance": float(seed_from(weights.numpy().tobytes()) % 1000)}


def files(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in (checkpoint.WEIGHTS, BEST)}


@pytest.mark.parametrize("name", ["gan.dcgan", "vae.gaussian"])
@pytest.mark.parametrize("killed", ["after the checkpoint", "between the best and the checkpoint"])
def test_a_killed_run_ends_as_the_unbroken_one(name, killed, store, tmp_path, monkeypatch) -> None:
    run(tmp_path / "whole", store, name=name, judge=by_weights)
    best = Best.read(tmp_path / "whole")
    assert best is not None
    between = best.images_seen - EACH  # the best of the whole run is written, the checkpoint then not
    stop = min(best.images_seen, IMAGES - EACH) if killed == "after the checkpoint" else between

    real = checkpoint.save

    def kill(state, folder) -> None:
        if state.images_seen > stop:
            raise KeyboardInterrupt
        real(state, folder)

    monkeypatch.setattr(checkpoint, "save", kill)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "killed", store, name=name, judge=by_weights)
    monkeypatch.undo()
    state = fresh(plan_of(name))
    checkpoint.load(state, tmp_path / "killed")
    assert state.images_seen == state.looked == stop
    RunFolder(tmp_path / "killed").forget_after(state.images_seen)
    resumed = run(tmp_path / "killed", store, name=name, judge=by_weights, state=state)
    assert files(tmp_path / "killed") == files(tmp_path / "whole")
    assert len(resumed.averages) == 3


def test_an_interrupted_run_keeps_what_the_unbroken_one_does(store, tmp_path, monkeypatch) -> None:
    """Ctrl-C between two looks saves, and does not look, since the unbroken run does not either."""
    from latentia.training import loop

    real = loop.take_turn

    def interrupted(state, *rest, **named):
        if state.images_seen == 2 * EACH:
            signal.raise_signal(signal.SIGINT)
        return real(state, *rest, **named)

    monkeypatch.setattr("latentia.training.watch.CHECKPOINTS", 4)  # every 64 images
    run(tmp_path / "whole", store, judge=by_weights)
    monkeypatch.setattr(loop, "take_turn", interrupted)
    run(tmp_path / "broken", store, judge=by_weights)
    monkeypatch.setattr(loop, "take_turn", real)
    state = fresh(plan_of())
    checkpoint.load(state, tmp_path / "broken")
    assert (state.images_seen, state.looked) == (3 * EACH, 2 * EACH)
    run(tmp_path / "broken", store, judge=by_weights, state=state)
    assert files(tmp_path / "broken") == files(tmp_path / "whole")


def test_a_checkpoint_without_further_averages_still_loads(store, tmp_path) -> None:
    plan = ZOO["gan.dcgan"]()
    checkpoint.save(turns(fresh(plan), plan, 17, 2), tmp_path)
    as_older_ones_are = {"images_seen": "64", "turns": "2", "seconds": "0.5"}
    tensors = checkpoint.read(tmp_path / checkpoint.STATE)
    checkpoint.write(tmp_path, {checkpoint.STATE: (tensors, as_older_ones_are)})
    state = fresh(ZOO["gan.dcgan"]())
    checkpoint.load(state, tmp_path)
    assert (state.images_seen, state.looked) == (64, 0)
    with pytest.raises(ValueError, match="is missing"):
        checkpoint.load(fresh(plan_of()), tmp_path)


def test_patience_ends_a_run(store, tmp_path) -> None:
    state = run(tmp_path, store, judge=Told([(5, 5, 5), (4, 5, 5), (6, 6, 6)]), patience=0.5)
    assert state.images_seen == 2 * EACH + 0.5 * IMAGES
    assert checkpoint.position(tmp_path)["images_seen"] == state.images_seen
    assert Keeper(tmp_path, 0.5 * IMAGES).told(state).endswith("Nothing better for 128 images: the run ends.")
    assert "ends" not in Keeper(tmp_path, 0.6 * IMAGES).told(state)
    whole = run(tmp_path / "patient", store, judge=Told([(5, 5, 5)]), patience=1.0)
    assert whole.images_seen == IMAGES


def _in_process(rank: int, rendezvous: str, folder: str) -> None:
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", init_method=f"file://{rendezvous}", rank=rank, world_size=2)
    judge = Told([(5, 5, 5), (4, 5, 5), (6, 6, 6)]) if rank == 0 else None
    state = run(
        Path(folder),
        prepare("digits", progress=False),
        judge=judge,
        patience=0.25,
        processes=Processes(rank, 2),
    )
    Path(folder, f"seen-{rank}").write_text(str(state.images_seen))
    distributed.barrier()
    os._exit(0)  # gloo's threads now and then abort a process while it is torn down


def test_two_processes_end_together(tmp_path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        arguments = (str(Path(folder, "rendezvous")), str(tmp_path))
        multiprocessing.spawn(_in_process, arguments, nprocs=2)
    assert [(tmp_path / f"seen-{rank}").read_text() for rank in (0, 1)] == ["128", "128"]
    assert Best.read(tmp_path) == Best(64, 10_000, "kernel_distance", 4.0)


def test_longer_half_lives_have_longer_ramps() -> None:
    ramps = [average.ramp for average in fresh(plan_of()).averages]
    assert ramps == pytest.approx([Average.RAMP, Average.RAMP / 5, 5 * Average.RAMP])
    assert fresh(replace(plan_of(), half_lives=(10**6,))).averages[1].ramp == 0.25


def test_further_half_lives_are_a_fifth_and_five_times_unless_named() -> None:
    plan = ZOO["gan.dcgan"]()
    assert plan.with_further_averages().half_lives == (2000, 50_000)
    assert replace(plan, half_life=1).with_further_averages().half_lives == (5,)
    assert replace(plan, half_lives=(7,)).with_further_averages().half_lives == (7,)


@pytest.mark.parametrize("wrong", [{"half_life": 0}, {"half_lives": (0,)}, {"half_lives": (5, 5)}])
def test_half_lives_that_make_no_sense_are_a_letter(wrong) -> None:
    with pytest.raises(ValueError, match="each has to be 1 or more, and another"):
        replace(ZOO["gan.dcgan"](), **wrong)
    with pytest.raises(ValueError, match="each has to be"):
        replace(ZOO["gan.dcgan"](), half_lives=(10_000,))


SMALL = {"show": False, "batch_size": 32, "width": 2, "num_latents": 2}


@pytest.fixture(scope="module")
def kept(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "kept"
    recipes.train("gan.dcgan", "digits", out=folder, images=IMAGES, keep_best=True, **SMALL)
    return folder


def test_a_run_is_opened_with_its_best_weights(kept: Path) -> None:
    best, held = Best.read(kept), checkpoint.read(kept / checkpoint.WEIGHTS)
    assert best is not None
    wanted = {
        "auto": (checkpoint.read(kept / BEST), f"moving average over training, {best}"),
        "last": (checkpoint.part_of(held, "average."), "moving average over training"),
        "raw": (checkpoint.part_of(held, "raw."), "of the last step"),
    }
    wanted["best"] = wanted["auto"]
    for weights, (tensors, words) in wanted.items():
        opened = recipes.open_run(kept, weights=weights)
        assert opened.weights == words == contestants([opened])[0].weights
        assert not opened.model.training
        assert all(torch.equal(value, tensors[key]) for key, value in opened.model.state_dict().items())
    assert len({len(held)} | {len(checkpoint.part_of(held, f"average of {h}.")) for h in HALF_LIVES}) == 2
    assert "best on validation images" in (kept / "README.md").read_text()


def test_training_returns_the_best_weights(tmp_path: Path) -> None:
    run = recipes.train("gan.dcgan", "digits", out=tmp_path / "run", images=IMAGES, patience=1.0, **SMALL)
    assert run.description.keep_best, "patience implies it"
    assert run.weights == recipes.open_run(run.path).weights
    best = checkpoint.read(run.path / BEST)
    assert all(torch.equal(value, best[key]) for key, value in run.model.state_dict().items())


def test_stopping_at_half_and_resuming_goes_on_with_all_averages(kept: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(kept, tmp_path / "longer")
    longer = recipes.resume(folder, images=2 * IMAGES, show=False)
    recipes.train("gan.dcgan", "digits", out=tmp_path / "alone", images=2 * IMAGES, **SMALL)
    both = [checkpoint.read(path / checkpoint.WEIGHTS) for path in (longer.path, tmp_path / "alone")]
    assert all(torch.equal(value, both[0][key]) for key, value in both[1].items()), "others change nothing"


def test_a_run_whose_patience_ran_out_has_ended(kept: Path, tmp_path: Path) -> None:
    folder = RunFolder(shutil.copytree(kept, tmp_path / "run"))
    folder.write(replace(folder.read(), images=2 * IMAGES, patience=0.05))
    best = Best.read(folder.path)
    assert best is not None
    replace(best, images_seen=IMAGES - EACH).write(recipes.load(folder.path), folder.path)
    assert recipes.open_run(folder.path).ended
    with pytest.raises(ValueError, match=r"has ended: nothing better was found for 0\.05 of its"):
        recipes.resume(folder.path, show=False)
    longer = recipes.resume(folder.path, images=2 * IMAGES, show=False)
    assert longer.images_seen == 2 * IMAGES
    assert longer.description.patience is None


def test_runs_without_best_weights(tmp_path: Path) -> None:
    run = recipes.train("gan.dcgan", "digits", out=tmp_path / "run", images=64, **SMALL)
    said = json.loads((run.path / "run.json").read_text())
    older = {key: value for key, value in said.items() if key not in ("keep_best", "patience")}
    (run.path / "run.json").write_text(json.dumps(older))
    opened = recipes.open_run(run.path)
    assert not opened.description.keep_best
    assert opened.weights == "moving average over training"
    with pytest.raises(ValueError, match=r"has kept no best weights.*--keep-best"):
        recipes.open_run(run.path, weights="best")


@pytest.mark.parametrize("patience", [0.0, -0.1, 1.5, math.nan])
def test_patience_out_of_range_is_a_letter(patience, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"patience is .*above 0 and at most 1"):
        recipes.train("gan.dcgan", "digits", out=tmp_path / "run", patience=patience, show=False)
    assert not (tmp_path / "run").exists()


def test_too_few_validation_images_are_a_letter(tmp_path: Path) -> None:
    data = torch.randint(0, 256, (60, 8, 8, 1), dtype=torch.uint8).numpy()
    with pytest.raises(ValueError, match="there have to be 20 or more"):
        recipes.train("gan.dcgan", data, out=tmp_path / "run", keep_best=True, show=False)
