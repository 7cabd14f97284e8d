"""Which values mean that there is none: blanks, the usual markers, and what a table declares."""

from collections import Counter
from typing import TYPE_CHECKING

from mlops_kit.data.config import Column, Table

if TYPE_CHECKING:
    import polars

MARKERS = ("NA", "N/A", "#N/A", "<NA>", "NaN", "NULL", "?", "-")
BLANK = "blank"


def missing(values: "polars.Series", column: Column, table: Table) -> "polars.Series":
    """Mark the values that mean nothing, shape (n,).

    A marker among the `allowed` values of a column is a value. Spaces around one do not count, nor
    does its case. NaN, as pandas writes a missing number, is missing too.
    """
    import polars as pl

    nothing = values.is_null()
    if values.dtype == pl.String:
        texts = _texts(column, table)
        stripped = values.str.strip_chars()
        short = (stripped.str.len_bytes() <= max(len(one.encode()) for one in texts)).arg_true()
        if len(short):  # to look every value up would cost more
            nothing = nothing.scatter(short, nothing[short] | stripped[short].is_in(texts))
    elif values.dtype.is_float() and column.default_nulls:
        nothing |= values.is_nan().fill_null(False)
    if values.dtype.is_numeric() and (numbers := numbers_declared(column, table)):
        nothing |= values.cast(pl.Float64).is_in(numbers).fill_null(False)
    return nothing


def may_be_a_value(column: Column, table: Table) -> bool:
    """Whether something of the column's type may be declared to mean nothing."""
    return bool(table.nulls or column.nulls)


def numbers_declared(column: Column, table: Table) -> list[float]:
    """Return the numbers that are declared to mean nothing."""
    return [float(one) for one in (*table.nulls, *column.nulls) if _is_number(one)]


def counted(values: "polars.Series", nothing: "polars.Series") -> Counter[str]:
    """Count the missing values by the marker that says so; blanks and nulls are `blank`."""
    import polars as pl

    if not nothing.any():
        return Counter()
    there = values.filter(nothing)
    if there.dtype.is_float():
        there = there.fill_nan(None)
    if there.dtype.is_nested() or there.dtype == pl.Binary:
        return Counter({BLANK: len(there)})
    texts = there.cast(pl.String).str.strip_chars().replace("", None).fill_null(BLANK)
    return Counter(dict(texts.value_counts().iter_rows()))


def where(keep: "polars.Series", values: "polars.Series") -> "polars.Series":
    """Keep values and make the others null, shape (n,)."""
    import polars as pl

    return pl.select(pl.when(keep).then(values)).to_series().alias(values.name)


def _texts(column: Column, table: Table) -> list[str]:
    wanted = {""}
    for marker in MARKERS if column.default_nulls else ():
        if marker != "NULL" or column.type != "binary":  # which are three bytes in base64
            wanted |= _spellings(marker)
    wanted |= {str(one).strip() for one in (*table.nulls, *column.nulls)}
    return sorted(wanted - {str(one) for one in column.allowed or ()})


def _spellings(marker: str) -> set[str]:
    """In upper and lower case, letter by letter: a look-up is faster than changing every value."""
    found = {""}
    for letter in marker:
        found = {start + one for start in found for one in (letter.lower(), letter.upper())}
    return found


def _is_number(one: str | int | float) -> bool:
    try:
        float(one)
    except ValueError:
        return False
    return True
