"""`reports/data/manifest.parquet`: every file of the sources of files, what it is and how it is.

It names broken, empty, wrongly named and unread files, and none of what is in them: of tags and of
what a file says about people it has the names alone.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_kit.core.files import written_beside
from mlops_kit.core.settings import environment
from mlops_kit.core.words import counted
from mlops_kit.data.media.place import Item
from mlops_kit.room import rooms

if TYPE_CHECKING:
    import pyarrow

MANIFEST = Path("reports/data/manifest.parquet")
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
        for row in rows.values():
            row["path"] = _without_names(row["path"])
        mine = [rows[path] for path in sorted(rows)]
        _write([*self.others, *mine])
        yield from _said(mine)


def _said(rows: list[dict[str, Any]]) -> Iterator[str]:
    mine = [row for row in rows if row["kind"] is not None]
    bad = [row for row in mine if row["state"] != "ok"]
    if bad:
        states = Counter(row["state"] for row in bad).most_common()
        kinds = ", ".join(f"{count:,} {state}" for state, count in states[:MOST_NAMED])
        yield (
            f"{counted(len(mine), 'file')}, of which {len(bad):,} cannot be used: {kinds}; "
            f"{MANIFEST.as_posix()} names each ({_named(bad)})"
        )
    if misnamed := [row for row in mine if row["misnamed"]]:
        yield f"named as another type than they are: {_named(misnamed, 'type')}"
    if others := [row for row in rows if row["kind"] is None]:
        yield f"not read: {_named(others, 'type')}"
    if placed := sum(bool(row["gps"]) for row in mine):
        yield f"{counted(placed, 'file')} with the place where it was made (GPS)"
    if personal := sum(bool(row["personal"]) for row in mine):
        yield f"{counted(personal, 'file')} with tags that may say whose it is"


def _named(rows: list[dict[str, Any]], also: str | None = None) -> str:
    names = [row["path"] + (f" ({row[also]})" if also else "") for row in rows[:MOST_NAMED]]
    more = f" and {len(rows) - MOST_NAMED:,} more" if len(rows) > MOST_NAMED else ""
    return ", ".join(names) + more


def _without_names(path: str) -> str:
    for room in rooms():
        path = room.redact(path)
    return path


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
        table = pyarrow.parquet.read_table(MANIFEST)
    except (pyarrow.ArrowException, OSError):
        return [], []
    if not table.schema.equals(schema, check_metadata=True):
        return [], []
    mine, others = [], []
    for row in table.to_pylist():
        (mine if {name: row[name] for name in whose} == whose else others).append(row)
    return others, mine


def _write(rows: list[dict[str, Any]]) -> None:
    import pyarrow
    import pyarrow.parquet

    rows.sort(key=lambda row: (row["source"], row["table"]))
    with written_beside(MANIFEST) as beside:
        table = pyarrow.Table.from_pylist(rows, _schema())
        pyarrow.parquet.write_table(table, beside, compression="zstd")
