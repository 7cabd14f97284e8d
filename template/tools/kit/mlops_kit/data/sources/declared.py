"""Which columns of a table are asked for, and as what they come where no catalogue says it."""

from typing import TYPE_CHECKING

from mlops_kit.data.types import PARTS

if TYPE_CHECKING:
    import pyarrow

    from mlops_kit.data.config import Column, Table


def asked_columns(table: "Table") -> list[str]:
    """Name the columns that are read: those declared, the cursor and the key."""
    cursor = [] if table.cursor is None else [table.cursor]
    return list(dict.fromkeys([*table.read_columns, *table.key, *cursor]))


def schema_of(table: "Table") -> "pyarrow.Schema":
    """Return the types that the contract of a table makes its columns; text where it has none."""
    import pyarrow as pa

    return pa.schema([(name, type_of(table.columns.get(name))) for name in asked_columns(table)])


def type_of(column: "Column | None") -> "pyarrow.DataType":
    """Return as what a column is landed, by its contract."""
    import pyarrow as pa

    if column is None:
        return pa.string()
    if column.kind == "decimal":
        return pa.decimal128(*column.digits)
    if column.kind in ("json", *PARTS):  # as JSON, of which the contract makes what it declares
        return pa.string()
    return {
        "string": pa.string(),
        "integer": pa.int64(),
        "number": pa.float64(),
        "boolean": pa.bool_(),
        "date": pa.date32(),
        "timestamp": pa.timestamp("us"),
        "datetime": pa.timestamp("us"),
        "timestamptz": pa.timestamp("us", "UTC"),
        "time": pa.time64("us"),
        "binary": pa.binary(),
        "integers": pa.list_(pa.int64()),
    }[column.type]
