"""Laws of rescues: what breaks is rolled back and goes on more carefully, a sound run is left alone."""

import json
import math
import os
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import distributed, multiprocessing, nn
from training import SEED, fresh, turns

from latentia import recipes
from latentia.data import prepare
from latentia.metrics.watching import make_examiner
from latentia.protocols import Batch, GenerativeModel, Objective
from latentia.training import Adam, Limits, Plan, RunFolder, State, TrainingStopped, checkpoint, train_in
from latentia.training.health import ABOVE, BELOW, FEWEST, SAMPLES, Gauge, Health
from latentia.training.processes import Processes
from latentia.training.rescue import Good, Memory, Rescue
from zoo import SHAPE, ZOO

BATCH, TURNS = 4, 40
CPU = torch.device("cpu")


class Climber(GenerativeModel):
    """One weight that climbs by the rate each turn, to just below an edge, beyond which it breaks.

    If `steep`, it climbs for ever, and ever more gladly. Samples are noise, or given images; their scale
    falls from 1 at the bottom to 0 at the height `fading`.
    """

    def __init__(
        self,
        *,
        edge: float = 1e6,
        steep: bool = False,
        fading: float = math.inf,
        images: torch.Tensor | None = None,
    ) -> None:
        super().__init__()
        self.image_shape = SHAPE
        self.edge, self.steep, self.fading, self.images = edge, steep, fading, images
        self.height = nn.Parameter(torch.zeros(()))

    def sample(self, num_images, *, given=None, generator=None, noise=True, temperature=1.0):
        scale = max(0.0, 1 - float(self.height.detach()) / self.fading)
        if self.images is not None:
            return scale * self.images[:num_images]
        return torch.tanh(scale * torch.randn(num_images, *SHAPE, generator=generator))

    def objectives(self):
        def terms(batch: Batch, turn):
            left = -self.height.exp() if self.steep else (self.height - (self.edge - 0.1)).abs()
            broken = float(self.height.detach()) > self.edge
            return {"left": (left * math.inf if broken else left).expand(len(batch))}

        return (Objective("climb", "climber", terms, (self,), {"left": 1.0}),)


def climber(rate: float = 1.0, rescue: Rescue | None = None, **model) -> Plan:
    # Adam without memory walks its rate each turn, whatever the gradient.
    return Plan(
        Climber(**model),
        optimisers={"climber": Adam(rate=rate, betas=(0.0, 0.0))},
        batch_size=BATCH,
        half_life=1,
        rescue=rescue or Rescue(slow=0.5),
    )


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return prepare("digits", cache=tmp_path_factory.mktemp("cache"), progress=False)


def run(folder: Path | None, store, plan: Plan, until: int = TURNS, **options) -> State:
    """Trains up to a turn of a run planned for 40, from the folder's checkpoint where there is one."""
    state = fresh(plan)
    if folder is not None and (folder / checkpoint.STATE).exists():
        checkpoint.load(state, folder)
    elif folder is not None:
        (folder / "samples").mkdir(parents=True)
    limits = Limits(horizon=TURNS * BATCH, images=until * BATCH)
    splits = store.split("train"), store.split("validation")
    train_in(folder, state, plan, *splits, limits, seed=SEED, show=False, **options)
    return state


def sentences(folder: Path) -> list[str]:
    return [row["rescued"] for row in RunFolder(folder).history() if "rescued" in row]


def test_a_run_that_breaks_goes_back_and_on_more_carefully(store, tmp_path) -> None:
    state = run(tmp_path / "run", store, climber(edge=10.6))
    assert state.images_seen == TURNS * BATCH
    assert state.memory.rescues == 1
    assert float(state.model.height.detach()) <= 10.6
    assert state.optimizers["climber"].param_groups[0]["lr"] == 0.5
    said = sentences(tmp_path / "run")
    assert said == [
        "Rolled back from 48 to 40 images, since climb/left became inf in step 12 (rescue 1 of 3). "
        "Learning rates are now 0.5 times what was asked for."
    ]
    seen = [row["images_seen"] for row in RunFolder(tmp_path / "run").history()]
    assert seen == sorted(seen), "rows of what was undone are forgotten"


