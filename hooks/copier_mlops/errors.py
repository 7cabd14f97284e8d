"""The one error that reaches a person, and the exit codes that every command shares."""

OK = 0
BAD_INPUT = 3


class ToolError(Exception):
    """A problem that a person can mend: the message says what, where and what to do next."""


def last_line(text: object) -> str:
    """Return the last line that says something: where git, YAML and Copier put the reason."""
    lines = [line.strip(" |") for line in str(text).splitlines() if line.strip(" |")]
    return lines[-1] if lines else "no reason given"
