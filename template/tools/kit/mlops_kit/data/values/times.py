"""Texts as dates and times: year first, nothing left over; another way is read as declared."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mlops_kit.data.config import Column
from mlops_kit.data.values.missing import where

if TYPE_CHECKING:
    import polars

CLOCK = r"(?:[T ] *([01]?[0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,6}0*)?)?"
OFFSET = r" *(Z|UTC|GMT|[+-](0[0-9]|1[0-4])(:?[0-5][0-9](:?00)?)?)"
DAY = r"(?i)^[0-9]{4}(-[0-9]{1,2}-|/[0-9]{1,2}/)[0-9]{1,2}"
WRITTEN = rf"{DAY}{CLOCK}({OFFSET})?)?$"
HAS_OFFSET = rf"(?i):[0-9][0-9](\.[0-9]+)?{OFFSET}$"
FORMATS = ("%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d", "%Y-%m-%d %H:%M")
# Why a text is no date or time, the first that holds; what is left is not of the type.
SHORT = r"(?i)^[0-9]{1,2}([-/.])[0-9]{1,2}[-/.][0-9]{2,4}([T ].*)?$"
EITHER = r"(?i)^(0?[1-9]|1[0-2])[-/.](0?[1-9]|1[0-2])[-/.][0-9]{2,4}([T ].*)?$"
WORDS = r"\d:\d{2}[0-9:.+-]* ?\[?[A-Za-z][A-Za-z0-9_/+-]*\]?\s*$"
ZONE = "has words after its time: write a zone as an offset (+02:00 or Z), an hour as 0 to 23"
TWO_READINGS = (
    "has two readings, day or month first: declare its format, %d/%m/%Y or %m/%d/%Y "
    "(%y for years of two digits)"
)
NOT_FIRST = "does not begin with a year of four digits: declare its format, such as %d/%m/%Y"
LOST_OFFSET = "has an offset, which a timestamp would lose: declare the type timestamptz"
NO_OFFSET = "has no offset: declare the type timestamp, or write one (+02:00 or Z)"
TOO_EXACT = "is more exact than a microsecond: shorten it"
TWO_CENTURIES = (2036, 2068)  # of what two digits are read as, those that may be a century before
CENTURY = (
    "has a year of two digits that may be of two centuries: declare years, such as [1930, 2029]"
)
FAR = "has a year that hardly is one: mend it, declare it under nulls, or declare years"


def read(text: "polars.Series", column: Column) -> "polars.Series":
    """Read stripped texts as dates or times, shape (n,); null where it is none of these.

    An offset is taken to UTC; a `timestamp` must have none, a `timestamptz` one. A `date` of a
    moment with an offset is its day in UTC.
    """
    if column.format is not None:
        return _declared(text, column.format, column)
    kept = where(text.str.contains(WRITTEN), text)
    zoned = kept.str.contains(HAS_OFFSET).fill_null(False)
    if column.type == "timestamp":
        kept = where(~zoned, kept)
    elif column.type == "timestamptz":
        kept = where(zoned, kept)
    return _as(_moments(kept, zoned), column)


def iso(text: "polars.Series", column: Column) -> "polars.Series":
    """Read dates and timestamps that are written in the usual form, fast; null the others."""
    if column.type == "date":
        return where(text.str.len_bytes() == 10, text).str.to_date("%Y-%m-%d", strict=False)
    first = text.first()
    between = "T" if isinstance(first, str) and first[10:11] == "T" else " "
    usual = ~text.str.contains(":60", literal=True)
    if column.type == "timestamptz":
        text = text.str.replace("Z$", "+00:00")
        usual &= text.str.contains(r":[0-9]{2}(\.[0-9]{1,6})?[+-](0[0-9]|1[0-4]):?[0-5][0-9]$")
        form = f"%Y-%m-%d{between}%H:%M:%S%.f%z"
        return where(usual, text).str.to_datetime(form, strict=False, time_unit="us")
    usual &= text.str.len_bytes().is_between(19, 26)  # a fraction of six digits at most
    form = f"%Y-%m-%d{between}%H:%M:%S%.f"
    return where(usual, text).str.to_datetime(form, strict=False, time_unit="us")


def from_times(values: "polars.Series", column: Column) -> "polars.Series":
    """Take typed dates and times as the column's type; null where one would change."""
    import polars as pl

    zone = getattr(values.dtype, "time_zone", None)
    exact = values.is_not_null()
    if values.dtype == pl.Datetime("ns", zone):
        exact = values.to_physical() % 1000 == 0
    if column.type in ("timestamp", "timestamptz"):
        exact &= (column.type == "timestamptz") == (zone is not None)
    made = values.cast(pl.Datetime("us", zone))
    if zone is not None:
        made = made.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    return _as(where(exact, made), column)