def test_the_state_before_is_tried_where_the_newest_is_no_cure(store, tmp_path) -> None:
    """At half the rate the weight still steps beyond its edge: the second rescue starts two turns lower."""
    run(tmp_path / "run", store, climber(edge=10.2))
    assert [said.split(" images")[0] for said in sentences(tmp_path / "run")[:2]] == [
        "Rolled back from 48 to 40",
        "Rolled back from 48 to 32",
    ]


@pytest.mark.parametrize(("at_most", "often"), [(0, None), (1, "once"), (2, "2 times")])
def test_after_so_many_rescues_it_stops_and_says_so(store, tmp_path, at_most, often) -> None:
    plan = climber(rate=1e3, edge=10.6, rescue=Rescue(at_most=at_most, slow=0.5))
    with pytest.raises(TrainingStopped, match=r"climb/left became inf in step 2 \(8 images seen\)") as stop:
        run(tmp_path / "run", store, plan)
    assert ("rolled back" in str(stop.value)) == (often is not None)
    if often:
        expected = f"It had been rolled back {often}. Learning rates are now {0.5**at_most:g} times"
        assert expected in stop.value.fault
    assert "is kept in" in str(stop.value)
    assert "--rate" in str(stop.value)
    assert "--gamma" not in str(stop.value), "this model has no penalty"
    assert len(sentences(tmp_path / "run")) == at_most
    assert RunFolder(tmp_path / "run").history()[-1]["stopped"] == stop.value.fault


def test_a_run_that_begins_broken_stops_at_once(store, tmp_path) -> None:
    plan = climber()
    plan.model.height.data.fill_(math.nan)
    with pytest.raises(TrainingStopped, match=r"a weight became nan in step 0 \(0 images seen\)\. The|Try"):
        run(tmp_path / "run", store, plan)


def test_without_rescues_nothing_is_remembered(store, tmp_path) -> None:
    state = run(tmp_path / "run", store, climber(rescue=Rescue(at_most=0)))
    assert state.memory == Memory()
    held = load_file(tmp_path / "run" / checkpoint.STATE)
    assert not any("good " in name for name in held)


def test_weights_that_explode_are_seen_before_they_are_infinite(store) -> None:
    longer = Limits(horizon=600 * BATCH, images=600 * BATCH)
    plan = climber(rate=0.1, steep=True, rescue=Rescue(at_most=0))
    splits = store.split("train"), store.split("validation")
    with pytest.raises(
        TrainingStopped, match=r"the gradient of the climber grew to .*, more than 1000 times"
    ):
        train_in(None, fresh(plan), plan, *splits, longer, seed=SEED, show=False)


def test_a_collapse_is_seen_at_the_next_checkpoint(store, tmp_path) -> None:
    images = store.split("train").images(slice(0, 100))
    plan = climber(rate=1.0, fading=10.0, images=images, rescue=Rescue(at_most=1))
    examine = make_examiner(store.split("validation"), seed=SEED, device=CPU)
    with pytest.raises(TrainingStopped, match=r"samples collapsed: their \w+ is .*, and has been") as stop:
        run(tmp_path / "run", store, plan, examine=examine)
    assert "samples collapsed" in sentences(tmp_path / "run")[0]
    assert "rolled back once" in str(stop.value)
    told = [row["samples"] for row in RunFolder(tmp_path / "run").history() if "samples" in row]
    assert all(row.keys() == {"variety", "distinct", "coverage"} for row in told)
    kept = float(checkpoint.read(tmp_path / "run" / checkpoint.WEIGHTS)["average.height"])
    assert kept < 9, "what is kept has not collapsed"


