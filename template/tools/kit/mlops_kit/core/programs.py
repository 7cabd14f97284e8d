"""Running another program and reading what it says, whatever the machine's language is."""

import os
import subprocess
from collections.abc import Mapping


def said_by(
    *command: str, environment: Mapping[str, str] = os.environ
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end and return its code and both outputs, in English where it can.

    A message in another language may be in letters of another encoding: they are replaced, and
    never an error.

    Raises
    ------
    OSError
        When there is no such program.
    """
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
        env={**environment, "LC_ALL": "C"},
        check=False,
    )


def answer_of(*command: str) -> str | None:
    """Return what a program prints, or None when it fails or is not there."""
    try:
        done = said_by(*command)
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
