"""How fast a model trains on this machine, measured on a copy of it."""

import copy
import time
from dataclasses import replace

import torch

from latentia.training.average import Average
from latentia.training.plan import Plan
from latentia.training.state import State
from latentia.training.step import DrawBatch, take_turn

SECONDS = 2.0
"""How long is measured, where that is a small part of the run."""


def images_within(
    minutes: float, plan: Plan, draw_batch: DrawBatch, *, device: torch.device, seed: int, micro_batches: int
) -> int:
    """How many images a run of so many minutes can expect to see.

    Args:
        minutes: Length of the run.
        plan: How it steps; its model is left as it is.
        draw_batch: Where real images come from.
        device: Where it runs.
        seed: The run's seed.
        micro_batches: Pieces that each batch is divided into.

    Returns:
        A whole number of batches, at least one.
    """
    model = copy.deepcopy(plan.model).to(device)
    trial_plan = replace(plan, model=model)
    trial = State(model.train(), Average(model, plan.half_life), trial_plan.optimizers())

    def turn() -> None:
        terms = take_turn(trial, trial_plan, draw_batch, seed=seed, horizon=1, micro_batches=micro_batches)
        float(next(iter(terms.values())))  # waits for an accelerator

    turn()  # the first one is slow
    images, started = trial.images_seen, time.perf_counter()
    elapsed = 0.0
    while elapsed < min(SECONDS, 6 * minutes):
        turn()
        elapsed = time.perf_counter() - started
    batches = (trial.images_seen - images) / elapsed * 60 * minutes / plan.batch_size
    return plan.batch_size * max(1, round(batches))