def tensors(folder: Path) -> dict[str, torch.Tensor]:
    return {
        f"{file} {name}": value
        for file in (checkpoint.WEIGHTS, checkpoint.STATE)
        for name, value in load_file(folder / file).items()
    }


@pytest.mark.parametrize("edge", [10.6, 10.2])
@pytest.mark.parametrize("stops", [(3,), (10,), (11,), (12, 13), (9, 15, 21), (27,)])
def test_a_run_resumed_across_its_rescues_is_the_unbroken_one(store, tmp_path, edge, stops) -> None:
    unbroken = run(tmp_path / "unbroken", store, climber(edge=edge))
    assert unbroken.memory.rescues
    for until in (*stops, TURNS):
        state = run(tmp_path / "resumed", store, climber(edge=edge), until)
    assert state.memory.rescues == unbroken.memory.rescues
    assert sentences(tmp_path / "resumed") == sentences(tmp_path / "unbroken")
    expected, found = tensors(tmp_path / "unbroken"), tensors(tmp_path / "resumed")
    assert expected.keys() == found.keys()
    for name, value in expected.items():
        assert torch.equal(value, found[name]), name


@pytest.mark.parametrize("name", ["gan.dcgan", "vae.gaussian mlp"])
def test_going_back_brings_everything_back(name: str) -> None:
    """Steps after it are those after the first time, at a rate that is not lowered."""
    plan = replace(ZOO[name](), rescue=Rescue(slow=1.0, restrain=1.0))
    state = turns(fresh(plan), plan, 17, 3)
    state.memory.keep(state.now())
    ends = []
    for _ in range(2):
        turns(state, plan, 17, 3)
        ends.append({key: value.clone() for key, value in state.now().tensors.items()})
        state.go_back()
    assert (state.images_seen, state.turns, state.memory.rescues) == (3 * plan.batch_size, 3, 2)
    for key, value in ends[0].items():
        assert torch.equal(value, ends[1][key]), key


def test_the_start_of_a_run_has_no_moments() -> None:
    plan = ZOO["gan.dcgan"]()
    state = fresh(plan)
    state.memory.keep(state.now())
    turns(state, plan, 17, 2)
    state.go_back()
    assert state.optimizer_tensors() == {}
    assert not state.health.gauges


def test_penalties_weigh_more_after_each_rescue_and_all_else_weighs_the_same() -> None:
    """The first moment of Adam holds game + weight x penalty, and the weights are 1, 2 and 4."""
    name = next(
        name
        for name, make in ZOO.items()
        if any(o.restrains and o.repeats == 1 for o in make().model.objectives())
    )
    moments = []
    for rescues in range(3):
        plan = ZOO[name]()
        plan = replace(
            plan, optimisers={"critic": Adam(betas=(0.0, 0.9)), "generator": Adam(betas=(0.0, 0.9))}
        )
        state = fresh(plan)
        state.memory.rescues = rescues
        turns(state, plan, 17, 1)
        held = state.optimizer_tensors()
        keys = sorted(key for key in held if key.startswith("critic") and key.endswith("exp_avg"))
        moments.append(torch.cat([held[key].flatten() for key in keys]))
        assert state.optimizers["critic"].param_groups[0]["lr"] == Adam().rate * Rescue().rates(rescues)
    penalty = moments[1] - moments[0]
    assert float(penalty.abs().max()) > 1e-4
    assert torch.allclose(moments[2] - moments[0], 3 * penalty, atol=1e-5 * float(moments[2].abs().max()))


