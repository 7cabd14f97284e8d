"""How much one file may cost to read: counted in characters that the rules see, never in seconds.

The count is the same on every machine, and so is the verdict. Standard library only.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from mlops_kit.privacy.read.open_file import Unreadable

# Several minutes of one core. Each way of reading a text counts (escapes undone, base64 opened).
MOST_CHARACTERS = 2**28
QUIET_SECONDS = 1.0


class _Work:
    """What has been read of one file."""

    def __init__(self, place: str) -> None:
        self.place, self.done, self.told = place, 0, time.monotonic()


_WORK: ContextVar[_Work | None] = ContextVar("work", default=None)


@contextmanager
def limited(place: str) -> Iterator[None]:
    """Let everything that is read inside count for one file."""
    token = _WORK.set(_Work(place))
    try:
        yield
    finally:
        _WORK.reset(token)


@contextmanager
def uncounted() -> Iterator[None]:
    """Let what is read inside cost nothing, such as the place that a finding names."""
    token = _WORK.set(None)
    try:
        yield
    finally:
        _WORK.reset(token)


def spend(characters: int) -> None:
    """Count what the rules are about to read, and tell a person on stderr how far a long file is.

    Raises
    ------
    Unreadable
        When the file has cost as much as one may; what was found before stays found.
    """
    work = _WORK.get()
    if work is None:
        return
    work.done += characters
    if work.done > MOST_CHARACTERS:
        millions = MOST_CHARACTERS // 10**6
        why = f"takes over {millions} million characters to read with all rules; split it"
        raise Unreadable(work.place, why)
    if time.monotonic() - work.told > QUIET_SECONDS and sys.stderr.isatty():
        work.told = time.monotonic()
        said = f"privacy   {work.place}: {work.done / 10**6:.1f} million characters read"
        print(said, file=sys.stderr, flush=True)
