"""The command of the lake: `mlops data catalog`."""

from typing import Annotated

import typer


def catalog(
    as_json: Annotated[bool, typer.Option("--json", help="Print the catalogue.")] = False,
) -> None:
    """List the tables of the open zone in data/open/catalog.json, and as views of a DuckDB file."""
    import json

    from mlops_kit.data.lake.catalog import DATABASE, FILE, written

    made = written()
    if as_json:
        print(json.dumps(made, indent=2, ensure_ascii=False))
        return
    for table in made["tables"]:
        print(f"{table['name']:<14} {table['rows']:>12,} rows  {table['file']}")
    print(f"wrote {FILE.as_posix()} and {DATABASE.as_posix()}, version {made['version']}")
