"""The contract of a table: casts, checks, and the rows set aside with their reasons."""

import datetime
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mlops_kit.core.errors import MlopsError
from mlops_kit.data.config import SOURCES_FILE, Column, Table
from mlops_kit.data.types import MOMENTS, NUMBERS, WITHOUT_ORDER
from mlops_kit.data.values import times
from mlops_kit.data.values.cast import as_text, cast, cast_plain, dtype_of, stand_ins, why
from mlops_kit.data.values.missing import counted, missing, where
from mlops_kit.data.values.numbers import Writing

if TYPE_CHECKING:
    import polars

EMPTY = "is empty"
MISSING = "is missing in its file"


class Checked(NamedTuple):
    """Rows of a batch that keep their contract, those that break it, and all values to compare.

    `good` has the declared types, `broken` the columns as they came and `reason`, and `keys` the
    columns of every row whose values are compared with those of other rows.
    """

    good: "polars.DataFrame"
    broken: "polars.DataFrame"
    keys: "polars.DataFrame"


class Contract:
    """What a table promises, checked batch by batch; it counts what it sees.

    Parameters
    ----------
    name : str
        The table's name, for messages.
    table : Table
        Its declaration in conf/sources.yaml.
    wrong : mapping, optional
        What only the whole table shows: by column and reason, the values that may not stand there.

    Raises
    ------
    MlopsError
        When a check does not fit the type of its column.
    """

    def __init__(
        self, name: str, table: Table, wrong: "Mapping[str, dict[str, polars.Series]] | None" = None
    ) -> None:
        self.name, self.table, self.wrong = name, table, wrong or {}
        self.good = self.broken = 0
        self.missing: dict[str, Counter[str]] = {column: Counter() for column in table.columns}
        self.reasons: Counter[str] = Counter()
        self.first: dict[str, int] = {}
        self.writing = Writing()
        # Columns that the file lacks which is read now: its rows are set aside.
        self.absent: list[str] = []
        self.newest: datetime.date | None = None
        own = {one.references for one in table.columns.values()}
        self.compared = [
            column
            for column, one in table.columns.items()
            if one.unique or one.references or f"{name}.{column}" in own
        ]
        # Unique columns of which each value so far is higher than all before, with the last one.
        self.rising: dict[str, Any] = {
            column: None
            for column, one in table.columns.items()
            if one.unique and one.kind not in WITHOUT_ORDER
        }
        for column, contract in table.columns.items():
            _check_fits(name, column, contract)

    def check(self, frame: "polars.DataFrame") -> Checked:
        """Split rows into those that keep the contract and those that break it.

        Parameters
        ----------
        frame : polars.DataFrame
            The declared columns, as text or typed.

        Returns
        -------
        Checked
        """
        import polars as pl

        columns, failures = {}, []
        for name, column in self.table.columns.items():
            columns[name], failed = self._column(name, column, frame[name])
            failures += failed
        typed = pl.DataFrame(columns)
        keys = typed.select(self.compared)
        self._note_order(keys)
        if not failures:
            self._count(typed)
            return Checked(typed, frame.clear().with_columns(reason=pl.lit("")), keys)
        said = pl.concat(failures)
        self.reasons.update(dict(said["reason"].value_counts().iter_rows()))
        before = self.good + self.broken + 1
        for reason, row in said.group_by("reason").agg(pl.col("row").min()).iter_rows():
            self.first.setdefault(reason, before + row)
        by_row = said.group_by("row").agg(pl.col("reason").sort().str.join("; ")).sort("row")
        broken = frame[by_row["row"]].with_columns(by_row["reason"])
        keep = pl.repeat(True, len(typed), eager=True).scatter(by_row["row"], False)
        good = typed.filter(keep)
        self._count(good)
        self.broken += len(broken)
        return Checked(good, broken, keys)

    def _count(self, good: "polars.DataFrame") -> None:
        """Count the rows that keep the contract, and note when the last of them happened."""
        self.good += len(good)
        last: Any = good[self.table.time].max() if self.table.time is not None else None
        if last is not None and (self.newest is None or last > self.newest):
            self.newest = last

    def _note_order(self, keys: "polars.DataFrame") -> None:
        for column, last in list(self.rising.items()) if len(keys) else ():
            values = keys[column]
            rises = not values.has_nulls() and (values[1:] > values[:-1]).all()
            if rises and (last is None or values[0] > last):
                self.rising[column] = values[-1]
            else:
                del self.rising[column]

    def end(self, file: Path | None) -> None:
        """Ask how a file writes numbers, if it holds some that may be read in two ways.

        Each file by itself: those of one folder may come from several countries.

        Raises
        ------
        MlopsError
            As said.
        """
        self.writing.check(self.name, file)
        self.writing = Writing()

    def _column(
        self, name: str, column: Column, values: "polars.Series"
    ) -> "tuple[polars.Series, list[polars.DataFrame]]":
        """Return the typed column and, of the rows that break its contract, `row` and `reason`."""
        import polars as pl

        typed, nothing = self._typed(values, column)
        self.missing[name] += counted(values, nothing)
        failures = []

        def fail(broken: "polars.Series", reason: "str | polars.Series") -> None:
            rows = broken.fill_null(False).arg_true().alias("row")
            if len(rows):
                said = (
                    pl.repeat(reason, len(rows), eager=True) if isinstance(reason, str) else reason
                )
                text = pl.Series("reason", [f"{name} "], dtype=pl.String) + said
                failures.append(pl.DataFrame([rows, text.alias("reason")]))

        lost = typed.is_null() & ~nothing
        if lost.any():
            fail(lost, why(values.filter(lost), column, self.table))
        for far, reason in times.implausible(typed, column) if column.type in MOMENTS else ():
            fail(far, reason)
            typed = where(~far, typed)
        if name in self.absent:
            fail(nothing, MISSING)
        elif not column.nullable:
            fail(nothing, EMPTY)
        for broken, check in _broken(typed, column):
            fail(broken, f"breaks {check}")
        for reason, values_of in self.wrong.get(name, {}).items():
            fail(typed.is_in(values_of.implode()), reason)
        return typed, failures

    def _typed(
        self, values: "polars.Series", column: Column
    ) -> "tuple[polars.Series, polars.Series]":
        """Take values as their type, and mark what is missing; the usual writing is fast."""
        import polars as pl

        if isinstance(values.dtype, pl.Categorical | pl.Enum | pl.Null):
            values = values.cast(pl.String)
        found = cast_plain(values, column, self.table, self.writing)
        if found is not None:
            odd = found.is_null().arg_true()
            nothing = found.is_null()
            if len(odd):
                rest, nothing_of_rest = self._typed_slowly(values[odd], column)
                found = found.scatter(odd, rest)
                nothing = nothing.scatter(odd, nothing_of_rest)
            return found, nothing
        return self._typed_slowly(values, column)

    def _typed_slowly(
        self, values: "polars.Series", column: Column
    ) -> "tuple[polars.Series, polars.Series]":
        import polars as pl

        nothing = missing(values, column, self.table)
        if column.type == "string" and values.dtype != pl.String:
            text = as_text(values)
            nothing |= missing(text, column, self.table) & text.is_not_null()
        there = where(~nothing, values) if nothing.any() else values
        typed = cast(there, column, self.table, self.writing)
        stands_for = stand_ins(typed, column, self.table)
        if stands_for.any():
            return where(~stands_for, typed), nothing | stands_for
        return typed, nothing