@pytest.mark.parametrize("name", ["gan.dcgan", "gan augmented", "vae.gaussian", "vae.ladder"])
def test_a_sound_run_is_left_alone(name: str, store, tmp_path) -> None:
    plan = ZOO[name]()
    state = fresh(plan)
    (tmp_path / "samples").mkdir()
    limits = Limits(horizon=200 * plan.batch_size, images=200 * plan.batch_size)
    splits = store.split("train"), store.split("validation")
    examine = make_examiner(splits[1], seed=SEED, device=CPU)
    train_in(tmp_path, state, plan, *splits, limits, seed=SEED, examine=examine, show=False)
    assert state.memory.rescues == 0
    assert [good.images_seen for good in state.memory.good] == [190 * plan.batch_size, 200 * plan.batch_size]
    rows = RunFolder(tmp_path).history()
    assert any("samples" in row for row in rows) == name.startswith("gan")
    assert all(row["gradients"].keys() == state.optimizers.keys() for row in rows)


def _in_process(rank: int, rendezvous: str, out: str) -> None:
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", init_method=f"file://{rendezvous}", rank=rank, world_size=2)
    store = prepare("digits", cache=Path(out, f"cache {rank}"), progress=False)
    folder = Path(out, "run")
    examine = make_examiner(store.split("validation"), seed=SEED, device=CPU)
    state = run(
        folder if rank == 0 else None,
        store,
        climber(edge=10.2),
        processes=Processes(rank, 2),
        examine=examine,
    )
    stands = [state.memory.rescues, state.images_seen, float(state.model.height.detach())]
    Path(out, f"{rank}.json").write_text(json.dumps(stands))
    distributed.barrier()
    distributed.destroy_process_group()
    os._exit(0)  # gloo's threads now and then abort a process while it is torn down


