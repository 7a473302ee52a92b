"""The report: models of both families, measured and shown side by side in one HTML file."""

from latentia.report.compare import compare
from latentia.report.contestant import Contestant
from latentia.report.evaluate import Evaluation, evaluate
from latentia.report.page import Report
from latentia.report.yardstick import SampleQuality, Yardstick, make_yardstick

__all__ = [
    "Contestant",
    "Evaluation",
    "Report",
    "SampleQuality",
    "Yardstick",
    "compare",
    "evaluate",
    "make_yardstick",
]
