"""A reservoir: a simple random sample of a file in one pass, with memory for the sample alone."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_kit.core.errors import MlopsError
from mlops_kit.core.sql import literal
from mlops_kit.core.utc import connect

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

READERS = {
    ".parquet": "read_parquet({})",
    ".csv": "read_csv({}, all_varchar = true)",
    ".jsonl": "read_json({}, format = 'newline_delimited')",
    ".ndjson": "read_json({}, format = 'newline_delimited')",
}
BATCH = 100_000


def reservoir(file: Path, size: int, seed: int) -> "tuple[pa.Table, int]":
    """Read a file once and keep `size` of its rows, each set of them as likely as another.

    Each row gets a number of its own; those with the smallest are kept (bottom-k, which is what
    Vitter's reservoir comes to when its draws are made beforehand). Values of csv stay texts.

    Parameters
    ----------
    file : Path
        A csv, parquet or JSON-lines file; `.gz` too.
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
        When the file is not there or cannot be read.
    """
    import duckdb

    endings = [ending.lower() for ending in file.suffixes if ending.lower() not in {".gz", ".zst"}]
    reader = READERS.get(endings[-1] if endings else "")
    if reader is None or not file.is_file():
        raise MlopsError(
            f"samples: {file.as_posix()} is no csv, parquet or JSON-lines file that is there."
        )
    with connect() as connection:
        try:
            source = f"SELECT * FROM {reader.format(literal(file.as_posix()))}"
            return _kept(connection.sql(source), size, seed)
        except duckdb.Error as error:
            said = str(error).splitlines()[0]
            raise MlopsError(f"samples: {file.as_posix()} cannot be read: {said}") from error


def _kept(found: "duckdb.DuckDBPyRelation", size: int, seed: int) -> "tuple[pa.Table, int]":
    """Go through the batches; a batch brings only rows whose numbers are small enough."""
    import numpy as np
    import pyarrow as pa

    batches: Any = found.to_arrow_reader(BATCH)
    random = np.random.Generator(np.random.PCG64(seed))
    numbers, kept, seen = np.empty(0), batches.schema.empty_table(), 0
    for batch in batches:
        drawn = random.random(batch.num_rows)
        seen += batch.num_rows
        limit = np.inf if numbers.size < size else numbers.max()
        (small,) = np.nonzero(drawn < limit)
        if not small.size:
            continue
        numbers = np.concatenate([numbers, drawn[small]])
        kept = pa.concat_tables([kept, pa.Table.from_batches([batch]).take(pa.array(small))])
        if numbers.size > size:
            best = np.sort(np.argpartition(numbers, size - 1)[:size])
            numbers, kept = numbers[best], kept.take(pa.array(best))
    return kept.combine_chunks(), seen
