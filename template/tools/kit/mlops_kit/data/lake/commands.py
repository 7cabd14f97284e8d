"""The command of the lake: `mlops data catalog`."""

from pathlib import Path
from typing import Annotated

import typer


def catalog(
    duckdb: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Write views of them into a DuckDB file outside of this folder."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the catalogue.")] = False,
) -> None:
    """List the tables of the open zone in data/open/catalog.json."""
    import json

    from mlops_kit.data.lake.catalog import FILE, written

    made = written(duckdb)
    if as_json:
        print(json.dumps(made, indent=2, ensure_ascii=False))
        return
    for table in made["tables"]:
        print(f"{table['name']:<14} {table['rows']:>12,} rows  {table['file']}")
    files = " and ".join(file.as_posix() for file in (FILE, duckdb) if file is not None)
    print(f"wrote {files}, version {made['version']}")
