"""Commands of the data room: `mlops data ...` and `mlops sources ...`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mlops_kit.core.errors import NEGATIVE, OK
from mlops_kit.core.files import progress
from mlops_kit.room import Room

if TYPE_CHECKING:
    pass


def ingest(
    tables: Annotated[Path, typer.Option(help="Folder of the tables that keep their contract.")],
    quarantine: Annotated[Path, typer.Option(help="Folder of the rows that break it.")],
) -> None:
    """Stage: read the sources, set broken rows aside."""
    from mlops_kit.core.settings import load_settings
    from mlops_kit.data.ingest import ingest

    progress("data", ingest(load_settings(), tables, quarantine))


def test() -> None:
    """Read and check every source, and write nothing.

    Exit codes: 0 every row keeps its contract, 1 some do not.
    """
    from mlops_kit.data.contract import validate
    from mlops_kit.data.sources.files import load_sources, read_tables

    config = load_sources()
    broken_rows = 0
    for name, frame in read_tables(config).items():
        good, broken = validate(name, config.tables[name], frame)
        broken_rows += broken.height
        reason = f"; first: {broken['reason'][0]}" if broken.height else ""
        print(f"{name:<12} {good.height:,} good, {broken.height:,} broken{reason}")
    raise typer.Exit(NEGATIVE if broken_rows else OK)


ROOM = Room(
    commands={"data ingest": ingest, "sources test": test},
    groups={
        "data": "Read, check and prepare data.",
        "sources": "The places where data comes from.",
    },
)
