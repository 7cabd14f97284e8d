"""Whether a registry that is a file of SQLite opens with the MLflow that is installed."""

import re
import sqlite3
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path

MIGRATIONS = "store/db_migrations/versions/*.py"
_STEP = re.compile(r"(?m)^(down_)?revision = [\"'](\w+)[\"']")


def refused(uri: str) -> tuple[str, str] | None:
    """Return why MLflow refuses the registry, and what mends it; None when it does not.

    MLflow itself is not imported, which takes seconds: its migrations name the form that it wants.
    A server is not asked.
    """
    file = Path(uri.removeprefix("sqlite:///"))
    if str(file) == uri or not file.is_file() or not file.stat().st_size:
        return None
    try:
        with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)) as opened:
            (found,) = opened.execute("SELECT version_num FROM alembic_version").fetchone() or ("",)
    except sqlite3.Error as error:
        if "locked" in str(error):
            return f"{file} is held by another process", "wait until it is done, or stop it"
        mend = "restore it from a copy, or move it away: the next run makes a new one"
        return f"{file} is no registry of MLflow ({error})", mend
    known, newest = _forms()
    if not known or found == newest:
        return None
    if found in known:
        mend = f"keep a copy of it, then: uv run mlflow db upgrade {uri}"
        return f"{file} was written by an older MLflow, and this one refuses it", mend
    mend = "git checkout -- uv.lock && uv sync --frozen, or take the version that wrote it"
    return f"{file} was written by a newer MLflow than the one installed", mend


def _forms() -> tuple[set[str], str]:
    """All forms of a registry that the installed MLflow knows, and the one that it wants."""
    spec = find_spec("mlflow")
    folders = spec.submodule_search_locations if spec is not None else None
    made, replaced = set(), set()
    for file in Path((folders or [""])[0]).glob(MIGRATIONS):
        for down, revision in _STEP.findall(file.read_text(encoding="utf-8")):
            (replaced if down else made).add(revision)
    last = made - replaced
    return (made, last.pop()) if len(last) == 1 else (set(), "")
