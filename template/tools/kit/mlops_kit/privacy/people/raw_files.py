"""Removing rows from csv, JSON lines and parquet; of the first two no other byte changes."""

import csv
import functools
import io
import itertools
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_kit.core.errors import MlopsError
from mlops_kit.data.delimited import Layout, layout

if TYPE_CHECKING:
    import polars

BATCH = 50_000
Mark = Callable[["polars.DataFrame"], "polars.Series"]


def remove_rows(file: Path, columns: list[str], mark: Mark, dry_run: bool) -> int:
    """Rewrite a csv, JSON-lines or parquet file without the rows that `mark` marks.

    Parameters
    ----------
    columns : list of str
        What `mark` looks at; csv and JSON lines give text.
    dry_run : bool
        Only count.

    Returns
    -------
    int
        How many rows are, or would be, removed. A file without any is not touched.
    """
    if file.suffix == ".csv":
        remove = functools.partial(_from_csv, layout(file, columns))
    else:
        remove = _from_parquet if file.suffix == ".parquet" else _from_lines
    removed = remove(file, columns, mark, None)
    if removed == 0 or dry_run:
        return removed
    # Through a link to the file itself: a new file in place of the link would leave the rows.
    target = file.resolve()
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent)
    os.close(handle)
    beside = Path(name)
    try:
        written = remove(file, columns, mark, beside)
        left = remove(beside, columns, mark, None)
        if written != removed or left:
            raise MlopsError(
                f"{file.as_posix()} changed while it was read, and stays as it is; "
                "run this again when nobody writes to it."
            )
        shutil.copymode(target, beside)
        os.replace(beside, target)
    finally:
        beside.unlink(missing_ok=True)
    return removed


def _from_csv(
    found: Layout,
    file: Path,
    columns: list[str],
    mark: Mark,
    out: Path | None,
) -> int:
    csv.field_size_limit(sys.maxsize)
    with file.open("rb") as stream:
        head = stream.read(found.start).decode("utf-8")
        lines = io.TextIOWrapper(stream, encoding="utf-8", newline="")
        raw: list[str] = []

        def heard() -> Iterator[str]:
            for line in lines:
                raw.append(line)
                yield line

        reader = csv.reader(heard(), delimiter=found.delimiter)
        places = [found.names.index(name) for name in columns]

        def records() -> Iterator[tuple[str, list[str | None]]]:
            for record in reader:
                yield (
                    "".join(raw),
                    [record[at] if at < len(record) else None for at in places],
                )
                raw.clear()

        return _kept(records(), columns, mark, out, head)


def _from_lines(file: Path, columns: list[str], mark: Mark, out: Path | None) -> int:
    with file.open(encoding="utf-8", newline="") as lines:

        def records() -> Iterator[tuple[str, list[str | None]]]:
            for line in lines:
                found = json.loads(line) if line.strip() else {}
                values = [found.get(name) for name in columns]
                yield (
                    line,
                    [v if v is None or isinstance(v, str) else json.dumps(v) for v in values],
                )

        return _kept(records(), columns, mark, out, "")


def _kept(
    records: Iterable[tuple[str, list[str | None]]],
    columns: list[str],
    mark: Mark,
    out: Path | None,
    head: str,
) -> int:
    import polars as pl

    removed = 0
    schema = dict.fromkeys(columns, pl.String)
    stream = out.open("w", encoding="utf-8", newline="") if out else None
    try:
        if stream:
            stream.write(head)
        rest = iter(records)
        while some := list(itertools.islice(rest, BATCH)):
            frame = pl.DataFrame([values for _, values in some], schema=schema, orient="row")
            gone = mark(frame)
            removed += int(gone.sum())
            if stream:
                pairs = zip(some, gone, strict=True)
                stream.writelines(text for (text, _), theirs in pairs if not theirs)
    finally:
        if stream:
            stream.close()
    return removed


def _from_parquet(file: Path, columns: list[str], mark: Mark, out: Path | None) -> int:
    import polars as pl
    import pyarrow.parquet

    removed = 0
    with pyarrow.parquet.ParquetFile(file) as read:
        packed = "zstd"
        if read.metadata.num_row_groups:
            packed = read.metadata.row_group(0).column(0).compression.lower()
        writer = None
        if out:
            writer = pyarrow.parquet.ParquetWriter(out, read.schema_arrow, compression=packed)
        try:
            names = [name for name in columns if name in read.schema_arrow.names]
            for batch in read.iter_batches(BATCH, columns=None if out else names):
                gone = mark(pl.DataFrame(pl.from_arrow(batch.select(names))))
                removed += int(gone.sum())
                if writer:
                    writer.write_batch(batch.filter((~gone).to_arrow()))
        finally:
            if writer:
                writer.close()
    return removed
