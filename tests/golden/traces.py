"""Short loss traces of every model of the zoo.

    PYTHONPATH=tests:tests/contract python tests/golden/traces.py    rewrites tests/golden/traces.json

Rewritten only on purpose, with the reason in CHANGELOG.md under "numbers changed".
"""

import json
from pathlib import Path

from training import HORIZON, SEED, feed, fresh, levels_of

from latentia.training import take_turn
from zoo import ZOO

FILE = Path(__file__).with_suffix(".json")
TURNS = 4


def trace(name: str) -> list[dict[str, float]]:
    """The mean of every term in the first turns."""
    plan = ZOO[name]()
    state, draw = fresh(plan), feed(plan, levels_of(name))
    rows = [take_turn(state, plan, draw, seed=SEED, horizon=HORIZON) for _ in range(TURNS)]
    return [{key: round(float(value), 6) for key, value in row.items()} for row in rows]


if __name__ == "__main__":
    FILE.write_text(json.dumps({name: trace(name) for name in ZOO}, indent=1) + "\n", encoding="utf-8")
