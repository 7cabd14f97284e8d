"""Values of any origin as the declared type of their column, and why one cannot be that."""

from typing import TYPE_CHECKING

from mlops_kit.core.errors import MlopsError
from mlops_kit.data.config import SOURCES_FILE, Column, Table
from mlops_kit.data.types import MOMENTS, NUMBERS, PARTS, Type
from mlops_kit.data.values import nested, numbers, plain, times
from mlops_kit.data.values.missing import may_be_a_value, numbers_declared, where

if TYPE_CHECKING:
    import polars

YES, NO = ("true", "t", "yes", "y", "1"), ("false", "f", "no", "n", "0")
PLAIN = ((None, None), (".", None))  # decimal and thousands
# Types that are read one by one, and how a text of them is written.
WRITTEN = {
    "time": "write hours, minutes and seconds, to the microsecond at most",
    "binary": "write base64, or hexadecimal digits behind \\x (NULL is either: see default_nulls)",
    "json": "write one value of JSON, each name once",
}
INTEGERS = r"^\[\s*([+-]?\d+\s*(,\s*[+-]?\d+\s*)*)?\]$"


def cast(
    values: "polars.Series",
    column: Column,
    table: Table,
    writing: numbers.Writing | None = None,
) -> "polars.Series":
    """Take values as the declared type, shape (n,); null where they are none of it, or change.

    Parameters
    ----------
    values : polars.Series
        Texts, or what a typed file holds; what is missing is null already.
    writing : Writing, optional
        Is told what the numbers among the texts show.
    """
    import polars as pl

    if column.type == "string":
        return as_text(values)
    if column.kind in PARTS:
        return _nested(values, column, table, writing).values
    if values.dtype == pl.String:
        return _of_text(values.str.strip_chars(), column, table, writing)
    numeric = values.dtype.is_numeric() or values.dtype == pl.Boolean
    if column.kind in NUMBERS and numeric:
        return numbers.from_numbers(values, column)
    if column.type in MOMENTS and values.dtype in (pl.Date, pl.Datetime):
        return times.from_times(values, column)
    if column.type == "time" and values.dtype == pl.Time:
        return where(values.to_physical() % 1000 == 0, values)
    if column.type == "binary" and values.dtype == pl.Binary:
        return values
    if column.type == "boolean" and numeric:
        whole = values.cast(pl.Float64)
        return where((whole == 0) | (whole == 1), whole == 1)
    if column.type == "integers" and isinstance(values.dtype, pl.List):
        made = values.cast(pl.List(pl.Int64), strict=False)
        return where((made.cast(pl.List(pl.Float64)) == values.cast(pl.List(pl.Float64))), made)
    return pl.repeat(None, len(values), dtype=dtype_of(column), eager=True)


def cast_plain(
    values: "polars.Series", column: Column, table: Table, writing: numbers.Writing
) -> "polars.Series | None":
    """Take texts that are written in the usual way as the declared type, fast; null the others.

    None where there is no faster way than cast().
    """
    import polars as pl

    if values.dtype != pl.String or may_be_a_value(column, table) or column.format is not None:
        return None
    if column.type in ("integer", "number") and (table.decimal, table.thousands) in PLAIN:
        made = numbers.plain(values, column)
        if table.decimal is None:
            writing.note_points(values.name, values)
        return made
    usual = column.type in ("date", "timestamp", "timestamptz")
    return times.iso(values, column) if usual else None


def stand_ins(typed: "polars.Series", column: Column, table: Table) -> "polars.Series":
    """Mark the numbers and times that are declared to mean nothing, however they are written."""
    import polars as pl

    marks = pl.Series([], dtype=typed.dtype)
    if column.kind in NUMBERS:
        typed = typed.cast(pl.Float64)
        marks = pl.Series(numbers_declared(column, table), dtype=pl.Float64)
    elif column.type in MOMENTS:
        texts = pl.Series([str(one) for one in (*table.nulls, *column.nulls)], dtype=pl.String)
        marks = times.read(texts, column.model_copy(update={"format": None})).drop_nulls()
    if not len(marks):
        return pl.repeat(False, len(typed), eager=True)
    return typed.is_in(marks.implode()).fill_null(False)


