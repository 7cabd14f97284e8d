"""A landed table: one parquet file that says itself how far it was read."""

import contextlib
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mlops_kit.core.errors import MlopsError
from mlops_kit.core.files import written_beside
from mlops_kit.core.sql import literal, quoted
from mlops_kit.core.utc import connect
from mlops_kit.data.config import Sources, Table
from mlops_kit.data.parquet import Growing
from mlops_kit.data.sources.base import LANDING, Landed
from mlops_kit.room import LeaveOut

if TYPE_CHECKING:
    import polars
    import pyarrow

SAYS = b"mlops_landed"
# Keys that are compared at once.
AT_ONCE = 2_000_000


class Said(NamedTuple):
    """What a snapshot says of itself.

    Attributes
    ----------
    asked : str
        Digest of what its source was asked for.
    cursor : str or None
        The highest cursor of its rows, as text.
    limit : int or None
        How many rows were asked for, where it was not all.
    """

    asked: str
    cursor: str | None
    limit: int | None


def said(file: Path) -> Said | None:
    """Return what a snapshot says of itself; None where there is none.

    Raises
    ------
    MlopsError
        When it is damaged.
    """
    import pyarrow
    import pyarrow.parquet

    if not file.is_file():
        return None
    try:
        found = (pyarrow.parquet.read_metadata(file).metadata or {})[SAYS]
        return Said(**json.loads(found))
    except (pyarrow.ArrowException, OSError, KeyError, ValueError, TypeError) as error:
        raise MlopsError(
            f"{file.as_posix()} is no snapshot that `mlops data ingest` landed, or is damaged: "
            "remove it, and the same command reads the table again."
        ) from error


def asked_of(source: Landed, table: Table) -> str:
    """Return the digest of what a source is asked for a table now."""
    return hashlib.sha256(json.dumps(source.asked(table)).encode()).hexdigest()[:16]


def stale(config: Sources) -> Iterator[str]:
    """Say of each snapshot that was landed by other settings than there are now."""
    for name, table in config.tables.items():
        source = config.sources[table.source]
        if not isinstance(source, Landed) or (known := said(source.place(name, table))) is None:
            continue
        with contextlib.suppress(MlopsError):  # no address here: whoever lands it is told
            if known.asked != asked_of(source, table):
                yield (
                    f"{name}: landed by other settings than conf/sources.yaml has now: `uv run "
                    "mlops data ingest` reads it by these"
                )


def read_to(file: Path) -> dict[str, str | int]:
    """Return up to which cursor a snapshot was read, and how many rows were asked for, if told."""
    found = said(file)
    told = {} if found is None else {"cursor": found.cursor, "limit": found.limit}
    return {name: value for name, value in told.items() if value is not None}


def parts_of(config: Sources) -> Iterator[tuple[str, Path]]:
    """Return what lies here of reads that broke off, or are at work, by the name of the table."""
    for name, table in config.tables.items():
        source = config.sources[table.source]
        if isinstance(source, Landed):
            folder = source.place(name, table).with_name(f"{name}{LANDING}")
            yield from ((name, file) for file in sorted(folder.rglob("*.parquet")))


def schema_of(file: Path) -> "pyarrow.Schema":
    """Return the columns of a snapshot, without what it says of itself."""
    import pyarrow.parquet

    return pyarrow.parquet.read_schema(file).remove_metadata()


def rows_of(file: Path) -> int:
    """Return how many rows a file has."""
    import pyarrow.parquet

    return pyarrow.parquet.read_metadata(file).num_rows


def batches_of(files: Iterable[Path]) -> "Iterator[pyarrow.RecordBatch]":
    """Read files of the same columns, some rows at a time."""
    import pyarrow.parquet

    for file in files:
        with pyarrow.parquet.ParquetFile(file, pre_buffer=False) as opened:
            yield from opened.iter_batches(131_072)


