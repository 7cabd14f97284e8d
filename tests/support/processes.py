"""Run the locked tools of this repository's environment as a person would."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path


def run(
    command: Sequence[str | Path], cwd: Path, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command with this environment's tools on PATH, but not as the current environment.

    uv would otherwise warn in every rendered project that another environment is active.
    """
    ours = {"VIRTUAL_ENV", "PYTHONPATH"}
    inherited = {key: value for key, value in os.environ.items() if key not in ours}
    inherited["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**inherited, **(environment or {})},
        capture_output=True,
        text=True,
        check=False,
    )


def interpreter(version: str) -> str:
    """Return a Python of this version: the machine's, or whatever uv finds."""
    if found := shutil.which(f"python{version}"):
        asked = subprocess.run([found, "--version"], capture_output=True, check=False)
        if not asked.returncode:
            return found
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    installed = sorted(root.glob(f"versions/{version}.*/bin/python"))
    return str(installed[-1]) if installed else version
