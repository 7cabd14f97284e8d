"""What a scoring leaves: the scores, which rows were set aside, and a record, each whole."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_kit.core.files import sha256_of, write_json, written_beside
from mlops_kit.core.utc import connect
from mlops_kit.data.parquet import Growing

if TYPE_CHECKING:
    import polars
    import pyarrow

ENDINGS = (".parquet", ".csv")
WITHOUT = "features() of features.py gives it no row"
OWN = ("place", "row")


def record_of(target: Path) -> Path:
    """Name the record beside an output."""
    return target.with_name(f"{target.stem}.predict.json")


def aside_of(target: Path) -> Path:
    """Name the list of rows that were set aside, beside an output."""
    return target.with_name(f"{target.stem}.aside.csv")


def all_aside(asked: Path, aside: Path, parts: list[Path], target: Path) -> Path:
    """Write the rows that were set aside before, and those that got no score."""
    with connect() as connection:
        for name, files in (("asked", [asked]), ("away", [aside]), ("scored", parts)):
            listed = [str(file) for file in files]
            connection.read_parquet(listed, union_by_name=True).create_view(name)
        connection.sql(
            f"SELECT row, file, reason FROM away UNION ALL "
            f"SELECT row, file, '{WITHOUT}' FROM asked ANTI JOIN scored USING (place) ORDER BY row"
        ).write_parquet(str(target))
    return target


def reasons_of(aside: Path) -> dict[str, int]:
    """Count the rows that were set aside by reason, most often first."""
    with connect() as connection:
        rows = connection.read_parquet(str(aside))
        counted = rows.aggregate("reason, count(*) AS n").order("n DESC, reason").fetchall()
    return dict(counted)


def write(parts: list[Path], aside: Path, target: Path, record: dict[str, Any]) -> dict[str, Any]:
    """Write all of it, the scores last; return the record with the digest of the scores."""
    with written_beside(target) as beside:
        (_write_csv if target.suffix == ".csv" else write_tables)(_scores(parts), beside)
        if record["set_aside"]:
            with written_beside(aside_of(target)) as listed, connect() as connection:
                connection.read_parquet(str(aside)).write_csv(str(listed))
        else:
            aside_of(target).unlink(missing_ok=True)
        record = {**record, "output": {"file": target.name, "sha256": sha256_of(beside)}}
        write_json(record_of(target), record)
    return record


def tables_of(parts: list[Path]) -> "Iterator[pyarrow.Table]":
    """Give the rows of parquet files, some at a time."""
    import pyarrow as pa
    import pyarrow.parquet

    for part in parts:
        # Buffered before, the whole file would be in memory.
        with pyarrow.parquet.ParquetFile(part, pre_buffer=False) as file:
            for batch in file.iter_batches():
                yield pa.Table.from_batches([batch])


def write_tables(tables: "Iterable[pyarrow.Table]", target: Path) -> int:
    """Write tables of one form, at least one, one below the other; return how many rows."""
    with Growing(target) as file:
        for table in tables:
            file.add(table)
    return file.rows


def _scores(parts: list[Path]) -> "Iterator[pyarrow.Table]":
    for table in tables_of(parts):
        yield table.drop_columns(list(OWN)).replace_schema_metadata(None)


def _write_csv(tables: "Iterable[pyarrow.Table]", target: Path) -> None:
    import polars as pl

    with target.open("wb") as stream:
        for number, table in enumerate(tables):
            frame = pl.DataFrame(pl.from_arrow(table))
            lists = [_as_json(frame[name]) for name in frame.columns if _is_list(frame[name])]
            frame.with_columns(lists).write_csv(stream, include_header=number == 0)


def _is_list(values: "polars.Series") -> bool:
    import polars as pl

    return isinstance(values.dtype, pl.List | pl.Array)


def _as_json(values: "polars.Series") -> "polars.Series":
    """Write lists as JSON, which csv has no way for."""
    import polars as pl

    return pl.Series(values.name, [json.dumps(list(one)) for one in values], dtype=pl.String)
