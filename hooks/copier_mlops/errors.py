"""The one error that reaches a person, and the exit codes that every command shares."""

import sys
from collections.abc import Iterable

import yaml

from copier_mlops.addresses import without_credentials

OK, NEGATIVE, BAD_INPUT = 0, 1, 3
EXIT_CODES = {
    OK: "ok",
    NEGATIVE: "something to resolve, or drift",
    BAD_INPUT: "refused, bad input or usage",
}


class ToolError(Exception):
    """A problem that a person can mend: the message says what, where and what to do next."""

    def __str__(self) -> str:
        """Return the message; an address in it may have come with a password."""
        return without_credentials(super().__str__())


def last_line(text: object) -> str:
    """Return the last line that says something: where git, YAML and Copier put the reason."""
    lines = [line.strip(" |") for line in str(text).splitlines() if line.strip(" |")]
    return without_credentials(lines[-1]) if lines else "no reason given"


def no_yaml(error: Exception) -> str:
    """Say why a text is no YAML, with the line where it stops being it."""
    if isinstance(error, UnicodeError):
        return "it is not UTF-8 text"
    mark = getattr(error, "problem_mark", None)
    if not isinstance(error, yaml.MarkedYAMLError) or mark is None:
        return without_credentials(" ".join(str(error).split())[:200])
    return without_credentials(f"line {mark.line + 1}, {error.problem or error.context}")


def some(names: Iterable[str]) -> str:
    """Return the first names of many."""
    listed = sorted(names)
    return ", ".join(listed[:5]) + (f" and {len(listed) - 5} more" if len(listed) > 5 else "")


def tell(text: str, end: str = "\n") -> None:
    """Print a result, without passwords in its addresses."""
    print(without_credentials(text), end=end)


def say(text: str) -> None:
    """Tell a waiting person what goes on, without passwords in its addresses."""
    print(without_credentials(text), file=sys.stderr, flush=True)
