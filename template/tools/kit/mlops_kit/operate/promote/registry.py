"""The registry of an environment: opened for a command, and whether a file of SQLite opens."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_kit.core.errors import MlopsError, refusal
from mlops_kit.core.settings import Settings
from mlops_kit.train.tracking import quiet_mlflow, registered_name

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

GONE = "RESOURCE_DOES_NOT_EXIST"
MIGRATIONS = "store/db_migrations/versions/*.py"
_STEP = re.compile(r"(?m)^(down_)?revision = [\"'](\w+)[\"']")


class EmptyRegistryError(MlopsError):
    """Nothing of this project is registered in this environment yet."""


@contextmanager
def registry_of(settings: Settings) -> Iterator[tuple["MlflowClient", str]]:
    """Give a client and the model's name; what MLflow refuses becomes one sentence."""
    uri, name = settings.tracking.uri, registered_name(settings)
    database = uri.removeprefix("sqlite:///")
    if database != uri and not Path(database).is_file():
        sentence = f"{database} does not exist: `uv run mlops run` registers a challenger."
        raise EmptyRegistryError(sentence)
    with quiet_mlflow():
        from mlflow import MlflowClient, set_tracking_uri
        from mlflow.exceptions import MlflowException

        try:
            set_tracking_uri(uri)
            yield MlflowClient(uri), name
        except MlflowException as error:
            if error.error_code == GONE and not _is_registered(MlflowClient(uri), name):
                sentence = f"{name} is not in the registry at {uri}: run `uv run mlops run` first."
                raise EmptyRegistryError(sentence) from error
            raise MlopsError(
                f"{refusal(error, uri)} Then run the same command again: it completes what was "
                "begun."
            ) from error


def _is_registered(client: "MlflowClient", name: str) -> bool:
    with unless_gone():
        client.get_registered_model(name)
        return True
    return False


@contextmanager
def unless_gone() -> Iterator[None]:
    """Pass over what the registry does not have, or has no more; other refusals stay."""
    from mlflow.exceptions import MlflowException

    try:
        yield
    except MlflowException as error:
        if error.error_code != GONE:
            raise


def version_of(client: "MlflowClient", name: str, which: str) -> "ModelVersion":
    """Find a version by its alias, its number, or the first digits of its model's SHA-256.

    Raises
    ------
    MlopsError
        When there is none, or several are meant.
    """
    aliases = {alias: str(n) for alias, n in client.get_registered_model(name).aliases.items()}
    if which in aliases:
        return client.get_model_version(name, aliases[which])
    versions = versions_of(client, name)
    if re.fullmatch(r"[0-9a-f]{8,64}", which):
        # The newest of equal models: what it was judged by is the newest, too.
        found = [one for one in versions if one.tags.get("model_sha256", "").startswith(which)]
        if len({one.tags["model_sha256"] for one in found}) > 1:
            raise MlopsError(f"Several models of {name} begin with {which}: give more digits.")
        if found:
            return found[0]
    for one in versions:
        if str(one.version) == which:
            return one
    there = ", ".join(f"{alias} ({n})" for alias, n in sorted(aliases.items())) or "no alias at all"
    raise MlopsError(
        f"{name} has no version {which}; it has {there}, and `uv run mlops registry list` shows "
        "them all."
    )


def versions_of(client: "MlflowClient", name: str) -> "list[ModelVersion]":
    """Return all versions of a registered model, the newest first."""
    found: list[ModelVersion] = []
    page = None
    while page is None or page.token:
        page = client.search_model_versions(
            f"name = '{name}'", page_token=page.token if page else None
        )
        found += page
    return sorted(found, key=lambda version: -int(version.version))


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
