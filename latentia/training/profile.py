"""How fast a model trains on this machine, measured on a copy of it."""

import copy
import time
from dataclasses import replace

import torch

from latentia.training.plan import Plan
from latentia.training.state import State
from latentia.training.step import DrawBatch, take_turn

PAUSE = 0.1
"""Seconds between two waits for an accelerator, which a run does not make wait every turn either."""


def images_per_second(
    plan: Plan,
    draw_batch: DrawBatch,
    *,
    device: torch.device,
    seed: int,
    micro_batches: int,
    seconds: float,
) -> float:
    """How many images a second a run is shown.

    Args:
        plan: How it steps; its model is left as it is.
        draw_batch: Where real images come from.
        device: Where it runs.
        seed: The run's seed.
        micro_batches: Pieces that each batch is divided into.
        seconds: How long is measured, after a fifth as long to warm up.
    """
    trial_plan = replace(plan, model=copy.deepcopy(plan.model))
    trial = State.fresh(trial_plan, device)

    def over(seconds: float) -> float:
        images, started, elapsed = trial.images_seen, time.perf_counter(), 0.0
        while elapsed < seconds:
            pause = elapsed + PAUSE
            while elapsed < pause:
                terms = take_turn(
                    trial, trial_plan, draw_batch, seed=seed, horizon=1, micro_batches=micro_batches
                )
                elapsed = time.perf_counter() - started
            float(next(iter(terms.values())))  # waits for an accelerator
            elapsed = time.perf_counter() - started
        return (trial.images_seen - images) / elapsed

    over(seconds / 5)  # first turns are slow: memory is claimed, kernels are chosen
    return over(seconds)
