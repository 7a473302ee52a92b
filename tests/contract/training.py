"""What the laws of training share: a fixed feed of random images, and a few turns on it."""

import torch

from latentia.protocols import Batch
from latentia.training import Plan, State, take_turn
from zoo import SHAPE, told

SEED, HORIZON = 5, 1000


def feed(plan: Plan, levels: int, *, rank: int = 0, size: int = 1):
    """Random images at stored levels, a function of their position; a process's share of each batch."""

    def draw(position: int, count: int) -> Batch:
        generator = torch.Generator().manual_seed(position)
        stored = torch.randint(0, levels, (count, *SHAPE), generator=generator)
        images = 2 * stored.float() / (levels - 1) - 1
        share = count // size
        given = told(plan.model, count, position)
        mine = slice(rank * share, (rank + 1) * share)
        return Batch(images[mine], None if given is None else given[mine])

    return draw


def levels_of(name: str) -> int:
    return 2 if "bernoulli" in name else 17


def fresh(plan: Plan) -> State:
    return State.fresh(plan, torch.device("cpu"))


def turns(state: State, plan: Plan, levels: int, count: int, **options) -> State:
    for _ in range(count):
        take_turn(state, plan, feed(plan, levels), seed=SEED, horizon=HORIZON, **options)
    return state
