"""`mlops data push|pull|diff|log`: DVC's own verbs, with the remote of the environment."""

import re
import subprocess
import sys

from mlops_kit.core.errors import MlopsError, without_credentials
from mlops_kit.core.programs import said_by
from mlops_kit.core.settings import environment, load_settings

# What stores say first when they refuse; the rest of their sentences is about their own code.
WHY = re.compile(r"^(?:ERROR|error): (?:unexpected error - )?(.+)$", re.MULTILINE)
DONE = re.compile(r"^(?:\d+ files? \w+.*|Everything is up to date\.)$", re.MULTILINE)


def remotes() -> dict[str, str]:
    """Return the address of each DVC remote by its name."""
    # `dvc remote list` breaks long lines; this does not, and a later line overrides an earlier.
    listed = _dvc("config", "--list").stdout
    return dict(re.findall(r"^remote\.(.+)\.url=(.*)$", listed, flags=re.MULTILINE))


def move(verb: str) -> str:
    """Push what the last run made to the environment's remote, or pull it; return what was done.

    What lies in the restricted zone has no copy in DVC's cache, and never moves.

    Raises
    ------
    MlopsError
        One sentence, when there is no such remote, or it refuses.
    """
    name = load_settings().dvc_remote
    address = remotes().get(name)
    if address is None:
        raise MlopsError(
            f'The remote "{name}" of {environment()} is not in .dvc/config: uv run dvc remote add '
            f"{name} URL."
        )
    done = _dvc(verb, "--remote", name)
    if done.returncode:
        why = WHY.findall(done.stderr)
        said = without_credentials(why[0] if why else done.stderr.strip().splitlines()[-1])
        raise MlopsError(
            f'The remote "{name}" ({without_credentials(address)}) refuses: {said.rstrip(".")}. '
            f"Nothing that was there is lost; `uv run mlops data {verb}` again goes on."
        )
    told = DONE.findall(done.stdout)
    return f"{told[-1] if told else 'done'} ({name}: {without_credentials(address)})"


def difference(since: str) -> str:
    """Say which data, models and reports differ from those of a commit."""
    done = _dvc("diff", since)
    if done.returncode:
        why = WHY.findall(done.stderr)
        raise MlopsError(f"dvc cannot compare with {since}: {why[0] if why else done.stderr}")
    return done.stdout.strip() or f"nothing differs from {since}"


def history() -> str:
    """List the commits that changed what the pipeline made, newest first."""
    listed = said_by("git", "log", "--date=short", "--format=%h %ad %s", "--", "dvc.lock")
    if listed.returncode:
        raise MlopsError(f"git cannot tell: {' '.join(listed.stderr.split())}")
    return listed.stdout.strip() or "dvc.lock was never committed: git add dvc.lock data/*.json"


def _dvc(*words: str) -> subprocess.CompletedProcess[str]:
    return said_by(sys.executable, "-m", "dvc", *words)
