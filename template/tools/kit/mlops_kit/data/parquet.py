"""Parquet files that are written some rows at a time."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow
    import pyarrow.parquet


class Growing:
    """A parquet file that grows by rows of one schema; `rows` counts them.

    Values that repeat are kept by a dictionary, as the first rows show. One of values that hardly
    repeat only costs: three times the CPU and twice the space for five columns of a database
    (benchmarks/README.md, ingest.py).

    Parameters
    ----------
    path : Path
    schema : pyarrow.Schema, optional
        Of every row; else the first that is added gives it, if only by a table without rows.
    compression : str
    """

    def __init__(
        self, path: Path, schema: "pyarrow.Schema | None" = None, compression: str = "zstd"
    ) -> None:
        self.rows = 0
        self._path, self._schema, self._compression = path, schema, compression
        self._writer: pyarrow.parquet.ParquetWriter | None = None

    def __enter__(self) -> "Growing":
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None and self._schema is not None:
            self._opened(None)  # a file without rows has its columns, too
        if self._writer is not None:
            self._writer.close()

    def add(self, rows: "pyarrow.Table | pyarrow.RecordBatch") -> None:
        """Append rows."""
        if self._schema is None:
            self._schema = rows.schema
        if rows.num_rows:
            self._opened(rows).write(rows)
            self.rows += rows.num_rows

    def says(self, of_itself: "dict[bytes, str] | dict[bytes, bytes]") -> None:
        """Note what the file says of itself, beside its rows."""
        self._opened(None).add_key_value_metadata(of_itself)

    def _opened(
        self, first: "pyarrow.Table | pyarrow.RecordBatch | None"
    ) -> "pyarrow.parquet.ParquetWriter":
        import pyarrow.parquet

        if self._writer is None:
            self._writer = pyarrow.parquet.ParquetWriter(
                self._path,
                self._schema,
                compression=self._compression,
                use_dictionary=True if first is None else repeating(first),
            )
        return self._writer


def repeating(rows: "pyarrow.Table | pyarrow.RecordBatch") -> list[str]:
    """Name the columns whose values stand there twice or more on average; none that is nested."""
    import pyarrow
    import pyarrow.compute

    def repeats(column: "pyarrow.ChunkedArray | pyarrow.Array") -> bool:
        if pyarrow.types.is_dictionary(column.type):
            return True
        try:
            distinct = pyarrow.compute.count_distinct(column, mode="all").as_py()
        except pyarrow.ArrowNotImplementedError:
            return False
        return 2 * distinct <= len(column)

    columns = zip(rows.schema.names, rows.columns, strict=True)
    return [name for name, column in columns if repeats(column)]