def why(values: "polars.Series", column: Column, table: Table) -> "polars.Series":
    """Say of each value that cast() refused why it did, shape (n,)."""
    import polars as pl

    if column.kind in PARTS:
        return _nested(values, column, table, None).why
    rest = f"is not of type {column.type}"
    if values.dtype != pl.String:
        if column.type == "timestamp" and getattr(values.dtype, "time_zone", None):
            rest = times.LOST_OFFSET
        elif column.type == "timestamptz" and values.dtype in (pl.Datetime, pl.Date):
            rest = times.NO_OFFSET
        elif column.type == "number" and values.dtype.is_integer():
            rest = numbers.TOO_LONG
        elif column.type in (*MOMENTS, "time") and values.dtype in (pl.Datetime, pl.Time):
            rest = times.TOO_EXACT if column.type != "time" or values.dtype == pl.Time else rest
        elif column.type == "json" and values.dtype.is_nested():
            rest = "is a list or struct in the file: declare it as one"
        return pl.repeat(rest, len(values), dtype=pl.String, eager=True)
    text, said = pl.col("text"), pl.lit(rest)
    if column.type in MOMENTS:
        said = times.why(text, column)
    elif column.kind in NUMBERS:
        said = numbers.why(text, column)
    elif column.type in WRITTEN:
        said = pl.lit(f"is not of type {column.type}: {WRITTEN[column.type]}")
    texts = pl.DataFrame({"text": values.str.strip_chars()})
    return texts.with_columns(said.alias("said"))["said"]


def dtype_of(column: Column) -> "polars.DataType":
    """The type in which a table keeps a column."""

    return _dtype(column.parsed)


def _dtype(kind: Type) -> "polars.DataType":
    import polars as pl

    inside = {name: _dtype(one) for name, one in kind.parts}
    if kind.name in PARTS:
        return pl.List(inside[""]) if kind.name == "list" else pl.Struct(inside)
    if kind.name == "decimal":
        return pl.Decimal(*kind.digits)
    return {
        "string": pl.String(),
        "integer": pl.Int64(),
        "number": pl.Float64(),
        "boolean": pl.Boolean(),
        "date": pl.Date(),
        "timestamp": pl.Datetime("us"),
        "datetime": pl.Datetime("us"),
        "timestamptz": pl.Datetime("us", "UTC"),
        "time": pl.Time(),
        "binary": pl.Binary(),
        "json": pl.String(),
        "integers": pl.List(pl.Int64()),
    }[kind.name]


def _nested(
    values: "polars.Series", column: Column, table: Table, writing: numbers.Writing | None
) -> nested.Taken:
    """Take lists and structs; numbers inside are those of JSON, and nothing is missing but null."""
    inside = table.model_copy(update={"decimal": ".", "thousands": None, "nulls": []})

    def take(part: "polars.Series", kind: Type) -> nested.Taken:
        import polars as pl

        one = Column(type=str(kind), default_nulls=False)
        if isinstance(part.dtype, pl.Categorical | pl.Enum | pl.Null):
            part = part.cast(pl.String)
        made = cast(part, one, inside)
        lost = made.is_null() & part.is_not_null()
        said = pl.repeat(None, len(part), dtype=pl.String, eager=True)
        if lost.any():
            said = said.scatter(lost.arg_true(), why(part.filter(lost), one, inside))
        return nested.Taken(made, said)

    return nested.taken(values, column.parsed, take, writing)


def as_text(values: "polars.Series") -> "polars.Series":
    """Take values of any type as text, shape (n,); null where that would be no text of theirs."""
    import polars as pl

    if isinstance(values.dtype, pl.List | pl.Array | pl.Struct | pl.Binary | pl.Object):
        return pl.repeat(None, len(values), dtype=pl.String, eager=True)
    return values.cast(pl.String)


def _of_text(
    text: "polars.Series", column: Column, table: Table, writing: numbers.Writing | None
) -> "polars.Series":
    import polars as pl

    if column.kind in NUMBERS:
        made = numbers.read(text, column, table)
        if writing is not None and table.decimal is None and table.thousands is None:
            writing.note(text.name, text, made)
        return made
    if column.type in MOMENTS:
        try:
            return times.read(text, column)
        except pl.exceptions.PolarsError as error:
            raise MlopsError(
                f'{SOURCES_FILE.as_posix()}: the format "{column.format}" of column {text.name} '
                "cannot be used; write it as Python's strptime does."
            ) from error
    if column.type == "boolean":
        lower = text.str.to_lowercase()
        yes = lower.is_in(YES)
        return where(yes | lower.is_in(NO), yes)
    if column.type in WRITTEN:
        return _one_by_one(text, column)
    found = where(text.str.contains(INTEGERS), text)
    made = found.str.extract_all(r"[+-]?\d+").cast(pl.List(pl.Int64), strict=False)
    return where(~made.list.eval(pl.element().is_null()).list.any(), made)


def _one_by_one(text: "polars.Series", column: Column) -> "polars.Series":
    """Read stripped texts as bytes, times of day or JSON, each distinct one once."""
    import polars as pl

    if column.type == "binary" and column.default_nulls:  # four letters of base64, or nothing
        text = where(text.str.to_lowercase() != "null", text)
    read = {"binary": plain.bytes_of, "time": plain.time_of, "json": plain.json_of}[column.type]
    made = {one: read(one) for one in text.drop_nulls().unique().to_list()}
    found = [None if one is None else made[one] for one in text.to_list()]
    return pl.Series(text.name, found, dtype=dtype_of(column))
