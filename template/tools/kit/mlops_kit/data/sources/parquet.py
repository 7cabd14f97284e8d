"""Rows of parquet, whoever wrote it: types that polars has not come as what holds them exactly."""

from collections.abc import Collection, Iterator
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_kit.core.errors import MlopsError
from mlops_kit.data.dialect import own_names

if TYPE_CHECKING:
    import polars
    import pyarrow

BATCH = 131_072
DIGITS = 38  # of the longest decimal that a column can be
PER_SECOND = {"s": 0, "ms": 3, "us": 6, "ns": 9}  # digits behind the point


def schema(file: Path) -> "pyarrow.Schema":
    """Return the columns of a file with their types; a name that stands twice as in a csv.

    Raises
    ------
    MlopsError
        When it is damaged.
    """
    import pyarrow
    import pyarrow.parquet

    try:
        found = pyarrow.parquet.read_schema(file)
    except (pyarrow.ArrowException, OSError) as error:
        raise _damaged(file, error) from error
    return pyarrow.schema(list(zip(own_names(found.names), found.types, strict=True)))


def batches(file: Path, columns: list[str]) -> "Iterator[polars.DataFrame]":
    """Read columns by their names, some rows at a time; the first frame is empty.

    Decimals of more than 38 digits and UUIDs come as text, durations as seconds, maps as lists of
    key and value.

    Raises
    ------
    MlopsError
        When the file is damaged, or a column has a type that no column can be.
    """
    import polars as pl
    import pyarrow
    import pyarrow.parquet

    try:
        with pyarrow.parquet.ParquetFile(file, pre_buffer=False) as opened:
            there = opened.schema_arrow
            yield taken(there, there.empty_table(), columns)
            for batch in opened.iter_batches(BATCH, columns=asked(there, columns)):
                yield taken(there, pyarrow.Table.from_batches([batch]), columns)
    except (pyarrow.ArrowException, OSError) as error:
        raise _damaged(file, error) from error
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        odd = ", ".join(f'"{field.name}" is {field.type}' for field in schema(file)
                        if field.name in columns and not _is_held(field.type))  # fmt: skip
        raise MlopsError(
            f"{file.as_posix()} holds a column that cannot be taken ({odd or error}): leave it "
            "out, or write it in another type."
        ) from error


def asked(there: "pyarrow.Schema", columns: Collection[str]) -> list[str]:
    """Return what columns are called in a file of this schema; those that it lacks are left out."""
    return [name for name, its in _by_name(there).items() if not set(its).isdisjoint(columns)]


def taken(
    there: "pyarrow.Schema", table: "pyarrow.Table", columns: Collection[str]
) -> "polars.DataFrame":
    """Return columns of some rows of a file as they are read, those that it lacks left out.

    Parameters
    ----------
    there : pyarrow.Schema
        Of the file.
    table : pyarrow.Table
        Rows of it, with all its columns or those that are asked for.
    """
    import polars as pl
    import pyarrow

    own, wanted = _by_name(there), set(asked(there, columns))
    left = {name: iter(its) for name, its in own.items()}
    found = {
        next(left[name]): plain(column)
        for name, column in zip(table.column_names, table.columns, strict=True)
        if name in wanted
    }
    frame = pl.DataFrame(pl.from_arrow(pyarrow.table(found)))
    return frame.select([name for name in columns if name in found])


def _by_name(there: "pyarrow.Schema") -> dict[str, list[str]]:
    """Return the names that columns have here by those in the file, in their order."""
    found: dict[str, list[str]] = {}
    for own, name in zip(own_names(there.names), there.names, strict=True):
        found.setdefault(name, []).append(own)
    return found


def plain(column: "pyarrow.ChunkedArray") -> "pyarrow.ChunkedArray":
    """Give a column a type that polars has, without changing a value."""
    import pyarrow

    if pyarrow.types.is_null(column.type):
        return column
    if pyarrow.types.is_duration(column.type):
        digits = PER_SECOND[column.type.unit]
        seconds = [
            None if one is None else Decimal(one).scaleb(-digits)
            for one in column.cast(pyarrow.int64()).to_pylist()
        ]
        return pyarrow.chunked_array([pyarrow.array(seconds, pyarrow.decimal128(DIGITS, digits))])
    if isinstance(column.type, pyarrow.UuidType):
        codes = [one.as_py() for one in column]
        texts = [None if one is None else str(one) for one in codes]
        return pyarrow.chunked_array([pyarrow.array(texts, pyarrow.string())])
    wanted = _held(column.type)
    if wanted == column.type:
        return column
    try:
        return column.cast(wanted)
    except pyarrow.ArrowIndexError:  # an empty dictionary within a list
        return pyarrow.chunked_array([pyarrow.array(column.to_pylist(), wanted)])


def _is_held(kind: "pyarrow.DataType") -> bool:
    """Whether polars has a type, or one that holds its values."""
    import polars as pl
    import pyarrow

    try:
        pl.from_arrow(pyarrow.array([None], _held(kind)))
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, pyarrow.ArrowException):
        return False
    return True


def _held(kind: "pyarrow.DataType") -> "pyarrow.DataType":
    """Return the type that holds the values of one exactly, and that polars has."""
    import pyarrow as pa

    if isinstance(kind, pa.BaseExtensionType):
        return _held(kind.storage_type)
    if pa.types.is_dictionary(kind):
        return _held(kind.value_type)  # an empty one within a struct breaks polars
    if pa.types.is_null(kind):
        return pa.string()  # a cast of nulls within a list makes them too few
    if pa.types.is_decimal(kind) and kind.precision > DIGITS:
        return pa.string()
    if pa.types.is_map(kind):
        pairs = [("key", _held(kind.key_type)), ("value", _held(kind.item_type))]
        return pa.list_(pa.struct(pairs))
    if pa.types.is_large_list(kind):
        return pa.large_list(_held(kind.value_type))
    if pa.types.is_list(kind) or pa.types.is_fixed_size_list(kind):
        return pa.list_(_held(kind.value_type))
    if pa.types.is_struct(kind):
        fields = [kind.field(at) for at in range(kind.num_fields)]
        return pa.struct([field.with_type(_held(field.type)) for field in fields])
    return kind


def _damaged(file: Path, error: Exception) -> MlopsError:
    reason = str(error).strip().splitlines()[0]
    return MlopsError(
        f"{file.as_posix()} cannot be read as parquet ({reason}); "
        "replace the file with an undamaged one."
    )
