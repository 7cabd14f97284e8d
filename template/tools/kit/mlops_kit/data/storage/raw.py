"""Raw files are immutable: each environment lists its own in data/raw-<environment>.json, by hash.

The list is committed; it holds names, sizes and SHA-256, no content. `mlops data ingest --accept`
writes it. Where `restricted.url` is set, the files themselves are kept there, each under its hash,
and fetched from there when they are not here.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from mlops_kit.core.errors import MlopsError
from mlops_kit.core.files import progress, write_json
from mlops_kit.core.provenance import raw_list
from mlops_kit.core.settings import Settings, environment
from mlops_kit.data.config import Files, Sources
from mlops_kit.data.sources.files import find
from mlops_kit.data.storage import apart
from mlops_kit.room import rooms

SCHEMA = 1
HALF_DONE = "rewriting"  # in the list, while the command of that name rewrites a file


class Raw(NamedTuple):
    """One raw file: where it lies, its size in bytes, and its SHA-256."""

    file: Path
    size: int
    sha256: str

    def entry(self, path: str) -> dict[str, Any]:
        """Return what the list says of it."""
        return {"path": path, "size": self.size, "sha256": self.sha256}


# By source, then by the name that `recorded` gives.
Listed = dict[str, dict[str, dict[str, Any]]]


def recorded(source: Files, file: Path) -> str:
    """Name a file without the folders of this machine: from the project, or from its source."""
    if not file.is_absolute():
        return file.as_posix()
    inside = file.is_relative_to(source.folder)
    return file.relative_to(source.folder).as_posix() if inside else file.name


def listed(name: str) -> Listed | None:
    """Return an environment's list by source and name; None where nothing was ever accepted.

    Raises
    ------
    MlopsError
        When it is damaged, or of a later release.
    """
    file = raw_list(name)
    if not file.is_file():
        return None
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        if content["schema"] != SCHEMA:
            raise ValueError
        found = {
            source: {str(one["path"]): one for one in files}
            for source, files in content["sources"].items()
        }
        if any(len(one["sha256"]) != 64 for files in found.values() for one in files.values()):
            raise ValueError
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise MlopsError(
            f"{file.as_posix()} is damaged, or of a later release: restore it with git."
        ) from error
    return found


def here(config: Sources, tables: Mapping[str, Any]) -> dict[str, dict[str, Raw]]:
    """Return the raw files that the tables of a record (`input_record`) are read from.

    Returns
    -------
    dict
        By source and recorded name.
    """
    found: dict[str, dict[str, Raw]] = {}
    for name, table in config.tables.items():
        source = config.sources[table.source]
        if isinstance(source, Files):
            digests = {one["path"]: one for one in tables[name] if "sha256" in one}
            for file in find(source, name, table).files:
                one = digests[recorded(source, file)]
                raw = Raw(file, one["size"], one["sha256"])
                found.setdefault(table.source, {})[recorded(source, file)] = raw
    return found


def check(settings: Settings, config: Sources, tables: Mapping[str, Any]) -> bool:
    """Refuse raw files that are not those of this environment's list, or are another one's.

    Returns
    -------
    bool
        Whether there are raw files and no list of them yet.

    Raises
    ------
    MlopsError
        With the hash that was recorded and the one that was found.
    """
    found = here(config, tables)
    known = listed(environment())
    own = {one["sha256"] for files in (known or {}).values() for one in files.values()}
    check_foreign(settings, found, own)
    if known is None:
        return bool(found)
    wrong = list(_differences(found, known))
    if wrong:
        more = f" (and {len(wrong) - 1:,} more)" if wrong[1:] else ""
        back = "put the recorded files back"
        if settings.restricted:
            back = "remove what is wrong, and the next run fetches what was recorded"
        raise MlopsError(
            f"{wrong[0]}{more}. If that is right, record it: `MLOPS_ENV={environment()} uv run "
            f"mlops data ingest --accept`; otherwise {back}."
        )
    return False


def _differences(found: dict[str, dict[str, Raw]], known: Listed) -> Iterator[str]:
    whose = f"of {environment()}"
    for source in sorted({*found, *known}):
        now, then = found.get(source, {}), known.get(source, {})
        for name in sorted({*now, *then}):
            if name not in then:
                came = now[name].sha256
                yield f"{name} is no raw file {whose} that was recorded (SHA-256 {came})"
            elif name not in now:
                was = then[name]["sha256"]
                yield f"{name} is a raw file {whose} and is not read here (recorded SHA-256 {was})"
            elif then[name].get(HALF_DONE):
                yield (
                    f"{name} was being rewritten when `{then[name][HALF_DONE]}` was stopped: "
                    f"repeat it "
                    f"(SHA-256 {now[name].sha256}, recorded {then[name]['sha256']})"
                )
            elif now[name].sha256 != then[name]["sha256"]:
                yield (
                    f"{name} is not the raw file {whose} that was recorded: its SHA-256 is "
                    f"{now[name].sha256}, recorded was {then[name]['sha256']}"
                )


def check_foreign(
    settings: Settings, found: dict[str, dict[str, Raw]], own: Iterable[str] = ()
) -> None:
    """Refuse a file that another environment lists as its raw data.

    Raises
    ------
    MlopsError
        With its hash.
    """
    for name in apart.others(settings):
        known = listed(name) or {}
        theirs = {one["sha256"] for files in known.values() for one in files.values()}
        for files in found.values():
            for path, one in files.items():
                if one.sha256 in theirs and one.sha256 not in own:
                    raise MlopsError(
                        f"{path} is raw data of {name} (SHA-256 {one.sha256} in "
                        f"{raw_list(name).as_posix()}), and this is {environment()}, where it "
                        f"must not come: take it away, or say shares_with: [{name}] in "
                        f"conf/{environment()}.yaml if it may."
                    )


def check_name(path: str) -> None:
    """Refuse a name that tells something about a person: the list is committed.

    Raises
    ------
    MlopsError
        As said, without the name.
    """
    said = path
    for room in rooms():
        said = room.redact(said)
    if said != path:
        raise MlopsError(
            f"A raw file's name goes into git with the list, and this one says something about a "
            f"person: {said}. Give the file another name."
        )


def tell_unlisted() -> None:
    """Say that raw files are not recorded: told when they change, and never refused."""
    name = environment()
    progress(
        "data",
        f"the raw files of {name} are not recorded, so that a change of them is not seen: "
        f"`MLOPS_ENV={name} uv run mlops data ingest --accept` records their hashes",
    )


def committed() -> None:
    """Say how the list of raw files comes into git, if there is one."""
    if (written := raw_list(environment())).is_file():
        print(f"next       git add {written.as_posix()} && git commit: hashes, no data")


def write_list(found: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> None:
    """Write this environment's list, by source and name; the same files are the same text."""
    content = {
        source: [dict(files[path]) for path in sorted(files)]
        for source, files in sorted(found.items())
    }
    write_json(raw_list(environment()), {"schema": SCHEMA, "sources": content})
