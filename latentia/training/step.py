"""The heart of the loop: one turn of every player, whatever the model."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence

import torch
from torch import Tensor, nn

from latentia.protocols import Batch, Objective, Turn, players
from latentia.training.guard import Guard
from latentia.training.health import EVERY, SCORES
from latentia.training.plan import Adam, Plan
from latentia.training.processes import Processes
from latentia.training.state import State
from latentia.training.turn import StepTurn, seed_from

DrawBatch = Callable[[int, int], Batch]
"""From a position in the data and a number of images to this process's share of that batch."""


def take_turn(
    state: State,
    plan: Plan,
    draw_batch: DrawBatch,
    *,
    seed: int,
    horizon: int,
    micro_batches: int = 1,
    processes: Processes | None = None,
) -> dict[str, Tensor]:
    """Draws a batch and lets every player that is due step once, or as often as it asks.

    Args:
        state: Changed in place.
        plan: How to step.
        draw_batch: Where real images come from.
        seed: The run's seed.
        horizon: Images that the run is planned for.
        micro_batches: Pieces that a batch is divided into, whose gradients add up; a divisor of the
            batch of this process.
        processes: This process among all.

    Returns:
        The mean of every term over the batch, by `objective/term`, without gradient.
    """
    processes = processes or Processes()
    device = next(state.model.parameters()).device
    turn = StepTurn(state.images_seen, horizon, seed, device, processes, plan.batch_size)
    _seed_dropout(seed_from(seed, state.images_seen, processes.rank), device)
    drawn, state.refused = 0, False

    def next_batch() -> Batch:
        nonlocal drawn
        drawn += plan.batch_size
        return draw_batch(state.images_seen + drawn - plan.batch_size, plan.batch_size)

    first = next_batch()
    means: dict[str, Tensor] = {}
    for player, due in players(state.model.objectives(), state.turns):
        repeats = max(objective.repeats for objective in due)
        for repeat in range(repeats):
            batch = next_batch() if repeat else first
            for objective in (o for o in due if repeat < o.repeats):
                turn.place = (player, objective.name, repeat)
                means |= _accumulate(state, plan, objective, batch, turn, micro_batches)
            look = state.turns % EVERY == 0 and repeat == repeats - 1
            _step(state, plan, player, horizon, processes, look=look)
            turn.forget()
    if not state.refused:  # else what the model would remember of this batch may not be finite either
        with torch.no_grad():
            state.model.after(turn)
    means = {name: processes.mean(value) for name, value in means.items()}
    if state.turns % EVERY == 0:
        scores = [abs(float(value)) for name, value in means.items() if "/score_of_" in name]
        if scores:
            state.health.note(SCORES, max(scores))
    state.images_seen += drawn
    state.turns += 1
    for average in state.averages:
        average.update(drawn, state.images_seen)
    return means


def _accumulate(
    state: State, plan: Plan, objective: Objective, batch: Batch, turn: StepTurn, micro_batches: int
) -> dict[str, Tensor]:
    """Adds the gradient of an objective over a batch, piece by piece, to what its player has."""
    place, moves = turn.place, state.moves(objective)
    weight = plan.rescue.penalties(state.memory.rescues) if objective.restrains else 1.0
    pieces = list(_pieces(len(batch), micro_batches, turn))
    means: dict[str, Tensor] = {}
    with moves.alone():
        if micro_batches > 1:
            _rehearse(objective, batch, turn, pieces)
        for own, part in pieces:
            terms = objective.terms(_piece(batch, own), turn.at(part, *place))
            total = weight * weighted_total(objective, terms, turn) / micro_batches
            total.backward(inputs=[p for p in moves.parameters if p.requires_grad])  # type: ignore[no-untyped-call]
            for name, value in terms.items():
                key = f"{objective.name}/{name}"
                means[key] = means.get(key, 0.0) + value.detach().mean() / micro_batches
    return means


def _rehearse(
    objective: Objective, batch: Batch, turn: StepTurn, pieces: Sequence[tuple[slice, slice]]
) -> None:
    """Runs the terms of all pieces without gradient, if they ask for means over the global batch."""
    place = turn.place
    with torch.no_grad():
        for own, part in pieces:
            objective.terms(_piece(batch, own), turn.at(part, *place, rehearsing=True))
            if not turn.asked_for_means:
                return


def weighted_total(objective: Objective, terms: Mapping[str, Tensor], turn: Turn) -> Tensor:
    """What is descended: every term's mean times its weight, times `every`.

    Raises:
        ValueError: If a term has neither a weight nor a place among the watched, or a weight no term.
    """
    named = objective.weights.keys() | objective.watched
    if terms.keys() != named:
        raise ValueError(
            f"Objective '{objective.name}' returned the terms {sorted(terms)}, but has weights for "
            f"{sorted(objective.weights)} and watches {sorted(objective.watched)}. Give each term a "
            f"weight, or watch it."
        )
    total = torch.zeros((), device=next(iter(terms.values())).device)
    for name, weight in objective.weights.items():
        factor = weight(turn, terms).detach() if callable(weight) else weight
        total = total + objective.every * factor * terms[name].mean()
    return total


def _step(state: State, plan: Plan, player: str, horizon: int, processes: Processes, *, look: bool) -> None:
    settings, optimizer, guard = plan.settings(player), state.optimizers[player], state.guards.get(player)
    parameters = optimizer.param_groups[0]["params"]
    processes.average_gradients(parameters)
    if look:
        gradients = [p.grad for p in parameters if p.grad is not None]
        state.health.note(player, float(nn.utils.get_total_norm(gradients)))
    if _admitted(settings, guard, parameters):
        pace = plan.pace(state.images_seen + plan.batch_size, horizon)
        optimizer.param_groups[0]["lr"] = settings.rate * pace * plan.rescue.rates(state.memory.rescues)
        optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    state.refused |= guard is not None and guard.not_finite > 0


def _admitted(settings: Adam, guard: Guard | None, parameters: Sequence[nn.Parameter]) -> bool:
    """Cuts a gradient that is too long, and says whether to step along it."""
    if settings.clip is None and guard is None:
        return True
    longest = math.inf if settings.clip is None else settings.clip
    norm = nn.utils.clip_grad_norm_(parameters, min(longest, math.inf if guard is None else guard.limit))
    return guard is None or guard.admits(float(norm))


def _seed_dropout(seed: int, device: torch.device) -> None:
    """Seeds what a user's own module may draw from: the default generators of the CPU and the device.

    `torch.manual_seed` also notes the seed, with a trace of the stack, for every accelerator that is not
    there, which takes a tenth of a small model's step.
    """
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        with torch.cuda.device(device):
            torch.cuda.manual_seed(seed)
    elif device.type == "mps":
        torch.mps.manual_seed(seed)


def _pieces(batch: int, micro_batches: int, turn: StepTurn) -> Iterator[tuple[slice, slice]]:
    """Rows of each piece in this process's batch, and in the global one."""
    size, offset = batch // micro_batches, turn.processes.rank * batch
    for start in range(0, batch, size):
        yield slice(start, start + size), slice(offset + start, offset + start + size)


def _piece(batch: Batch, rows: slice) -> Batch:
    return Batch(batch.images[rows], None if batch.given is None else batch.given[rows])
