"""Data of one environment never comes to another: remotes, raw files and results are told apart.

Only what `shares_with` of conf/<environment>.yaml names may be shared.
"""

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from mlops_kit.core.errors import MlopsError, without_credentials
from mlops_kit.core.files import read_yaml
from mlops_kit.core.settings import Settings, environment, environments, settings_file
from mlops_kit.core.zones import RESTRICTED_ZONE
from mlops_kit.data.config import Files, Sources
from mlops_kit.data.storage.refusals import Store
from mlops_kit.data.storage.stores import STAND_IN, configured

INPUTS = Path("data/inputs.json")


def others(settings: Settings) -> list[str]:
    """Name the environments whose data must not come here."""
    here = environment()
    return [
        name
        for name in environments()
        if name != here
        and name not in settings.shares_with
        and here not in (_declared(name).get("shares_with") or [])
    ]


def check_remote(settings: Settings, store: Store) -> None:
    """Refuse a remote that is another environment's too.

    Raises
    ------
    MlopsError
        When its place is, holds, or lies within the place of another environment.
    """
    known = configured()
    for name in others(settings):
        theirs = dict(known.get(str(_declared(name).get("dvc_remote"))) or {})
        url = str(theirs.pop("url", ""))
        if url and not STAND_IN.search(url) and _overlap(store, Store("", url, theirs, True)):
            raise MlopsError(
                f"{store.shown} of {environment()} is where {name} keeps its data, which must not "
                f"come here: name another as dvc_remote in conf/{environment()}.yaml, or say "
                f"shares_with: [{name}] there if it may."
            )


def check_restricted(settings: Settings, store: Store) -> None:
    """Refuse a place of raw files that is another environment's too.

    Raises
    ------
    MlopsError
        As for a remote.
    """
    for name in others(settings):
        theirs = _declared(name).get("restricted") or {}
        url = str(theirs.get("url", ""))
        if url and _overlap(store, Store("", url, dict(theirs.get("options") or {}), False)):
            raise MlopsError(
                f"{without_credentials(store.url)} is where {name} keeps its raw files, which must "
                f"not come to {environment()}: mend restricted.url in conf/{environment()}.yaml, "
                f"or say shares_with: [{name}] there if they may."
            )


def check_not_the_remote(store: Store) -> None:
    """Refuse to keep raw files where a DVC remote is.

    Raises
    ------
    MlopsError
        As said.
    """
    for name, options in configured().items():
        theirs = {key: value for key, value in options.items() if key != "url"}
        if _overlap(store, Store("", str(options["url"]), theirs, True)):
            raise MlopsError(
                f"{without_credentials(store.url)} is in the DVC remote {name}: raw files are kept "
                "apart from it; name another restricted.url."
            )


def check_results(settings: Settings, whole: bool) -> None:
    """Refuse to move results that were made in another environment.

    Parameters
    ----------
    whole : bool
        Whether what dvc.lock names must be of one run that is complete, as before a push.

    Raises
    ------
    MlopsError
        As said; by data/inputs.json, which is committed beside dvc.lock and names who made it.
    """
    made_of, made = _locked()
    here = environment()
    told = _recorded()
    by = told.get("environment")
    again = f"`MLOPS_ENV={here} uv run mlops run` makes its own"
    if by in others(settings):
        raise MlopsError(
            f"What dvc.lock names here was made in {by}, and this is {here}, where data of {by} "
            f"must not come: {again}, or go on in {by}'s own clone."
        )
    if not whole:
        return
    torn = [path for path, digests in made_of.items() if path in made and digests != {made[path]}]
    record = made_of.get(INPUTS.as_posix())
    if torn or (record is not None and record != {_md5(INPUTS)}):
        raise MlopsError(
            f"The last run did not complete ({min([*torn, INPUTS.as_posix()])} is of another "
            f"one), so that nobody knows where its results are from: {again}, then push."
        )