def write(
    place: Path,
    schema: "pyarrow.Schema",
    batches: "Iterable[pyarrow.RecordBatch]",
    says: Callable[[], Said] | None = None,
    check: Callable[[Path], None] | None = None,
) -> int:
    """Write rows to a file, whole or not at all; return how many.

    Parameters
    ----------
    says : callable, optional
        Gives what the file says of itself, when all rows are written; a part says nothing.
    check : callable, optional
        Looks at the file before it takes the place of the one of before.
    """
    packed = "lz4" if says is None else "zstd"  # parts are read once
    with written_beside(place) as beside:
        with Growing(beside, schema, packed) as file:
            for batch in batches:
                file.add(batch)
            if says is not None:
                file.says({SAYS: json.dumps(says()._asdict())})
        if check is not None:
            check(beside)
    return file.rows


def keys_of(files: Iterable[Path], key: Sequence[str]) -> "polars.DataFrame":
    """Return the keys of all rows of some files."""
    import polars as pl

    return pl.read_parquet(list(files), columns=list(key)).select(key)


def without(
    batches: "Iterable[pyarrow.RecordBatch]", keys: "polars.DataFrame"
) -> "Iterator[pyarrow.RecordBatch]":
    """Leave out the rows whose key is among some keys."""
    yield from _told_apart(batches, keys, "anti")


def only(
    batches: "Iterable[pyarrow.RecordBatch]", keys: "polars.DataFrame"
) -> "Iterator[pyarrow.RecordBatch]":
    """Leave out the rows whose key is not among some keys."""
    yield from _told_apart(batches, keys, "semi")


def _told_apart(
    batches: "Iterable[pyarrow.RecordBatch]", keys: "polars.DataFrame", how: Any
) -> "Iterator[pyarrow.RecordBatch]":
    import polars as pl

    for batch in batches:
        # Only row numbers go through the join, so that no column changes its type.
        asked = pl.DataFrame(pl.from_arrow(batch.select(keys.columns)))
        rows = asked.with_row_index("").join(keys, on=keys.columns, how=how, maintain_order="left")[
            ""
        ]
        yield batch.take(rows.to_arrow())


def left_in(
    batch: "pyarrow.RecordBatch", table: str, leave_out: Sequence[LeaveOut]
) -> "pyarrow.RecordBatch":
    """Leave out of a batch what must not come in, such as people who were erased."""
    import polars as pl

    rows = pl.DataFrame(pl.from_arrow(batch)).with_row_index("")
    for leave in leave_out:
        rows = leave(table, rows)
    return batch if len(rows) == len(batch) else batch.take(rows[""].to_arrow())


def same(files: Sequence[Path], others: Sequence[Path], key: Sequence[str]) -> bool:
    """Whether the rows of some files stand in others already, just as they are."""
    import pyarrow

    keys = keys_of(files, key)
    ours = pyarrow.Table.from_batches(batches_of(files))
    theirs = pyarrow.Table.from_batches(only(batches_of(others), keys), schema=ours.schema)
    if len(ours) != len(theirs):
        return False
    order = [(one, "ascending") for one in key]
    return bool(ours.sort_by(order).equals(theirs.sort_by(order)))


def repeated(files: Sequence[Path], key: Sequence[str], spill: Path) -> int:
    """Return how many keys stand more than once in some files.

    Parameters
    ----------
    spill : Path
        Folder for what does not fit in memory; it is removed at the end.
    """
    names = ", ".join(map(quoted, key))
    read = ", ".join(literal(file.as_posix()) for file in files)
    with connect(threads=None, spill=spill) as connection:
        connection.execute(f"CREATE VIEW rows AS SELECT {names} FROM read_parquet([{read}])")
        (count,) = connection.execute("SELECT count(*) FROM rows").fetchone() or (0,)
        parts = count // AT_ONCE + 1
        found = 0
        for part in range(parts):
            (twice,) = connection.execute(
                f"SELECT count(*) FROM (SELECT 1 FROM rows WHERE hash({names}) % {parts} = {part} "
                f"GROUP BY {names} HAVING count(*) > 1)"
            ).fetchone() or (0,)
            found += twice
    return found
