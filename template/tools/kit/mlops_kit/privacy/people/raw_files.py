"""Removing rows from csv, JSON, XML and parquet; of texts no other byte changes."""

import csv
import functools
import io
import itertools
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple

from mlops_kit.core.errors import MlopsError
from mlops_kit.core.files import scratch_beside
from mlops_kit.data.config import Table
from mlops_kit.data.delimited import Layout, layout
from mlops_kit.data.dialect import Dialect, dialect_of
from mlops_kit.data.opened import compression_of, open_packed, open_utf8
from mlops_kit.data.parquet import Growing
from mlops_kit.data.sources import json_array, parquet, xml_parsing, xml_records
from mlops_kit.data.sources.json_lines import texts_of, values_of

if TYPE_CHECKING:
    import polars

BATCH = 50_000
SCHEMA = b"ARROW:schema"  # each writer writes its own
Mark = Callable[["polars.DataFrame"], "polars.Series"]


class Written(NamedTuple):
    """How a raw file is written: what its table declares, and its format."""

    table: Table
    format: str


def remove_rows(
    file: Path, columns: list[str], mark: Mark, dry_run: bool, written: Written | None = None
) -> int:
    """Rewrite a csv, JSON, XML or parquet file without the rows that `mark` marks.

    Parameters
    ----------
    columns : list of str
        What `mark` looks at; text of all but parquet.
    dry_run : bool
        Only count.
    written : Written, optional
        Of a raw file; without it, the file is parquet.

    Returns
    -------
    int
        How many rows are, or would be, removed. A file without any is not touched.
    """
    remove: Callable[[Path, list[str], Mark, Path | None], int] = _from_parquet
    # Packed as its name says, which a temporary file has not.
    packed = compression_of(file, written.table.compression if written else None)
    if written and written.format == "csv":
        dialect = replace(dialect_of(written.table), compression=packed)
        found = layout(file, columns, dialect=dialect)
        remove = functools.partial(_from_csv, found, dialect)
    elif written and written.format == "jsonl":
        remove = functools.partial(_from_lines, written.table.encoding, packed)
    elif written and written.format in ("json", "xml"):
        document = written.table.model_copy(update={"compression": packed})
        remove = functools.partial(_from_array if written.format == "json" else _from_xml, document)
    removed = remove(file, columns, mark, None)
    if removed == 0 or dry_run:
        return removed
    # Through a link to the file itself: a new file in place of the link would leave the rows.
    target = file.resolve()
    with scratch_beside(target) as beside:
        rewritten = remove(file, columns, mark, beside)
        left = remove(beside, columns, mark, None)
        if rewritten != removed or left:
            raise MlopsError(
                f"{file.as_posix()} changed while it was read, and stays as it is; "
                "run this again when nobody writes to it."
            )
        shutil.copymode(target, beside)
        os.replace(beside, target)
    return removed


def _from_csv(
    found: Layout,
    dialect: Dialect,
    file: Path,
    columns: list[str],
    mark: Mark,
    out: Path | None,
) -> int:
    csv.field_size_limit(sys.maxsize)
    with open_utf8(file, dialect.encoding, dialect.compression) as stream:
        head = stream.read(found.start).decode("utf-8")
        lines = io.TextIOWrapper(stream, encoding="utf-8", newline="")
        raw: list[str] = []

        def heard() -> Iterator[str]:
            for line in lines:
                raw.append(line)
                yield line

        reader = csv.reader(heard(), **dialect.parameters(found.delimiter))
        places = [found.names.index(name) for name in columns]

        def records() -> Iterator[tuple[str, list[str | None]]]:
            for record in reader:
                yield (
                    "".join(raw),
                    [record[at] if at < len(record) else None for at in places],
                )
                raw.clear()

        return _kept(
            records(), columns, mark, _text_file(out, dialect.encoding, dialect.compression), head
        )


def _from_lines(
    encoding: str, packed: str, file: Path, columns: list[str], mark: Mark, out: Path | None
) -> int:
    with open_utf8(file, encoding, packed) as stream:
        lines = io.TextIOWrapper(stream, encoding="utf-8", newline="")

        def records() -> Iterator[tuple[str, list[str | None]]]:
            for line in lines:
                yield line, values_of(line.lstrip("\ufeff"), columns) or [None] * len(columns)

        return _kept(records(), columns, mark, _text_file(out, encoding, packed), "")


def _from_array(table: Table, file: Path, columns: list[str], mark: Mark, out: Path | None) -> int:
    with open_utf8(file, table.encoding, table.compression) as stream:

        def records() -> Iterator[tuple[str, list[str | None]]]:
            nothing: list[str | None] = [None] * len(columns)
            for number, one in enumerate(json_array.elements(file, stream, table.records, True)):
                if one.value is None or not number:  # the array begins, or has ended
                    yield one.before, nothing
                if one.value is not None:
                    values = texts_of(one.value, columns)
                    yield (one.before if number else "") + one.text, values

        to = _text_file(out, table.encoding, table.compression)
        return _kept(records(), columns, mark, to, "", _Joined())


class _Joined:
    """Takes the comma from the first object that stays in an array."""

    def __init__(self) -> None:
        self._first = True

    def __call__(self, texts: Iterable[str]) -> Iterator[str]:
        for text in texts:
            is_object = text.lstrip().startswith((",", "{")) and text.endswith("}")
            yield text.lstrip().removeprefix(",").lstrip() if is_object and self._first else text
            self._first &= not is_object


def _from_xml(table: Table, file: Path, columns: list[str], mark: Mark, out: Path | None) -> int:
    encoding = xml_parsing.encoding_of(file, table)
    with open_utf8(file, encoding, table.compression) as stream:
        found = xml_records.with_texts(file, stream, table, columns)
        pairs = ((text, [values.get(name) for name in columns]) for text, values in found)
        return _kept(pairs, columns, mark, _text_file(out, encoding, table.compression), "")


def _text_file(out: Path | None, encoding: str, packed: str | None) -> IO[str] | None:
    if out is None:
        return None
    return io.TextIOWrapper(open_packed(out, "wb", packed), encoding=encoding, newline="")


def _kept(
    records: Iterable[tuple[str, list[str | None]]],
    columns: list[str],
    mark: Mark,
    stream: IO[str] | None,
    head: str,
    joined: Callable[[Iterable[str]], Iterable[str]] = iter,
) -> int:
    import polars as pl

    removed = 0
    schema = dict.fromkeys(columns, pl.String)
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
                stream.writelines(joined(text for (text, _), theirs in pairs if not theirs))
    finally:
        if stream:
            stream.close()
    return removed


def _from_parquet(file: Path, columns: list[str], mark: Mark, out: Path | None) -> int:
    import pyarrow
    import pyarrow.parquet

    removed = 0
    with pyarrow.parquet.ParquetFile(file, pre_buffer=False) as read:
        packed = "zstd"
        if read.metadata.num_row_groups:
            packed = read.metadata.row_group(0).column(0).compression.lower()
        with Growing(out, read.schema_arrow, packed) if out else nullcontext() as written:
            names = None if out else parquet.asked(read.schema_arrow, columns)
            for batch in read.iter_batches(BATCH, columns=names):
                rows = pyarrow.Table.from_batches([batch])
                gone = mark(parquet.taken(read.schema_arrow, rows, columns))
                removed += int(gone.sum())
                if written:
                    written.add(batch.filter((~gone).to_arrow()))
            # What the file says of itself, such as how far its source was read, stays true.
            says = {k: v for k, v in (read.metadata.metadata or {}).items() if k != SCHEMA}
            if written and says:
                written.says(says)
    return removed
