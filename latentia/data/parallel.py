"""Work on many items at once, in order, with a progress bar."""

import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

from tqdm import tqdm

Result = TypeVar("Result")

_CHUNK = 64
"""Items a task: large enough that handing tasks out costs nothing beside decoding."""


class Refused(Generic[Result]):
    """An item that could not be worked on, with the reason."""

    def __init__(self, reason: str) -> None:
        self.reason = reason


def in_order(
    work: Callable[[int], Result],
    indices: list[int],
    *,
    doing: str,
    progress: bool,
) -> Iterator[tuple[int, Result | Refused[Result]]]:
    """Do the work for each index in threads, and hand out the results in the order of the indices.

    Threads suffice: Pillow lets others run while it decodes. Few results wait at a time, so that memory
    stays bounded.

    Args:
        work: May raise `ValueError` or `OSError`, whose words become the reason of a `Refused`.
        indices: What to work on.
        doing: What the bar says.
        progress: Whether there is a bar.
    """

    def work_on(chunk: list[int]) -> list[Result | Refused[Result]]:
        return [_attempt(work, index) for index in chunk]

    workers = min(os.cpu_count() or 1, 16)
    chunks = deque(indices[start : start + _CHUNK] for start in range(0, len(indices), _CHUNK))
    waiting: deque[tuple[list[int], Future[list[Result | Refused[Result]]]]] = deque()
    bar = tqdm(total=len(indices), desc=doing, unit="image", disable=not progress, leave=False)
    with ThreadPoolExecutor(workers) as pool, bar:
        while chunks or waiting:
            while chunks and len(waiting) < 4 * workers:
                chunk = chunks.popleft()
                waiting.append((chunk, pool.submit(work_on, chunk)))
            done, future = waiting.popleft()
            yield from zip(done, future.result(), strict=True)
            bar.update(len(done))


def _attempt(work: Callable[[int], Result], index: int) -> Result | Refused[Result]:
    try:
        return work(index)
    except OSError as error:
        return Refused(f"cannot be read: {error.strerror or error}")
    except ValueError as error:
        return Refused(str(error))