def check_no_raw(sources: Sources, strict: bool) -> Iterator[str]:
    """Tell which raw data DVC keeps a copy of, which a push would send to its remote.

    Parameters
    ----------
    strict : bool
        Whether raw files outside of the restricted zone are refused too.

    Returns
    -------
    iterator of str
        What is told and not refused.

    Raises
    ------
    MlopsError
        When something raw would go.
    """
    places = {
        source.place(name, table).resolve(): name
        for name, table in sources.tables.items()
        if isinstance(source := sources.sources[table.source], Files)
    }
    zone = RESTRICTED_ZONE.resolve()
    for out, stage, is_added in _cached():
        raw = [name for place, name in places.items() if _nested(out, place)]
        if not raw and not _nested(out, zone):
            continue
        mend = f"say `cache: false` of it at the stage {stage}"
        if is_added:
            mend = f"`uv run dvc remove {stage}` keeps the files and forgets the copy"
        said = (
            f"{os.path.relpath(out)} is raw data, and {stage} has DVC keep a copy of it, which "
            f"`push` would send to its remote: {mend}; `uv run mlops data ingest --accept` records "
            "them by hash"
        )
        if strict or _nested(out, zone):
            raise MlopsError(f"{said}.")
        yield said


def _cached() -> list[tuple[Path, str, bool]]:
    """What DVC keeps a copy of: where it lies, which stage or file says so, and if it was added."""
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    try:
        with Repo() as repo:
            return [
                (Path(out.fs_path).resolve(), out.stage.addressing, out.stage.is_data_source)
                for out in repo.index.outs
                if out.use_cache and out.protocol == "local"
            ]
    except DvcException as error:
        said = " ".join(str(error).split())
        raise MlopsError(f"DVC cannot say what it keeps: {said}.") from error


def _locked() -> tuple[dict[str, set[str]], dict[str, str]]:
    """Digests of what stages read, and of what they wrote, by path, as the locks have them."""
    made_of: dict[str, set[str]] = {}
    made: dict[str, str] = {}
    for file in (Path("dvc.lock"), *sorted(Path("pipelines").glob("*/dvc.lock"))):
        stages = (read_yaml(file).get("stages") or {}) if file.is_file() else {}
        for stage in stages.values():
            for one in stage.get("deps") or []:
                made_of.setdefault(str(one["path"]), set()).add(str(one.get("md5")))
            made |= {str(one["path"]): str(one.get("md5")) for one in stage.get("outs") or []}
    return made_of, made


def _recorded() -> dict[str, Any]:
    try:
        told = json.loads(INPUTS.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}


def _md5(file: Path) -> str:
    if not file.is_file():
        return ""
    return hashlib.md5(file.read_bytes(), usedforsecurity=False).hexdigest()


def _declared(name: str) -> dict[str, Any]:
    """What an environment's files say, the stronger over the weaker, unchecked."""
    found: dict[str, Any] = {}
    for file in (settings_file("base"), settings_file(name)):
        found |= read_yaml(file) if file.is_file() else {}
    return found


def _overlap(one: Store, other: Store) -> bool:
    (host, path), (theirs, other_path) = _place(one), _place(other)
    shorter = min(len(path), len(other_path))
    return host == theirs and path[:shorter] == other_path[:shorter]


def _place(store: Store) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Whose place it is, and the parts of the path in it."""
    if not store.scheme:
        return ("",), Path(store.url).expanduser().resolve().parts
    parsed = urlsplit(store.url)
    said = str(store.options.get("connection_string", ""))
    account = next((part for part in said.split(";") if part.startswith("AccountName=")), "")
    account = account.removeprefix("AccountName=") or str(store.options.get("account_name", ""))
    endpoint = str(store.options.get("endpointurl", "")).rstrip("/").lower()
    host = (parsed.hostname or parsed.netloc).lower()
    path = tuple(part for part in parsed.path.split("/") if part)
    return (store.scheme, endpoint, account, host), path


def _nested(one: Path, other: Path) -> bool:
    return one.is_relative_to(other) or other.is_relative_to(one)
