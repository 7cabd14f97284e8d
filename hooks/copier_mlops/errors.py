"""The one error that reaches a person, and the exit codes that every command shares."""

import sys
from collections.abc import Iterable

OK = 0
NEGATIVE = 1
BAD_INPUT = 3


class ToolError(Exception):
    """A problem that a person can mend: the message says what, where and what to do next."""


def last_line(text: object) -> str:
    """Return the last line that says something: where git, YAML and Copier put the reason."""
    lines = [line.strip(" |") for line in str(text).splitlines() if line.strip(" |")]
    return lines[-1] if lines else "no reason given"


def some(names: Iterable[str]) -> str:
    """Return the first names of many."""
    listed = sorted(names)
    return ", ".join(listed[:5]) + (f" and {len(listed) - 5} more" if len(listed) > 5 else "")


def say(text: str) -> None:
    """Tell a waiting person what goes on."""
    print(text, file=sys.stderr, flush=True)
