"""What training says when it has to stop."""


class TrainingStopped(RuntimeError):  # noqa: N818 (it says what happened)
    """Training could not go on; the last good checkpoint is kept.

    Args:
        fault: What happened, one sentence.
        advice: What is kept, and what to try.
    """

    def __init__(self, fault: str, advice: str = "") -> None:
        super().__init__(f"{fault} {advice}".strip())
        self.fault = fault
