"""Run rendered repositories for real: their own locked environment, their own commands.

All projects of one test process share one environment folder (uv exchanges only the project
itself), so that a render costs a second and not an installation.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from rendering import git, render

PACKAGE = "shop"


@cache
def shared_environment() -> Path:
    """Return the folder of this process's environment for rendered projects."""
    return Path(tempfile.mkdtemp(prefix="copier-mlops-venv-")) / "venv"


@dataclass(frozen=True)
class Project:
    """A rendered repository and how to run commands in it."""

    path: Path
    extra: Mapping[str, str] = field(default_factory=dict)

    def environment(self) -> dict[str, str]:
        """Return this process's variables, with the rendered project's environment selected."""
        # Compiled modules make every later command cheaper, whatever the surroundings prefer.
        unwanted = {"VIRTUAL_ENV", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "PYTEST_ADDOPTS"}
        unwanted |= {"MLOPS_ENV"}
        inherited = {key: value for key, value in os.environ.items() if key not in unwanted}
        chosen = {"UV_PROJECT_ENVIRONMENT": str(shared_environment()), "UV_FROZEN": "1"}
        return {**inherited, **chosen, **self.extra}

    def run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command in the project; with `check`, a failure shows all that it printed."""
        done = subprocess.run(
            command,
            cwd=self.path,
            env=self.environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        if check and done.returncode != 0:
            said = f"{done.stdout}\n{done.stderr}"
            raise AssertionError(f"{' '.join(command)} exited with {done.returncode}:\n{said}")
        return done

    def uv(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command through `uv run`."""
        return self.run("uv", "run", *command, check=check)

    def mlops(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run the project's own command line."""
        return self.uv("mlops", *command, check=check)

    def commit(self, message: str = "A commit") -> None:
        """Commit everything that git does not ignore."""
        git("add", "--all", cwd=self.path)
        git("commit", "--quiet", "--message", message, cwd=self.path)


def new_project(destination: Path, answers: Mapping[str, Any] | None = None) -> Project:
    """Render into `destination` (package `shop` unless told), make it a git repository, commit."""
    render(destination, {"package_name": PACKAGE, **(answers or {})})
    git("init", "--quiet", cwd=destination)
    project = Project(destination)
    project.commit("Start from the template")
    return project


def first_and_repetitions(*cases: Any, kept: int = 1) -> list[Any]:
    """Return the cases for `parametrize`: `make test` runs the first ones, `make verify` all.

    A case of several values is a tuple.
    """
    return [
        pytest.param(
            *(case if isinstance(case, tuple) else (case,)),
            marks=[pytest.mark.repetition] * (place >= kept),
        )
        for place, case in enumerate(cases)
    ]


def replace(file: Path, old: str, new: str) -> None:
    """Replace a text that must be there exactly once."""
    text = file.read_text(encoding="utf-8")
    if text.count(old) != 1:
        raise AssertionError(f"{file.name} holds {old!r} {text.count(old)} times, not once")
    file.write_text(text.replace(old, new), encoding="utf-8", newline="\n")


def without_network(*command: str) -> list[str]:
    """Return the command in a network namespace that has nothing but loopback, or none to use."""
    if sys.platform != "linux":
        raise AssertionError("cutting the network off is only known on Linux")
    return ["unshare", "--net", "--map-root-user", *command]
