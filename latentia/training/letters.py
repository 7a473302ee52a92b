"""What training says when something breaks, and when it has to stop."""


class Fault(Exception):  # noqa: N818 (it says what happened)
    """Something broke that a rescue may mend (`rescue.py`); it never leaves the loop.

    Args:
        what: What happened, to what.
        turn: In which turn, counted from 1.
    """

    def __init__(self, what: str, turn: int) -> None:
        super().__init__(what)
        self.what, self.turn = what, turn


class TrainingStopped(RuntimeError):  # noqa: N818 (it says what happened)
    """Training could not go on; the last good checkpoint is kept.

    Args:
        fault: What happened, one sentence.
        advice: What is kept, and what to try.
    """

    def __init__(self, fault: str, advice: str = "") -> None:
        super().__init__(f"{fault} {advice}".strip())
        self.fault = fault