def why(text: "polars.Expr", column: Column) -> "polars.Expr":
    """Say why a text is no value of a column of dates or times."""
    import polars as pl

    if column.format is not None:
        return pl.lit(f"is not written as its format {column.format} says")
    zoned = text.str.contains(HAS_OFFSET)
    whole = text.str.contains(WRITTEN)
    return (
        pl.when(whole & zoned & (column.type == "timestamp"))
        .then(pl.lit(LOST_OFFSET))
        .when(whole & ~zoned & (column.type == "timestamptz"))
        .then(pl.lit(NO_OFFSET))
        .when(text.str.contains(EITHER))
        .then(pl.lit(TWO_READINGS))
        .when(text.str.contains(SHORT))
        .then(pl.lit(NOT_FIRST))
        .when(text.str.contains(WORDS))
        .then(pl.lit(ZONE))
        .when(text.str.contains(r":[0-9]{2}\.[0-9]{7,}"))
        .then(pl.lit(TOO_EXACT))
        .otherwise(pl.lit(f"is not of type {column.type}"))
    )


def implausible(typed: "polars.Series", column: Column) -> "Iterator[tuple[polars.Series, str]]":
    """Mark the times whose year hardly is one, and why, shape (n,)."""
    first, last = column.years
    years = typed.dt.year()
    far = ~years.is_between(first, last).fill_null(True)
    if far.any():
        yield far, FAR
    if _short_year(column) and "years" not in column.model_fields_set:
        unsure = years.is_between(*TWO_CENTURIES).fill_null(False)
        if unsure.any():
            yield unsure, CENTURY


def _moments(text: "polars.Series", zoned: "polars.Series") -> "polars.Series":
    """Read texts that are written as they should; with an offset, the moment in UTC."""
    import polars as pl

    plain = text.str.replace_all("/", "-", literal=True).str.replace("(?i)[T ] *", " ")
    if not zoned.any():
        return _coalesced(plain, FORMATS)
    plain = plain.str.to_uppercase()
    offset = where(zoned, plain.str.extract(f"{OFFSET}$", 1)).fill_null("+00")
    digits = offset.str.replace_all(r"[^0-9]", "").str.pad_end(4, "0").cast(pl.Int64)
    minutes = digits // 100 * 60 + digits % 100
    minutes *= 1 - 2 * offset.str.starts_with("-").cast(pl.Int64)
    local = plain.str.replace(f"(:[0-9.]+){OFFSET}$", "${1}")
    return _coalesced(local, FORMATS) - (minutes * 60_000_000).cast(pl.Duration("us"))


def _coalesced(text: "polars.Series", formats: tuple[str, ...]) -> "polars.Series":
    """Read by the first format that fits all of a text."""
    import polars as pl

    made = pl.repeat(None, len(text), dtype=pl.Datetime("us"), eager=True)
    for pattern in formats:
        if pattern == "%Y-%m-%d":
            found = text.str.to_date(pattern, strict=False).cast(pl.Datetime("us"))
        else:
            found = text.str.to_datetime(pattern, strict=False, time_unit="us")
        made = made.zip_with(made.is_not_null(), found)
        if made.null_count() == text.null_count():
            break
    return made


def _declared(text: "polars.Series", pattern: str, column: Column) -> "polars.Series":
    import polars as pl

    text = where(~text.str.contains(":60"), text)  # leap seconds
    if "%z" in pattern:
        found = text.str.to_datetime(pattern, strict=False, time_unit="us")
        found = found.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    elif any(code in pattern for code in ("%H", "%I", "%M", "%S", "%T", "%R", "%X")):
        found = text.str.to_datetime(pattern, strict=False, time_unit="us")
    else:
        found = text.str.to_date(pattern, strict=False).cast(pl.Datetime("us"))
    if _short_year(column):  # years of two digits are those that may be, in whatever century
        late = (found.dt.year() > column.years[1]).fill_null(False)
        found = found.zip_with(~late, found.dt.offset_by("-100y"))
    return _as(found, column)


def _short_year(column: Column) -> bool:
    return column.format is not None and "%y" in column.format


def _as(moments: "polars.Series", column: Column) -> "polars.Series":
    """Naive moments, in UTC where that matters, as the column's type."""
    import polars as pl

    if column.type == "date":
        return moments.cast(pl.Date)
    if column.type == "timestamptz":
        return moments.dt.replace_time_zone("UTC")
    return moments
