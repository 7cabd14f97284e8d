"""Commands of the data room: `mlops data ...` and `mlops sources ...`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mlops_kit.core.errors import NEGATIVE, OK, MlopsError
from mlops_kit.core.files import progress
from mlops_kit.room import Finding, Room, rooms

if TYPE_CHECKING:
    from collections.abc import Iterator


def ingest(
    tables: Annotated[Path, typer.Option(help="Folder of the tables that keep their contract.")],
    quarantine: Annotated[Path, typer.Option(help="Folder of the rows that break it.")],
) -> None:
    """Stage: read the sources, set broken rows aside."""
    from mlops_kit.core.settings import load_settings
    from mlops_kit.data.ingest import ingest

    for line in ingest(load_settings(), tables, quarantine).splitlines():
        progress("data", line)


def test() -> None:
    """Read and check every source as the pipeline does, and keep nothing.

    Exit codes: 0 every row keeps its contract, 1 some do not.
    """
    from mlops_kit.data.config import load_sources
    from mlops_kit.data.reading import store

    config = load_sources()
    leave_out = [room.before_ingest(config) for room in rooms()]
    scratch = next((room.raw_zone for room in rooms() if room.raw_zone), Path("data"))
    broken_rows = 0
    for name in config.tables:
        reading = store(config, name, leave_out, scratch)
        broken_rows += reading.broken
        print(f"{name:<12} {reading.good:,} good, {reading.broken:,} broken")
        for line in reading.said():
            print(f"  {line}")
    raise typer.Exit(NEGATIVE if broken_rows else OK)


def examine() -> "Iterator[Finding]":
    """Look whether the files of each table are there; nothing is read of them."""
    from mlops_kit.data.config import Files, load_sources
    from mlops_kit.data.sources.files import find

    try:
        config = load_sources()
    except MlopsError:  # told among the settings
        return
    for name, table in config.tables.items():
        source = config.sources[table.source]
        if not isinstance(source, Files):
            continue
        try:
            found = find(source, name, table).files
        except MlopsError as error:
            yield Finding("data", "problem", str(error), "then: uv run mlops sources test")
        else:
            many = f" and {len(found) - 1:,} more" if len(found) > 1 else ""
            yield Finding("data", "ok", f"{name}: {found[0].as_posix()}{many}")


ROOM = Room(
    examine=examine,
    commands={"data ingest": ingest, "sources test": test},
    groups={
        "data": "Read, check and prepare data.",
        "sources": "The places where data comes from.",
    },
)
