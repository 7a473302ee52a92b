"""Numbers as people read them."""

import math

from latentia.metrics import Estimate


def number(value: float, digits: int) -> str:
    """A number with a fixed number of decimals, a real minus sign, and thousands set apart.

    >>> number(-1234.567, 1)
    '−1,234.6'
    """
    return f"{value:,.{digits}f}".replace("-", "−")


def with_error(estimate: Estimate | None, digits: int) -> str:
    """A number with what lies on either side of it at a confidence of 95 %.

    >>> with_error(Estimate(0.5, 0.01), 2), with_error(None, 2)
    ('0.50 ± 0.02', '–')
    """
    if estimate is None:
        return "–"
    low, high = estimate.interval
    return plus_minus(estimate.value, (high - low) / 2, digits)


def plus_minus(value: float, reach: float, digits: int) -> str:
    """A number and what lies on either side of it, with up to three more decimals where that needs them.

    >>> plus_minus(0.1384, 0.0041, 2), plus_minus(0.5, 0.02, 2)
    ('0.138 ± 0.004', '0.50 ± 0.02')
    """
    if 0 < reach < 10.0**-digits:
        digits += min(3, math.ceil(-math.log10(reach)) - digits)
    return f"{number(value, digits)} ± {number(reach, digits)}"


def duration(seconds: float) -> str:
    """Seconds as a person says them.

    >>> duration(75.4), duration(7260), duration(9.24)
    ('1 min 15 s', '2 h 1 min', '9.2 s')
    """
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if minutes else f"{rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def listed(words: list[str]) -> str:
    """Words as a list in a sentence.

    >>> listed(["one", "two", "three"])
    'one, two and three'
    """
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
