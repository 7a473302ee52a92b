"""The numbers of training did not change by accident."""

import json
from pathlib import Path

import pytest
from traces import trace

from zoo import ZOO

GOLDEN = json.loads(Path(__file__).with_name("traces.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", list(ZOO))
def test_the_first_steps_are_those_of_the_record(name: str) -> None:
    found = trace(name)
    assert len(found) == len(GOLDEN[name])
    for mine, recorded in zip(found, GOLDEN[name], strict=True):
        # Machines differ in the order of their sums, and Adam's first steps are signs of small gradients.
        assert mine == pytest.approx(recorded, rel=2e-3, abs=2e-3)
