"""Laws of training: who moves, what a step depends on, and that a resumed run is the same run."""

import dataclasses
import itertools
import math
import os
import tempfile
from pathlib import Path

import pytest
import torch
from torch import distributed, multiprocessing, nn
from training import HORIZON, SEED, feed, fresh, levels_of, turns

from latentia.protocols import Batch, GenerativeModel, Objective, players
from latentia.training import Average, Plan, State, checkpoint, take_turn
from latentia.training.processes import Processes
from latentia.training.step import weighted_total
from latentia.training.turn import StepTurn
from zoo import SHAPE, ZOO

MODELS = pytest.mark.parametrize("name", list(ZOO))
UNCOUPLED = [n for n, plan in ZOO.items() if not any(o.couples for o in plan().model.objectives())]


def new_turn(plan: Plan) -> StepTurn:
    return StepTurn(0, HORIZON, SEED, torch.device("cpu"), Processes(), plan.batch_size)


def snapshot(model: nn.Module) -> dict[str, torch.Tensor]:
    return {key: value.clone() for key, value in model.state_dict().items()}


@MODELS
def test_terms_are_one_finite_number_an_image(name: str) -> None:
    plan = ZOO[name]()
    batch = feed(plan, levels_of(name))(0, 32)
    for objective in plan.model.objectives():
        terms = objective.terms(batch, new_turn(plan))
        assert terms.keys() == objective.weights.keys() | objective.watched
        for value in terms.values():
            assert value.shape == (32,)
            assert bool(torch.isfinite(value).all())


@MODELS
def test_objectives_reach_all_parameters_of_their_player_and_no_others(name: str) -> None:
    """All are reached by one objective at least, at one time at least: a slope feels no bias, say."""
    plan = ZOO[name]()
    state = turns(fresh(plan), plan, levels_of(name), 2)  # perturbed: nothing rests at zero
    missed = {}
    for images_seen, objective in itertools.product((0, 96, HORIZON), state.model.objectives()):
        state.model.zero_grad()
        turn = dataclasses.replace(new_turn(plan), images_seen=images_seen)
        with state.moves(objective).alone():
            terms = objective.terms(feed(plan, levels_of(name))(0, 32), turn)
            weighted_total(objective, terms, turn).backward(inputs=objective.parameters())
        named = dict(state.model.named_parameters())
        reached = {key for key, p in named.items() if p.grad is not None and bool((p.grad != 0).any())}
        moved = {id(p) for p in objective.parameters()}
        mine = {key for key, p in named.items() if id(p) in moved}
        assert reached <= mine, f"{objective.name} reached {reached - mine}"
        missed[objective.player] = missed.get(objective.player, mine) - reached
    # Two kinds of images pull the constant of a score apart: it rests where only differences count.
    assert {key for keys in missed.values() for key in keys if not key.endswith("critic.score.bias")} == set()


@MODELS
def test_a_players_step_changes_no_other_players_weights_or_buffers(name: str) -> None:
    """Gradients leak, and so do the statistics of batch norms; over several turns, neither may."""
    plan = ZOO[name]()
    state = turns(fresh(plan), plan, levels_of(name), 3)
    batch = feed(plan, levels_of(name))(96, 32)
    for player, due in players(state.model.objectives(), 0):
        mine = {id(p) for o in due for p in o.parameters()}
        my_buffers = {id(b) for o in due for m in o.moves for b in m.buffers()}
        others = {
            key: tensor.clone()
            for key, tensor in [*state.model.named_parameters(), *state.model.named_buffers()]
            if id(tensor) not in mine | my_buffers
        }
        before = snapshot(state.model)
        for objective in due:
            turn = new_turn(plan)
            with state.moves(objective).alone():
                terms = objective.terms(batch, turn)
                weighted_total(objective, terms, turn).backward(inputs=objective.parameters())
        state.optimizers[player].step()
        after = state.model.state_dict()
        for key, tensor in others.items():
            if key in after:
                assert torch.equal(tensor, after[key]), f"{player} changed {key}"
        assert any(not torch.equal(before[key], after[key]) for key in before), f"{player} did not move"


def test_the_leak_law_can_fail() -> None:
    """A loss descended without `inputs` and freezing does reach the other player's weights."""
    plan = ZOO["gan.dcgan"]()
    generator_objective = plan.model.objectives()[1]
    terms = generator_objective.terms(feed(plan, 17)(0, 32), new_turn(plan))
    terms["game"].mean().backward()
    assert any(p.grad is not None for p in plan.model.critic.parameters())


