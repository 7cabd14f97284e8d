"""The one error that reaches a person, and the exit codes that every command shares."""

import re

OK = 0
NEGATIVE = 1
INCONCLUSIVE = 2
BAD_INPUT = 3


class MlopsError(Exception):
    """A problem that a person can mend: the message says what, where and what to do next.

    Parameters
    ----------
    message : str
        One or two plain sentences, without a traceback.
    exit_code : int
        What the command line exits with; 3 (bad input, configuration or usage) unless told.
    """

    def __init__(self, message: str, exit_code: int = BAD_INPUT) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class StageError(MlopsError):
    """A stage of the pipeline failed and has said why; only its exit code is left to pass on."""


def without_credentials(text: str) -> str:
    """Return the text with user and password cut out of every URL in it."""
    return re.sub(r"(\w://)[^/\s@]+@", r"\1", text)
