"""What a network or a head may keep of a step, and when."""

from abc import ABC, abstractmethod


class Remembers(ABC):
    """Notes something in training: in an attribute, since terms may run more than once a step."""

    @abstractmethod
    def fold(self) -> None:
        """Folds what was noted last into buffers, once a turn."""
