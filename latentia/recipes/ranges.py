"""Ranges that arguments of recipes have to lie in."""


def at_least(minimum: float, **arguments: float) -> None:
    """Refuses arguments below a minimum.

    Raises:
        ValueError: Names the argument, its value and the minimum.
    """
    for name, value in arguments.items():
        if not value >= minimum:
            raise ValueError(f"{name} is {value}; it has to be {minimum} or more.")


def above_zero(**arguments: float) -> None:
    """Refuses arguments that are not positive.

    Raises:
        ValueError: Names the argument and its value.
    """
    for name, value in arguments.items():
        if not value > 0:
            raise ValueError(f"{name} is {value}; it has to be greater than 0.")
