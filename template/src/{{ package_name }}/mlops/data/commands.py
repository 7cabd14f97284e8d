"""Commands of the data room: `mlops data ...` and `mlops sources ...`."""

from pathlib import Path
from typing import Annotated

import typer

from ..errors import NEGATIVE, OK
from ..files import progress

data = typer.Typer(help="Read, check and prepare data.")
sources = typer.Typer(help="The places where data comes from.")
GROUPS = {"data": data, "sources": sources}


@data.command()
def ingest(
    tables: Annotated[Path, typer.Option(help="Folder of the tables that keep their contract.")],
    quarantine: Annotated[Path, typer.Option(help="Folder of the rows that break it.")],
) -> None:
    """Stage: read the sources, set broken rows aside."""
    from ..settings import load_settings
    from .ingest import ingest

    progress("data", ingest(load_settings(), tables, quarantine))


@data.command()
def features() -> None:
    """Stage: run features.py and split the rows."""
    from ..dataset import build_features
    from ..settings import load_settings

    progress("features", build_features(load_settings()))


@sources.command()
def test() -> None:
    """Read and check every source, and write nothing."""
    from .contract import validate
    from .sources import load_sources, read_tables

    config = load_sources()
    broken_rows = 0
    for name, frame in read_tables(config).items():
        good, broken = validate(name, config.tables[name], frame)
        broken_rows += broken.height
        reason = f"; first: {broken['reason'][0]}" if broken.height else ""
        print(f"{name:<12} {good.height:,} good, {broken.height:,} broken{reason}")
    raise typer.Exit(NEGATIVE if broken_rows else OK)


@sources.callback()
def group() -> None:
    """The places where data comes from."""