@MODELS
def test_same_seed_same_run_and_another_seed_another(name: str) -> None:
    levels, plans = levels_of(name), [ZOO[name]() for _ in range(3)]
    one, two = (turns(fresh(plan), plan, levels, 3) for plan in plans[:2])
    for key, value in one.weights().items():
        assert torch.equal(value, two.weights()[key]), key
    other = fresh(plans[2])
    for _ in range(3):
        take_turn(other, plans[2], feed(plans[2], levels), seed=SEED + 1, horizon=HORIZON)
    differs = any(not torch.equal(value, other.weights()[key]) for key, value in one.weights().items())
    # Where no step draws noise, the seed decides initial weights and the order of images alone.
    assert differs == draws_noise(name)


def draws_noise(name: str) -> bool:
    plan = ZOO[name]()
    drawn = []

    def noise(*shape: int) -> torch.Tensor:
        drawn.append(shape)
        return torch.randn(32, *shape)

    for objective in plan.model.objectives():
        turn = new_turn(plan)
        turn.noise = noise
        objective.terms(feed(plan, levels_of(name))(0, 32), turn)
    return bool(drawn)


@MODELS
def test_resume_equals_an_unbroken_run_bit_for_bit(name: str, tmp_path: Path) -> None:
    levels, plan = levels_of(name), ZOO[name]()
    unbroken = turns(fresh(plan), plan, levels, 6)
    plan = ZOO[name]()
    checkpoint.save(turns(fresh(plan), plan, levels, 3), tmp_path)
    plan = ZOO[name]()
    resumed = fresh(plan)
    checkpoint.load(resumed, tmp_path)
    assert resumed.images_seen == unbroken.images_seen // 2
    turns(resumed, plan, levels, 3)
    for key, value in unbroken.weights().items():
        assert torch.equal(value, resumed.weights()[key]), key
    for key, value in unbroken.optimizer_tensors().items():
        assert torch.equal(value, resumed.optimizer_tensors()[key]), key


def gradients(name: str, micro_batches: int, processes: Processes | None = None) -> torch.Tensor:
    """The gradient of one turn, read off the first moment of Adam, which is a tenth of it."""
    plan = ZOO[name]()
    state = fresh(plan)
    processes = processes or Processes()
    draw = feed(plan, levels_of(name), rank=processes.rank, size=processes.size)
    take_turn(
        state,
        plan,
        draw,
        seed=SEED,
        horizon=HORIZON,
        micro_batches=micro_batches,
        processes=processes,
    )
    moments = {k: v for k, v in state.optimizer_tensors().items() if k.endswith("exp_avg")}
    return torch.cat([moments[key].flatten() for key in sorted(moments)])


@pytest.mark.parametrize("name", UNCOUPLED)
def test_one_batch_of_32_and_two_of_16_give_the_same_gradients(name: str) -> None:
    whole, divided = gradients(name, 1), gradients(name, 2)
    assert torch.allclose(whole, divided, rtol=1e-4, atol=1e-5 * float(whole.abs().max()))


@pytest.mark.parametrize("name", UNCOUPLED)
def test_what_a_model_remembers_does_not_depend_on_how_a_batch_is_divided(name: str) -> None:
    """Running averages, codebooks: all that a turn leaves in buffers."""
    remembered = []
    for micro_batches in (1, 2):
        plan = ZOO[name]()
        state = turns(fresh(plan), plan, levels_of(name), 1, micro_batches=micro_batches)
        remembered.append(dict(state.model.named_buffers()))
    for key, value in remembered[0].items():
        assert torch.allclose(value, remembered[1][key], rtol=1e-4, atol=1e-5), key


def _in_process(rank: int, rendezvous: str, name: str, out: str) -> None:
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", init_method=f"file://{rendezvous}", rank=rank, world_size=2)
    found = gradients(name, 1, Processes(rank, 2))
    if rank == 0:
        Path(out).write_bytes(found.numpy().tobytes())
    distributed.barrier()  # neither hangs up while the other may still be talking to it
    distributed.destroy_process_group()
    os._exit(0)  # gloo's threads now and then abort a process while it is torn down


@pytest.mark.parametrize("name", ["vae.gaussian", "vae.sigma", "gan augmented"])
def test_two_processes_of_16_give_the_gradients_of_one_of_32(name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "gradients")
        arguments = (str(Path(folder, "rendezvous")), name, str(out))
        multiprocessing.spawn(_in_process, arguments, nprocs=2)
        found = torch.frombuffer(bytearray(out.read_bytes()), dtype=torch.float32)
    whole = gradients(name, 1)
    assert torch.allclose(whole, found, rtol=1e-4, atol=1e-5 * float(whole.abs().max()))


