"""The manifest: every file of the sources of files, what it is and how it is, whether read or not.

Of tags and of what a file says about people it has the names alone. A name of a file may say whose
it is: where values as they came have a zone of their own the manifest lies there, and
`reports/data/manifest.parquet` has the same rows by hash and ending, without names.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from mlops_kit.core.files import written_beside
from mlops_kit.core.settings import environment
from mlops_kit.core.words import counted
from mlops_kit.data.media.place import Item
from mlops_kit.room import rooms

if TYPE_CHECKING:
    import pyarrow

REPORT = Path("reports/data/manifest.parquet")
OF = b"mlops_environment"
GONE = "gone: `mlops data ingest --full` takes its row out"
MOST_NAMED = 5
COLUMNS = {
    "source": "string",
    "table": "string",
    "path": "string",
    "sha256": "string",
    "bytes": "int64",
    "modified": "timestamp",
    "kind": "string",
    "type": "string",
    "misnamed": "bool",
    "state": "string",
    "width": "int64",
    "height": "int64",
    "frames": "int64",
    "pages": "int64",
    "seconds": "double",
    "codec": "string",
    "gps": "bool",
    "personal": "string",
    "tags": "string",
}


class Manifest:
    """What is known of the files of one table: of the last read, and of this one."""

    def __init__(self, source: str, table: str) -> None:
        self.whose = {"source": source, "table": table}
        self.others, mine = _read(self.whose)
        self.known = {row["path"]: row for row in mine}
        self.rows: dict[str, dict[str, Any]] = {}

    def knows(self, item: Item) -> bool:
        """Whether a file was looked at as it is now."""
        row = self.known.get(item.path)
        return row is not None and (row["bytes"], row["modified"]) == (item.size, item.modified)

    def add(self, row: dict[str, Any]) -> None:
        """Take up what was found of a file."""
        self.rows[row["path"]] = {name: row.get(name) for name in COLUMNS} | self.whose

    def write(self, there: list[str], full: bool) -> Iterator[str]:
        """Write the manifest, and say in a line each what a person should know.

        Parameters
        ----------
        there : list of str
            The paths of all files that are there now.
        full : bool
            Whether all of them were read, so that nothing is left of one that is gone.
        """
        rows, here = dict(self.rows), set(there)
        for path, row in ({} if full else self.known).items():
            if path not in rows:
                rows[path] = row if path in here else row | {"state": GONE}
        mine = [rows[path] for path in sorted(rows)]
        every = sorted([*self.others, *mine], key=lambda row: (row["source"], row["table"]))
        if (place := manifest()) != REPORT:
            _write(place, every)
            every = [
                row | {"path": f"*{PurePosixPath(row['path']).suffix}", "modified": None}
                for row in every
            ]
        _write(REPORT, every)
        yield from _said(mine)


def manifest() -> Path:
    """Return where the manifest is that names files."""
    zone = next((room.raw_zone for room in rooms() if room.raw_zone), None)
    return REPORT if zone is None else zone / "manifest.parquet"


def _said(every: list[dict[str, Any]]) -> Iterator[str]:
    mine = [row for row in every if row["kind"] is not None]
    bad = [row for row in mine if row["state"] != "ok"]
    if bad:
        states = Counter(row["state"] for row in bad).most_common()
        kinds = ", ".join(f"{count:,} {state}" for state, count in states[:MOST_NAMED])
        yield (
            f"{counted(len(mine), 'file')}, of which {len(bad):,} cannot be used: {kinds}; "
            f"{manifest().as_posix()} names each ({_named(bad)})"
        )
    if misnamed := [row for row in mine if row["misnamed"]]:
        yield f"named as another type than they are: {_named(misnamed, 'type')}"
    if others := [row for row in every if row["kind"] is None]:
        yield f"not read: {_named(others, 'type')}"
    if placed := sum(bool(row["gps"]) for row in mine):
        yield f"{counted(placed, 'file')} with the place where it was made (GPS)"
    if personal := sum(bool(row["personal"]) for row in mine):
        yield f"{counted(personal, 'file')} with tags that may say whose it is"


def _named(found: list[dict[str, Any]], also: str | None = None) -> str:
    names = [row["path"] + (f" ({row[also]})" if also else "") for row in found[:MOST_NAMED]]
    for room in rooms():
        names = [room.redact(name) for name in names]
    more = f" and {len(found) - MOST_NAMED:,} more" if len(found) > MOST_NAMED else ""
    return ", ".join(names) + more


def _schema() -> "pyarrow.Schema":
    import pyarrow as pa

    types = {
        "string": pa.string(),
        "int64": pa.int64(),
        "double": pa.float64(),
        "bool": pa.bool_(),
        "timestamp": pa.timestamp("us", "UTC"),
    }
    return pa.schema(
        [(name, types[kind]) for name, kind in COLUMNS.items()], metadata={OF: environment()}
    )


def _read(whose: dict[str, str]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the rows of other tables and those of one; none of another environment's manifest."""
    import pyarrow
    import pyarrow.parquet

    schema = _schema()
    try:
        table = pyarrow.parquet.read_table(manifest())
    except (pyarrow.ArrowException, OSError):
        return [], []
    if not table.schema.equals(schema, check_metadata=True):
        return [], []
    mine, others = [], []
    for row in table.to_pylist():
        (mine if {name: row[name] for name in whose} == whose else others).append(row)
    return others, mine


def _write(place: Path, rows: list[dict[str, Any]]) -> None:
    import pyarrow
    import pyarrow.parquet

    with written_beside(place) as beside:
        table = pyarrow.Table.from_pylist(rows, _schema())
        pyarrow.parquet.write_table(table, beside, compression="zstd")
