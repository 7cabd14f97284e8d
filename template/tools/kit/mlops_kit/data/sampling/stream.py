"""A reservoir: a simple random sample of a file in one pass, with memory for the sample alone."""

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_kit.core.errors import MlopsError
from mlops_kit.core.sql import literal
from mlops_kit.core.utc import connect
from mlops_kit.data import delimited
from mlops_kit.data.config import Column, Table
from mlops_kit.data.dialect import Dialect
from mlops_kit.data.opened import byte_lines, open_utf8
from mlops_kit.data.sources import documents
from mlops_kit.data.sources.files import NAMED, format_of

if TYPE_CHECKING:
    import pyarrow as pa

READERS = {
    "parquet": "read_parquet({})",
    # Kinds and names of all lines: those of later ones would be refused or left out otherwise.
    "jsonl": "read_json({}, format = 'newline_delimited', sample_size = -1)",
}
BATCH = 100_000


def reservoir(file: Path, size: int, seed: int) -> "tuple[pa.Table, int]":
    """Go once through the rows and keep `size` of them, each set of them as likely as another.

    Each row gets a number of its own; those with the smallest are kept (bottom-k, which is what
    Vitter's reservoir comes to when its draws are made beforehand).

    Parameters
    ----------
    file : Path
        A csv, parquet, JSON or XML file; `.gz` too. The first line of csv names its columns, and
        values of csv and documents stay texts.
    size : int
        Rows to keep.
    seed : int
        Another number draws other rows.

    Returns
    -------
    pyarrow.Table, int
        The rows in the order of the file, (min(size, rows), columns), and how many it has.

    Raises
    ------
    MlopsError
        When the file is not there or cannot be read whole.
    """
    kind = format_of(file)
    if kind is None or not file.is_file():
        raise MlopsError(
            f"samples: {file.as_posix()} is no csv, parquet, JSON or XML file that is there."
        )
    if kind in READERS:
        return _kept(_typed(file, READERS[kind]), size, seed)
    return _kept(_csv(file) if kind == "csv" else _document(file, kind), size, seed)


def _csv(file: Path) -> "Iterator[pa.Table]":
    import polars as pl

    with open_utf8(file) as stream:
        lines = list(islice(byte_lines(stream), delimited.MOST_BEFORE))
    if not lines:
        raise MlopsError(f"samples: {file.as_posix()} is empty: its first line names the columns.")
    by, _ = delimited.delimiter_of("".join(lines))
    dialect = Dialect(by)
    above = 1 if delimited.stated(lines[0]) else 0
    names = delimited.header_at(lines, above, by, dialect).names
    found = delimited.layout(file, names, "is named there", dialect)
    for frame in delimited.batches(file, names, found, dialect):
        yield frame.to_arrow(compat_level=pl.CompatLevel.oldest())


def _document(file: Path, kind: str) -> "Iterator[pa.Table]":
    import polars as pl

    bare = Table(source="samples", columns={"any": Column(type="string")})
    found = documents.look([file], kind, bare)
    columns = {name: Column(type="string") for name in found.names}
    table = bare.model_copy(update={"columns": columns, "records": found.records})
    yield pl.DataFrame(schema=dict.fromkeys(found.names, pl.String)).to_arrow(
        compat_level=pl.CompatLevel.oldest()
    )
    for frame in NAMED[kind](file, table, "is named there"):
        yield frame.to_arrow(compat_level=pl.CompatLevel.oldest())


def _typed(file: Path, reader: str) -> "Iterator[pa.Table]":
    import duckdb
    import pyarrow as pa

    with connect() as connection:
        try:
            source = f"SELECT * FROM {reader.format(literal(file.as_posix()))}"
            batches = connection.sql(source).to_arrow_reader(BATCH)
            yield batches.schema.empty_table()
            for batch in batches:
                yield pa.Table.from_batches([batch])
        except (duckdb.Error, pa.ArrowException, OSError) as error:  # of a damaged part
            said = str(error).splitlines()[0]
            raise MlopsError(f"samples: {file.as_posix()} cannot be read: {said}") from error


def _kept(tables: "Iterable[pa.Table]", size: int, seed: int) -> "tuple[pa.Table, int]":
    """Go through the parts; each brings only rows whose numbers are small enough."""
    import numpy as np
    import pyarrow as pa

    random = np.random.Generator(np.random.PCG64(seed))
    parts = iter(tables)
    kept = next(parts)  # without a row: it says which columns there are
    numbers, seen = np.empty(0), 0
    for table in parts:
        drawn = random.random(table.num_rows)
        seen += table.num_rows
        limit = np.inf if numbers.size < size else numbers.max()
        (small,) = np.nonzero(drawn < limit)
        if not small.size:
            continue
        numbers = np.concatenate([numbers, drawn[small]])
        kept = pa.concat_tables([kept, table.take(pa.array(small))])
        if numbers.size > size:
            best = np.sort(np.argpartition(numbers, size - 1)[:size])
            numbers, kept = numbers[best], kept.take(pa.array(best))
    return kept.combine_chunks(), seen