class Coupled(GenerativeModel):
    """A toy whose term uses the mean over the global batch, and a forward that two objectives share."""

    def __init__(self) -> None:
        super().__init__()
        self.image_shape = SHAPE
        self.scale = nn.Parameter(torch.tensor(0.5))
        self.forwards = 0

    def sample(self, num_images, *, given=None, generator=None, noise=True):
        return torch.zeros(num_images, *SHAPE)

    def objectives(self):
        def squared(batch: Batch, turn):
            value = (self.scale * batch.images).square().flatten(1).mean(1)
            return {"ratio": value / turn.mean(value)}

        def use_shared(batch: Batch, turn):
            def forward() -> torch.Tensor:
                self.forwards += 1
                return self.scale * batch.images

            return {"value": turn.shared("scaled", forward).flatten(1).mean(1) * self.scale}

        moves = (self,)
        return (
            Objective("squared", "one", squared, moves, {"ratio": 1.0}),
            Objective("first", "one", use_shared, moves, {"value": 1.0}),
            Objective("second", "one", use_shared, moves, {"value": 2.0}, every=2),
        )


@pytest.mark.parametrize("micro_batches", [1, 2, 4])
def test_means_over_the_global_batch_do_not_depend_on_its_division(micro_batches: int) -> None:
    plan = Plan(Coupled(), batch_size=32)
    state = fresh(plan)
    take_turn(state, plan, feed(plan, 17), seed=0, horizon=1, micro_batches=micro_batches)
    images = feed(plan, 17)(0, 32).images
    value = (0.5 * images).square().flatten(1).mean(1)
    # d/ds of value/mean(value), the mean held fixed, is 2/s; the shared forward is a constant s x.
    expected = 2 / 0.5 + float(0.5 * images.mean() * (1 + 2 * 2))
    (moment,) = (v for k, v in state.optimizer_tensors().items() if k.endswith("exp_avg"))
    assert float(moment) == pytest.approx(0.1 * expected, rel=1e-4)
    assert value.mean() > 0


def test_shared_forwards_are_made_once_and_lazy_objectives_wait() -> None:
    plan = Plan(Coupled(), batch_size=4)
    state = fresh(plan)
    turns(state, plan, 17, 2)
    assert state.model.forwards == 2, "one a turn: shared in the first, alone in the second"


def test_a_term_without_weight_is_an_error() -> None:
    model = Coupled()
    objective = Objective("odd", "one", model.objectives()[0].terms, (model,), {})
    plan = Plan(model, batch_size=4)
    with pytest.raises(ValueError, match=r"'odd' returned the terms \['ratio'\]"):
        weighted_total(objective, objective.terms(feed(plan, 17)(0, 4), new_turn(plan)), new_turn(plan))


def test_averaged_weights_equal_their_power_series() -> None:
    """average_n = sum over k of (1 - d_k) prod over j > k of d_j w_k, for buffers too."""
    plan = ZOO["gan.dcgan"]()
    model, half_life = plan.model, 64
    average = Average(model, half_life)
    history, decays = [snapshot(model)], []
    generator = torch.Generator().manual_seed(0)
    for step in range(1, 6):
        for tensor in model.state_dict().values():
            if tensor.is_floating_point():
                tensor += torch.randn(tensor.shape, generator=generator)
        average.update(32, 32 * step)
        history.append(snapshot(model))
        decays.append(0.5 ** (32 / min(half_life, 0.05 * 32 * step)))
    weights = [math.prod(decays)] + [(1 - d) * math.prod(decays[i + 1 :]) for i, d in enumerate(decays)]
    assert sum(weights) == pytest.approx(1)
    for key, value in average.model.state_dict().items():
        if value.is_floating_point():
            expected = sum(w * h[key] for w, h in zip(weights, history, strict=True))
            assert torch.allclose(value, expected, atol=1e-5), key


def test_noise_is_a_function_of_where_the_run_stands() -> None:
    plan = Plan(Coupled(), batch_size=8)
    whole = new_turn(plan).at(slice(None), "player").noise(3)
    assert torch.equal(whole[4:], new_turn(plan).at(slice(4, 8), "player").noise(3))
    turn = new_turn(plan).at(slice(None), "player")
    assert not torch.equal(turn.noise(3), turn.noise(3)), "a second call repeats the first"
    assert not torch.equal(whole, new_turn(plan).at(slice(None), "other").noise(3))


@MODELS
def test_a_state_is_fresh_from_its_plan(name: str) -> None:
    state: State = fresh(ZOO[name]())
    assert (state.images_seen, state.turns) == (0, 0)
    assert all(".guard." in key for key in state.optimizer_tensors())
