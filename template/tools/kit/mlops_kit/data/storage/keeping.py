"""Where raw files are kept by their hashes: they are brought there, fetched, and taken away.

Never a DVC remote, and never the place of another environment.
"""

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from mlops_kit.core.errors import MlopsError, without_credentials
from mlops_kit.core.files import scratch_beside, sha256_of
from mlops_kit.core.settings import Settings, environment
from mlops_kit.core.words import counted
from mlops_kit.data.config import Files, Sources
from mlops_kit.data.sources.files import find
from mlops_kit.data.storage import apart, stores
from mlops_kit.data.storage.raw import (
    HALF_DONE,
    Raw,
    check_foreign,
    check_name,
    here,
    listed,
    recorded,
    write_list,
)
from mlops_kit.data.storage.refusals import Store


def accept(settings: Settings, config: Sources, tables: Mapping[str, Any]) -> list[str]:
    """Record the raw files that are here as those of this environment, and keep them safe.

    Returns
    -------
    list of str
        What changed, in a line each.

    Raises
    ------
    MlopsError
        When a name says something about a person, a file is another environment's, or the place
        of raw files refuses; the list stays as it was.
    """
    found = here(config, tables)
    if not found:
        return ["there is no raw file: every table comes from the invented shop"]
    for files in found.values():
        for path in files:
            check_name(path)
    known = listed(environment()) or {}
    own = {one["sha256"] for files in known.values() for one in files.values()}
    check_foreign(settings, found, own)
    told = []
    for source in sorted({*found, *known}):
        now, then = found.get(source, {}), known.get(source, {})
        for path in sorted({*now, *then}):
            if path not in now:
                told.append(f"gone       {path} (was {then[path]['sha256']})")
            elif path not in then:
                told.append(f"new        {path} ({now[path].sha256})")
            elif now[path].sha256 != then[path]["sha256"]:
                told.append(f"changed    {path} ({then[path]['sha256']} -> {now[path].sha256})")
    store = place_of(settings)
    if store is not None:
        kept = _keep(store, [one for files in found.values() for one in files.values()])
        told.append(f"kept       {counted(kept, 'file')} at {without_credentials(store.url)}")
        half = {
            one["sha256"]
            for files in known.values()
            for one in files.values()
            if one.get(HALF_DONE)
        }
        _forget(store, half - {one.sha256 for files in found.values() for one in files.values()})
    write_list(
        {
            source: {path: one.entry(path) for path, one in files.items()}
            for source, files in found.items()
        }
    )
    return told


def listed_again(settings: Settings, config: Sources, names: Iterable[str]) -> list[str]:
    """Bring the list up to date for tables that were just landed, and for nothing else.

    The place of raw files keeps the newest snapshot of each only: no person who asks to be erased
    is left in an older one.

    Returns
    -------
    list of str
        What changed, in a line each; nothing where no list of this environment is there.
    """
    known = listed(environment())
    if known is None:
        return []
    told, new, old = [], [], set()
    for name in names:
        table = config.tables[name]
        source = config.sources[table.source]
        assert isinstance(source, Files)
        files = known.setdefault(table.source, {})
        here = find(source, name, table).files
        listed_here = {recorded(source, file) for file in here}
        for path in [one for one in files if _target(config, name, one) and one not in listed_here]:
            old.add(files.pop(path)["sha256"])
            told.append(f"gone       {path}")
        for place in here:
            raw, path = Raw(place, place.stat().st_size, sha256_of(place)), recorded(source, place)
            if (was := files.get(path, {}).get("sha256")) == raw.sha256:
                continue
            check_name(path)
            check_foreign(settings, {table.source: {path: raw}})
            files[path] = raw.entry(path)
            new.append(raw)
            old |= {was} if was else set()
            told.append(f"recorded   {path} ({raw.sha256})")
    store = place_of(settings) if told else None
    if store is not None:
        _keep(store, new)
        _forget(store, old - {one["sha256"] for fs in known.values() for one in fs.values()})
    if told:
        write_list(known)
    return told


