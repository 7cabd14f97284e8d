"""`mlops data ingest`: land each table of a source as a snapshot, whole or not at all.

Files of a bucket are brought as they are, see `storage/bringing.py`.

Without a cursor a table is read whole, each time. With one, only rows whose cursor is as high as
the highest known or higher, and those without a cursor, are read, and take the place of the rows
with their keys: twice the same read changes nothing. Rows that were deleted in the source are seen
only when it is read whole again.
"""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from mlops_kit.core.errors import MlopsError
from mlops_kit.core.files import held, progress
from mlops_kit.core.settings import Settings
from mlops_kit.core.words import counted
from mlops_kit.data.config import SOURCES_FILE, Sources, Table
from mlops_kit.data.contracts.drift import at_source
from mlops_kit.data.landing.table import How, Landing
from mlops_kit.data.sources.base import Broken, Landed
from mlops_kit.data.sources.fetched import Fetched
from mlops_kit.data.storage.bringing import bring
from mlops_kit.data.storage.keeping import listed_again
from mlops_kit.room import LeaveOut, rooms


def land(
    settings: Settings, config: Sources, only: str | None = None, how: How | None = None
) -> Iterator[str]:
    """Land every table of the sources that are landed, or of one of them; say of each what came.

    Where this environment has a list of its raw files, it is brought up to date: what is landed is
    meant to change.

    Raises
    ------
    MlopsError
        When a source refuses or breaks off for good: the snapshots of before stay as they were.
    """
    how = how or How()
    names = _chosen(config, only)
    leave_out = [room.before_ingest(config) for room in rooms()]
    for name in names:
        table = config.tables[name]
        source = config.sources[table.source]
        assert isinstance(source, Fetched | Landed)
        place = source.place(name, table)
        place.parent.mkdir(parents=True, exist_ok=True)
        busy = (
            f"Another `mlops data ingest` is reading {table.source}; wait until it is done, then "
            "run this again."
        )
        with held(place.parent / ".lock", busy):
            if isinstance(source, Fetched):
                yield _brought(config, source, name, how)
            else:
                yield _landed(source, name, table, how, leave_out)
    yield from listed_again(settings, config, names)


def _chosen(config: Sources, only: str | None) -> list[str]:
    landed = [name for name, one in config.sources.items() if isinstance(one, Fetched | Landed)]
    file = SOURCES_FILE.as_posix()
    if only is not None and only not in landed:
        known = f"those are {', '.join(landed)}" if landed else "there is none"
        raise MlopsError(f"--source {only}: no source of {file} that is landed; {known}.")
    names = [
        name
        for name, table in config.tables.items()
        if table.source in landed and only in (None, table.source)
    ]
    if not names:
        raise MlopsError(
            f"No table of {file} comes from a source that is landed: files and the sample are read "
            "by `uv run mlops run` itself."
        )
    return names


def _brought(config: Sources, source: Fetched, name: str, how: How) -> str:
    """Bring the files of one table."""
    if how.since is not None or how.limit is not None:
        asked = "--since" if how.since is not None else "--limit"
        raise MlopsError(
            f"{asked} is for rows, and {name} is read from whole files of "
            f"{config.tables[name].source}: leave it out, or name another --source."
        )

    def clean(file: Path) -> int:
        return sum(room.clean_file(config, name, file) for room in rooms())

    return bring(source, name, config.tables[name], clean, how.full)


def _landed(
    source: Landed, name: str, table: Table, how: How, leave_out: Sequence[LeaveOut]
) -> str:
    """Land one table, and try again where its source breaks off."""
    tries = 0
    while True:
        try:
            asked, told = at_source(source, name, table)
            with source.connected(name, asked) as connection:
                said = Landing(source, name, asked, how, connection, leave_out).land()
            return "\n".join([said, *(f"{name}: {one}" for one in told)])
        except Broken as error:
            tries += 1
            if tries > source.retries:
                raise MlopsError(
                    f"{str(error).rstrip('.')}; it was tried {counted(tries, 'time')}. The "
                    "snapshot of before is as it was; the same command goes on."
                ) from error
            wait = 2 ** (tries - 1)
            progress("data", f"{name}: {str(error).rstrip('.')}; again in {wait} s")
            time.sleep(wait)
