"""The open zone as a lake that others can read: a catalogue, and views in a DuckDB file if asked.

Only what has passed the gate lies there. Both say where things are and hold no value of any row.
The catalogue is written anew after each run, the last of all, and is old or new, never a part.
"""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_kit.core.errors import MlopsError
from mlops_kit.core.files import sha256_of, write_json, written_beside
from mlops_kit.core.programs import answer_of
from mlops_kit.core.settings import environment
from mlops_kit.core.sql import literal, quoted
from mlops_kit.core.utc import connect
from mlops_kit.core.zones import OPEN_ZONE

if TYPE_CHECKING:
    import pyarrow

FILE = OPEN_ZONE / "catalog.json"
# What the pipeline leaves beside the tables, and what it is.
MADE = {
    "features": "what the model learns from, a line a row that is predicted",
    "predictions": "what each system says of the rows that were held out",
}
# Readers of this version and newer open the file.
STORAGE = "v1.0.0"


def written(database: Path | None = None) -> dict[str, Any]:
    """Write the catalogue, and views of its tables; return the catalogue.

    Parameters
    ----------
    database : Path, optional
        A DuckDB file of views alone, anew, outside of this folder.

    Raises
    ------
    MlopsError
        When the open zone holds no table yet, one cannot be read, or the place is not outside.
    """
    if database is not None:
        _check_outside(database)
    tables = list(_tables())
    if not tables:
        raise MlopsError(
            f"{OPEN_ZONE.as_posix()} holds no table yet; run `uv run mlops run` first, or fetch "
            "what was made elsewhere: `uv run mlops data pull`."
        )
    digests = json.dumps([[one["name"], one["sha256"]] for one in tables])
    made = {
        "schema": 1,
        "version": hashlib.sha256(digests.encode()).hexdigest()[:16],
        "commit": answer_of("git", "rev-parse", "HEAD"),
        "environment": environment(),
        "tables": tables,
    }
    if database is not None:
        _write_views(database, {one["name"]: Path(one["file"]) for one in tables})
    write_json(FILE, made)
    return made


def _tables() -> Iterator[dict[str, Any]]:
    files = {file.stem: file for file in sorted((OPEN_ZONE / "tables").glob("*.parquet"))}
    files |= {name: OPEN_ZONE / f"{name}.parquet" for name in MADE}
    for name, file in files.items():
        if not file.is_file():
            continue
        schema, rows = _read(file)
        yield {
            "name": name,
            **({"about": MADE[name]} if name in MADE else {}),
            "file": file.as_posix(),
            "rows": rows,
            "bytes": file.stat().st_size,
            "sha256": sha256_of(file),
            "columns": [
                {"name": field.name, "type": str(field.type), "nullable": field.nullable}
                for field in schema
            ],
        }


def _read(file: Path) -> "tuple[pyarrow.Schema, int]":
    import pyarrow
    import pyarrow.parquet

    try:
        with pyarrow.parquet.ParquetFile(file, pre_buffer=False) as opened:
            return opened.schema_arrow.remove_metadata(), opened.metadata.num_rows
    except (pyarrow.ArrowException, OSError) as error:
        raise MlopsError(
            f"{file.as_posix()} cannot be read as parquet; `uv run mlops run` makes it again."
        ) from error


def _check_outside(database: Path) -> None:
    # Nothing that looks through this folder, before a commit say, sees inside a database.
    if database.resolve().is_relative_to(Path.cwd().resolve()):
        raise MlopsError(
            f"{database.as_posix()} lies in this folder, where no check could look into it: name a "
            "place outside."
        )


def _write_views(database: Path, files: dict[str, Path]) -> None:
    """Write a DuckDB file of views; they name files by their whole paths, as readers ask from
    anywhere on this machine.
    """
    with written_beside(database) as beside, connect() as connection:
        beside.unlink()  # DuckDB makes it
        place = literal(beside.as_posix())
        connection.execute(f"ATTACH {place} AS lake (STORAGE_VERSION '{STORAGE}')")
        for name, file in files.items():
            whole = literal(file.resolve().as_posix())
            connection.execute(
                f"CREATE VIEW lake.main.{quoted(name)} AS SELECT * FROM read_parquet({whole})"
            )
        connection.execute("DETACH lake")