def _broken(typed: "polars.Series", column: Column) -> "Iterator[tuple[polars.Series, str]]":
    """Mark the values that break a check, with its name."""
    import polars as pl

    if column.minimum is not None:
        least = _bound(column, column.minimum, ROUND_CEILING)
        yield typed < least, f"greater_than_or_equal_to({column.minimum})"
    if column.maximum is not None:
        most = _bound(column, column.maximum, ROUND_FLOOR)
        yield typed > most, f"less_than_or_equal_to({column.maximum})"
    if column.allowed is not None:
        allowed = column.allowed
        # YAML reads [1, 2.5] as numbers, whatever the column's type is.
        taken = {"string": str, "number": float, "decimal": _exact}.get(column.kind)
        allowed = [taken(one) for one in allowed] if taken else allowed
        known = pl.Series(allowed).cast(dtype_of(column))
        yield ~typed.is_in(known.implode()), f"isin({column.allowed})"
    if column.pattern is not None:
        yield ~typed.str.contains(f"^(?:{column.pattern})"), f"str_matches('{column.pattern}')"


def _bound(column: Column, bound: float, rounding: str) -> float | Decimal:
    """Return a bound that is compared exactly: of a decimal, the nearest value that it may have."""
    if column.kind != "decimal" or not math.isfinite(bound):
        return bound
    step = Decimal(1).scaleb(-column.digits[1])
    return _exact(bound).quantize(step, rounding, Context(prec=400))


def _exact(one: object) -> Decimal:
    return Decimal(str(one))


def _check_fits(table: str, name: str, column: Column) -> None:
    """Refuse a pattern for numbers, a minimum for words, and a pattern that is none."""
    import polars as pl

    check = None
    if column.minimum is not None and column.kind not in NUMBERS:
        check = f"greater_than_or_equal_to({column.minimum})"
    elif column.maximum is not None and column.kind not in NUMBERS:
        check = f"less_than_or_equal_to({column.maximum})"
    elif column.pattern is not None and column.kind != "string":
        check = f"str_matches('{column.pattern}')"
    elif column.kind in WITHOUT_ORDER[1:] and (column.unique or column.allowed is not None):
        check = "unique" if column.unique else "allowed"
    else:
        try:
            for _ in _broken(pl.Series([None], dtype=dtype_of(column)), column):
                pass
        except (pl.exceptions.PolarsError, TypeError, ValueError, ArithmeticError):
            check = "allowed" if column.pattern is None else f"str_matches('{column.pattern}')"
    if check is not None:
        raise MlopsError(
            f"{SOURCES_FILE.as_posix()}: tables.{table}.columns.{name}: the check {check} "
            f"does not fit the type {column.type}; correct one of them."
        )
