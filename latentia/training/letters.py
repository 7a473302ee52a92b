"""What training says when it has to stop."""


class TrainingStopped(RuntimeError):
    """Training could not go on; the last good checkpoint is kept. The message says what to try."""