def fetch(settings: Settings, config: Sources) -> int:
    """Bring what the list names and is not here from the place of raw files, by its hash.

    Returns
    -------
    int
        How many files came.

    Raises
    ------
    MlopsError
        When the place refuses, lacks one, or gives another file than was recorded.
    """
    known = listed(environment())
    if known is None or settings.restricted is None:
        return 0
    lacking = [
        (target, one["sha256"])
        for name, table in config.tables.items()
        for path, one in known.get(table.source, {}).items()
        if (target := _target(config, name, path)) is not None and not target.is_file()
    ]
    lacking = list(dict(lacking).items())
    store = place_of(settings) if lacking else None
    if store is None:
        return 0
    with contextlib.ExitStack() as stack:
        pairs = [(stack.enter_context(scratch_beside(file)), file, sha) for file, sha in lacking]

        def bring(fs: Any, path: str) -> None:
            for beside, _, sha in pairs:
                fs.get_file(_at(fs, path, sha), str(beside))

        try:
            stores.answer(store, bring)
        except MlopsError as error:
            lacks = isinstance(error.__cause__, FileNotFoundError)
            if lacks and "no such bucket" not in str(error):
                raise MlopsError(
                    f"{store.shown} lacks {lacking[0][0].as_posix()} or another raw file by its "
                    f"hash ({lacking[0][1]}): where the files are, run `MLOPS_ENV={environment()} "
                    "uv run mlops data ingest --accept`."
                ) from error
            raise
        for beside, file, sha in pairs:
            if (came := sha256_of(beside)) != sha:
                raise MlopsError(
                    f"{store.shown} gives another file for {file.as_posix()}: its SHA-256 is "
                    f"{came}, recorded was {sha}; nothing was taken. Ask whoever keeps that place."
                )
            beside.replace(file)
    return len(pairs)


@contextlib.contextmanager
def rewritten(
    settings: Settings, config: Sources, files: Iterable[Path], by: str
) -> Iterator[None]:
    """Keep the list true while a command, `by`, takes rows out of raw files on purpose.

    A file that was not as recorded before stays refused. Killed in between, the list says so, and
    the command can be repeated. What was kept of the old file is removed from the place of raw
    files.
    """
    known = listed(environment())
    if known is None:
        yield
        return
    mine = {
        target: one
        for name, table in config.tables.items()
        for path, one in known.get(table.source, {}).items()
        if (target := _target(config, name, path)) is not None
    }
    touched = {
        file: mine[file]
        for file in files
        if file in mine and (mine[file].get(HALF_DONE) or sha256_of(file) == mine[file]["sha256"])
    }
    for one in touched.values():
        one[HALF_DONE] = by
    write_list(known)
    yield
    old, new = set(), []
    for file, one in touched.items():
        raw = Raw(file, file.stat().st_size, sha256_of(file))
        if raw.sha256 != one["sha256"]:
            old.add(one["sha256"])
            new.append(raw)
        one |= {"size": raw.size, "sha256": raw.sha256}
        del one[HALF_DONE]
    store = place_of(settings) if new else None
    if store is not None:
        _keep(store, new)
        _forget(store, old - {one["sha256"] for fs in known.values() for one in fs.values()})
    write_list(known)


def place_of(settings: Settings) -> Store | None:
    """Return where raw files are kept, if it may be; None where conf/ names no place.

    Raises
    ------
    MlopsError
        When it is another environment's, or in a DVC remote.
    """
    store = stores.restricted(settings, environment())
    if store is not None:
        apart.check_restricted(settings, store)
        apart.check_not_the_remote(store)
    return store


def _target(config: Sources, table: str, path: str) -> Path | None:
    """Where a listed file of a table lies; None where the table does not read it."""
    source = config.sources[config.tables[table].source]
    if not isinstance(source, Files):
        return None
    place = source.place(table, config.tables[table])
    name = recorded(source, place)
    if path == name:
        return place
    inside = PurePosixPath(path).parent.as_posix() == PurePosixPath(name).as_posix()
    return place / PurePosixPath(path).name if inside else None


def _at(fs: Any, path: str, sha256: str) -> str:
    return fs.join(path, sha256[:2], sha256[2:])


def _keep(store: Store, files: list[Raw]) -> int:
    def put(fs: Any, path: str) -> None:
        for one in files:
            place = _at(fs, path, one.sha256)
            if not (fs.exists(place) and fs.size(place) == one.size):
                fs.makedirs(fs.parent(place), exist_ok=True)
                fs.put_file(str(one.file.resolve()), place)

    stores.answer(store, put)
    return len(files)


def _forget(store: Store, hashes: set[str]) -> None:
    def remove(fs: Any, path: str) -> None:
        for sha256 in hashes:
            if fs.exists(_at(fs, path, sha256)):
                fs.remove(_at(fs, path, sha256))

    if hashes:
        stores.answer(store, remove)
