"""Training: one loop for every model, and everything that makes a run repeatable."""

from latentia.training.average import Average
from latentia.training.folder import Run, RunFolder
from latentia.training.letters import TrainingStopped
from latentia.training.loop import Limits, train_in
from latentia.training.plan import Adam, Plan
from latentia.training.progress import Progress
from latentia.training.rescue import Rescue
from latentia.training.state import State
from latentia.training.step import take_turn

__all__ = [
    "Adam",
    "Average",
    "Limits",
    "Plan",
    "Progress",
    "Rescue",
    "Run",
    "RunFolder",
    "State",
    "TrainingStopped",
    "take_turn",
    "train_in",
]
