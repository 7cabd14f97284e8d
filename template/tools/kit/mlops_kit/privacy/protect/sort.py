"""Sorting tables that need not fit into memory.

Tokens are spread evenly, so that their first digits deal the rows into parts of one size, which
are sorted one after the other. What is not even is sorted by DuckDB, on disk.
"""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_kit.core.sql import quoted
from mlops_kit.core.utc import connect
from mlops_kit.data.parquet import Growing
from mlops_kit.data.types import in_microseconds

if TYPE_CHECKING:
    import polars

MEMORY = "192MB"  # of DuckDB; more than that goes to files
PART = 131_072  # rows that are sorted in memory
BATCH = 65_536  # rows that are read at a time
TOO_LONG = 8 * PART  # a part of which one token has most rows
MOST_PARTS = 256
DIGITS = (9, 2)  # of a token: behind the key id


def write_sorted(
    frames: "Iterable[polars.DataFrame]",
    target: Path,
    order: Sequence[str],
    rows: int,
    by_token: bool,
) -> None:
    """Write a parquet file sorted by columns, nulls first; without columns, in its order.

    Parameters
    ----------
    rows : int
        About how many rows the frames hold together.
    by_token : bool
        Whether the first column of the order holds tokens.
    """
    import polars as pl

    if not order:
        _write(frames, target)
    elif rows <= PART:
        _write([_sorted(pl.concat(frames), order)], target)
    elif by_token:
        parts = _dealt(frames, target.parent, order[0], min(MOST_PARTS, -(-rows // PART)))
        _write(itertools.chain.from_iterable(_part(part, order) for part in parts), target)
    else:
        unsorted = target.with_suffix(".unsorted")
        _write(frames, unsorted)
        sort_on_disk(unsorted, target, order)
        unsorted.unlink()


def sort_on_disk(source: Path, target: Path, order: Sequence[str]) -> None:
    """Sort a parquet file of any size within little memory."""
    by = ", ".join(f"{quoted(column)} NULLS FIRST" for column in order)
    with connect(spill=source.parent / "spilled") as connection:
        connection.execute("SET enable_progress_bar = false")
        connection.execute(f"SET memory_limit = '{MEMORY}'")
        rows = connection.read_parquet(str(source))
        rows.order(by).write_parquet(str(target), compression="zstd")


def frames_of(file: Path, rows: int = BATCH) -> "Iterator[polars.DataFrame]":
    """Read a parquet file some rows at a time."""
    import polars as pl
    import pyarrow.parquet

    with pyarrow.parquet.ParquetFile(file, pre_buffer=False) as read:
        for batch in read.iter_batches(rows):
            yield pl.DataFrame(pl.from_arrow(batch))


def _write(frames: "Iterable[polars.DataFrame]", target: Path) -> None:
    import polars as pl

    with Growing(target) as file:
        for frame in frames:
            table = frame.to_arrow(compat_level=pl.CompatLevel.oldest())
            file.add(table.cast(in_microseconds(table.schema)))


def _sorted(frame: "polars.DataFrame", order: Sequence[str]) -> "polars.DataFrame":
    keys = [column for column in order if not frame.schema[column].is_nested()]
    return frame.sort(keys, nulls_last=False, maintain_order=True)


def _dealt(
    frames: "Iterable[polars.DataFrame]", folder: Path, column: str, parts: int
) -> list[Path]:
    """Deal rows into files by the first digits of a token, in their order; null comes first."""
    import polars as pl
    import pyarrow

    files = [folder / f"part{number:03d}.arrow" for number in range(parts)]
    writers: dict[int, pyarrow.ipc.RecordBatchStreamWriter] = {}
    packed = pyarrow.ipc.IpcWriteOptions(compression="lz4")
    digits = pl.col(column).str.slice(*DIGITS).str.to_integer(base=16).fill_null(0)
    number = (digits * parts // 256).alias("part")
    try:
        for frame in frames:
            groups = frame.group_by(number, maintain_order=True)
            for (at,), group in groups:
                place = int(at)  # type: ignore[arg-type]
                table = group.select(frame.columns).to_arrow(compat_level=pl.CompatLevel.oldest())
                if place not in writers:
                    writers[place] = pyarrow.ipc.new_stream(
                        str(files[place]), table.schema, options=packed
                    )
                writers[place].write_table(table)
    finally:
        for writer in writers.values():
            writer.close()
    return [files[place] for place in sorted(writers)]


def _part(file: Path, order: Sequence[str]) -> "Iterator[polars.DataFrame]":
    import polars as pl
    import pyarrow

    def batches() -> "Iterator[polars.DataFrame]":
        with pyarrow.ipc.open_stream(str(file)) as stream:
            for batch in stream:
                yield pl.DataFrame(pl.from_arrow(batch))

    with pyarrow.ipc.open_stream(str(file)) as stream:
        rows = sum(batch.num_rows for batch in stream)
    if rows <= TOO_LONG:
        yield _sorted(pl.concat(batches()), order)
    else:
        together, ordered = file.with_suffix(".together"), file.with_suffix(".ordered")
        _write(batches(), together)
        sort_on_disk(together, ordered, order)
        yield from frames_of(ordered, PART)
        together.unlink()
        ordered.unlink()
    file.unlink()
