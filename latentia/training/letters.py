"""What training says when it has to stop."""


class TrainingStopped(RuntimeError):  # noqa: N818 (it says what happened)
    """Training could not go on; the last good checkpoint is kept. The message says what to try."""
