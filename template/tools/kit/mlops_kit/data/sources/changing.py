"""Files whose columns are not all that a table declares: which they have, and their rows."""

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_kit.core.errors import MlopsError
from mlops_kit.data import delimited
from mlops_kit.data.config import Files, Table
from mlops_kit.data.dialect import dialect_of
from mlops_kit.data.sources import json_lines, parquet, xml_records
from mlops_kit.data.sources.files import OBJECTS, find, read

if TYPE_CHECKING:
    import polars
    import pyarrow


def read_what_is_there(
    source: Files, name: str, table: Table, there: Mapping[Path, list[str]]
) -> "Iterator[tuple[Path, Iterator[polars.DataFrame]]]":
    """Read a table as `read` does, of each file the columns that it has; the others are empty.

    Parameters
    ----------
    there : mapping of Path to list of str
        The declared columns that each file has.
    """
    for file in find(source, name, table).files:
        columns = {column: table.columns[column] for column in there[file]}
        # What is in only one file of the folder is no reason to refuse it here.
        alone = table.model_copy(update={"path": str(file), "columns": columns})
        for _, frames in read(Files(kind="files", folder=Path()), name, alone):
            yield file, _filled(frames, list(table.columns))


def _filled(
    frames: "Iterator[polars.DataFrame]", columns: list[str]
) -> "Iterator[polars.DataFrame]":
    import polars as pl

    for frame in frames:
        lacking = [column for column in columns if column not in frame.columns]
        empty = [pl.lit(None, pl.String).alias(column) for column in lacking]
        yield frame.with_columns(empty).select(columns)


def columns_of(file: Path, kind: str, table: Table) -> "dict[str, pyarrow.DataType | None]":
    """Name the columns of a file, with the types that it has for them; texts have none."""
    if kind == "parquet":
        return {field.name: field.type for field in parquet.schema(file)}
    if kind in OBJECTS:
        return dict.fromkeys(json_lines.names_of(file, table, OBJECTS[kind](file, table)))
    if kind == "xml":
        return dict.fromkeys(xml_records.names_in(file, table)[0])
    names: tuple[str, ...] = ()
    for column in table.read_columns:
        with contextlib.suppress(MlopsError):
            names = delimited.layout(file, [column], dialect=dialect_of(table)).names
            break
    return dict.fromkeys(names)
