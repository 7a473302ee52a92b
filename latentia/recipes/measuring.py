"""How fast recipes train here: a run tried out on its own data and device before it is begun."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from latentia.data import ImageStore, Order
from latentia.recipes.budget import Budget
from latentia.recipes.preflight import check_division, seeded_plan
from latentia.training import Plan
from latentia.training.loop import Feed
from latentia.training.processes import Processes
from latentia.training.profile import images_per_second

SECONDS = 1.5


@dataclass(frozen=True, slots=True)
class Bench:
    """Where plans are built and timed. Processes agree on what each of them measured.

    Attributes:
        store: The data.
        device: Where the run will be.
        processes: This process among all.
        seed: The run's seed.
        micro_batches: Pieces that each batch is divided into.
    """

    store: ImageStore
    device: torch.device
    processes: Processes
    seed: int
    micro_batches: int = 1

    def plan(self, recipe: str | nn.Module | Plan, arguments: Mapping[str, Any]) -> Plan:
        """The plan of a recipe, which fits the data and the processes.

        Raises:
            ValueError: If it does not.
        """
        plan = seeded_plan(recipe, dict(arguments), self.store, self.seed)
        check_division(plan, self.processes, self.micro_batches)
        return plan

    def speed(self, recipe: str, arguments: Mapping[str, Any]) -> float:
        """Images a second that a recipe is shown, measured over a second and a half."""
        return self._measured(self.plan(recipe, arguments), SECONDS)

    def horizon(self, budget: Budget, plan: Plan) -> int:
        """Images that a run can expect to see: those of the budget, or as many as fit in its minutes.

        A second is measured for every minute of the run, from 2 to 10, or a tenth of a short run.

        Args:
            budget: What the run may take.
            plan: How it steps; its model is left as it is.

        Returns:
            Where it was measured, a whole number of batches, at least one.
        """
        if budget.minutes is None:
            return budget.images
        seconds = min(6 * budget.minutes, max(2.0, min(budget.minutes, 10.0)))
        batches = self._measured(plan, seconds) * 60 * budget.minutes / plan.batch_size
        return plan.batch_size * max(1, round(batches))

    def _measured(self, plan: Plan, seconds: float) -> float:
        split = self.store.split("train")
        speed = images_per_second(
            plan,
            Feed(split, Order(len(split), self.seed), self.device, Processes()),  # whole batches
            device=self.device,
            seed=self.seed,
            micro_batches=self.micro_batches,
            seconds=seconds,
        )
        return float(self.processes.mean(torch.tensor(speed, device=self.device)))
