"""Recipes: papers and defaults as functions, and the runs that they start.

A recipe is a function from facts of the data to a `Plan`. Its keyword arguments are its whole
configuration, and its import path below this package is its name: `vae.gaussian` is
`latentia.recipes.vae.gaussian`.
"""

from latentia.recipes.opening import load, open_run, plan_of
from latentia.recipes.probe import Probed, probe
from latentia.recipes.register import Description, describe, find, names
from latentia.recipes.runs import prepared_data, resume, train
from latentia.recipes.simulate import learn

__all__ = [
    "Description",
    "Probed",
    "describe",
    "find",
    "learn",
    "load",
    "names",
    "open_run",
    "plan_of",
    "prepared_data",
    "probe",
    "resume",
    "train",
]