def test_two_processes_go_back_together_and_as_one_would(store, tmp_path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        multiprocessing.spawn(_in_process, (str(Path(folder, "rendezvous")), folder), nprocs=2)
        found = [json.loads(Path(folder, f"{rank}.json").read_text()) for rank in range(2)]
    examine = make_examiner(store.split("validation"), seed=SEED, device=CPU)
    alone = run(tmp_path / "run", store, climber(edge=10.2), examine=examine)
    assert found[0] == found[1]
    assert found[0] == [alone.memory.rescues, alone.images_seen, float(alone.model.height.detach())]


def test_a_checkpoint_of_an_older_version_can_be_gone_on_with(store, tmp_path) -> None:
    folder = tmp_path / "run"
    run(folder, store, climber(edge=10.6), 7)
    held = {k: v for k, v in load_file(folder / checkpoint.STATE).items() if not k.startswith("rescue/")}
    save_file(held, folder / checkpoint.STATE, metadata=checkpoint.note(folder / checkpoint.STATE))
    state = run(folder, store, climber(edge=10.6))
    assert state.memory.rescues
    assert state.images_seen == TURNS * BATCH


def test_the_number_of_rescues_is_a_setting_of_the_run(tmp_path) -> None:
    out = tmp_path / "run"
    run = recipes.train("vae.linear", "digits", out=out, images=64, rescues=5, show=False)
    assert run.description.rescues == 5
    said = json.loads((out / "run.json").read_text())
    del said["rescues"]
    (out / "run.json").write_text(json.dumps(said))
    assert RunFolder(out).read().rescues == 3, "as runs of older versions have it"


def test_settings_that_make_no_sense_are_letters(tmp_path) -> None:
    with pytest.raises(ValueError, match=r"rescues is -1; .* 0 or more"):
        recipes.train("vae.linear", "digits", out=tmp_path / "run", images=64, rescues=-1, show=False)
    for wrong in ({"slow": 0.0}, {"slow": 1.5}, {"restrain": 0.5}, {"restrain": math.inf}):
        with pytest.raises(ValueError, match=r"slow is .* and restrain is .* halve and double"):
            Rescue(**wrong)


def gauged(*numbers: float) -> Gauge:
    gauge = Gauge()
    for number in numbers:
        gauge.note(number)
    return gauge


def health(**gauges: Gauge) -> Health:
    return Health(dict(gauges))


USUAL = [1.0] * FEWEST


def test_a_gradient_is_out_of_line_only_where_it_stays_so() -> None:
    assert health(critic=gauged(*USUAL, *[1e6] * (ABOVE - 1), 1.0)).fault() is None
    assert "grew" in str(health(critic=gauged(*USUAL, *[1e6] * ABOVE)).fault())


@pytest.mark.parametrize("start", [[0.0], [1e-12], [0.0] * 50, [1e5]])
def test_however_a_gradient_begins_it_is_soon_typical(start: list[float]) -> None:
    for count in range(30):
        gauges = {"critic": gauged(*USUAL), "generator": gauged(*start, *[1.0] * count)}
        assert health(**gauges).fault() is None
    assert not health(**gauges).doubtful


def test_a_gradient_that_vanishes_is_a_fault_of_games_alone() -> None:
    gone = [*USUAL, *[0.0] * BELOW]
    alone = health(encoder=gauged(*gone))
    assert alone.fault() is None
    assert not alone.doubtful, "or else it would never be saved"
    assert "the gradient of the generator vanished" in str(
        health(critic=gauged(*USUAL), generator=gauged(*gone)).fault()
    )
    assert health(critic=gauged(*USUAL), generator=gauged(*gone[:-1])).doubtful


def test_a_player_that_dies_young_is_in_doubt_at_once_and_a_fault_later() -> None:
    young = [1.0] * 3
    assert health(critic=gauged(*USUAL), generator=gauged(*young, 0.0)).doubtful
    dead = [0.0] * (FEWEST + BELOW - len(young))
    assert health(critic=gauged(*USUAL), generator=gauged(*young, *dead[:-1])).fault() is None
    assert "vanished" in str(health(critic=gauged(*USUAL), generator=gauged(*young, *dead)).fault())


def test_scores_that_run_away_are_a_fault() -> None:
    assert "the critic's scores grew" in str(health(scores=gauged(*USUAL, *[5e3] * ABOVE)).fault())


def test_collapse_is_what_had_been_good() -> None:
    slow = Health()
    for poor in (0.29, 0.0):
        assert slow.judge(dict.fromkeys(SAMPLES, 0.9) | {"coverage": poor}) is None
        assert slow.judge(dict.fromkeys(SAMPLES, 0.0)) is None, "they had never been good"
    for name in SAMPLES:
        fit = Health()
        assert fit.judge(dict.fromkeys(SAMPLES, 0.9)) is None
        assert fit.judge(dict.fromkeys(SAMPLES, 0.9) | {name: 0.1}) is None
        assert f"their {name} is 0.05" in str(fit.judge(dict.fromkeys(SAMPLES, 0.9) | {name: 0.05}))
    assert "not finite" in str(Health().judge({"variety": math.nan}))


def test_the_memory_holds_two_and_goes_on_to_the_older_one() -> None:
    memory = Memory()
    for images_seen in (0, 10, 20):
        memory.keep(Good({}, images_seen, images_seen))
    assert [good.images_seen for good in memory.good] == [10, 20]
    assert [memory.choose().images_seen for _ in range(3)] == [20, 10, 10]
    memory.keep(Good({}, 20, 20))
    assert memory.choose().images_seen == 20


def test_real_images_differ_as_real_images_and_copies_do_not(store) -> None:
    examine = make_examiner(store.split("validation"), seed=SEED, device=CPU)
    real = examine(Climber(images=store.split("train").images(slice(0, 100))))
    assert real["variety"] == pytest.approx(1, abs=0.1)
    assert real["distinct"] > 0.9
    assert real["coverage"] > 0.7
    one = examine(Climber(images=torch.zeros(100, *SHAPE)))
    assert one["variety"] == one["distinct"] == 0
    few = examine(Climber(images=store.split("train").images(slice(0, 5)).repeat(20, 1, 1, 1)))
    assert few["variety"] > 0.5
    assert few["distinct"] == 0
    assert not math.isfinite(examine(Climber(images=torch.full((100, *SHAPE), math.nan)))["variety"])
