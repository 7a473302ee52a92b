"""How `gan.auto` becomes a plain recipe before a run is begun."""

from typing import Any

from torch import nn

from latentia.recipes.budget import Budget
from latentia.recipes.gan.automatic import choose
from latentia.recipes.measuring import Bench
from latentia.recipes.register import bind
from latentia.training import Plan

AUTO = "gan.auto"

Recipe = str | nn.Module | Plan


def resolved(
    recipe: Recipe, arguments: dict[str, Any], budget: Budget, bench: Bench
) -> tuple[Recipe, dict[str, Any], tuple[str, ...]]:
    """What is trained where a recipe was asked for: itself, or what `gan.auto` chooses, and why.

    Args:
        recipe: As of `train`.
        arguments: All of its arguments.
        budget: What the run may take.
        bench: Measures candidates, where the budget is in minutes. Nothing is measured where it is in
            images: then the same data and the same arguments give the same recipe on every machine.

    Returns:
        The recipe, all of its arguments, and the reasons: none but where it was chosen.
    """
    if recipe != AUTO:
        return recipe, arguments, ()
    choice = choose(bench.store.facts, budget, bench.speed, **arguments)
    return choice.recipe, bind(choice.recipe, dict(choice.arguments)), choice.reasons
