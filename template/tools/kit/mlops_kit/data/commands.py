"""Commands of the data room: `mlops data ...` and `mlops sources ...`."""

from pathlib import Path
from typing import Annotated

import typer

from mlops_kit.core.errors import NEGATIVE, OK
from mlops_kit.core.files import progress
from mlops_kit.room import Room, rooms


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
    restricted = Path("data/restricted")  # raw identifiers, for as long as this takes
    scratch = restricted if Path("conf/privacy.yaml").is_file() else Path("data")
    broken_rows = 0
    for name in config.tables:
        reading = store(config, name, leave_out, scratch)
        broken_rows += reading.broken
        print(f"{name:<12} {reading.good:,} good, {reading.broken:,} broken")
        for line in reading.said():
            print(f"  {line}")
    raise typer.Exit(NEGATIVE if broken_rows else OK)


ROOM = Room(
    commands={"data ingest": ingest, "sources test": test},
    groups={
        "data": "Read, check and prepare data.",
        "sources": "The places where data comes from.",
    },
)
