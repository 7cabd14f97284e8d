"""Texts as numbers: one way of writing them, the declared one; two readings are never chosen from.

`1.500` is one and a half with a decimal point and fifteen hundred with groups of three. Where
nothing is declared, other numbers of the file may tell; if none does, the table is refused.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_kit.core.errors import MlopsError
from mlops_kit.data.config import SOURCES_FILE, Column, Table
from mlops_kit.data.values.missing import where

if TYPE_CHECKING:
    import polars

EXACT = 2**53  # whole numbers up to there are exact as numbers
TWO_READINGS = r"^[+-]?[1-9]\d{0,2}\.\d{3}$"
ONLY_A_COMMA = r"^[+-]?(\d*,\d+|\d{1,3}(\.\d{3})+,\d*|\d{1,3}(,\d{3})+(\.\d*)?)$"
ONLY_GROUPS = r"^[+-]?\d{1,3}(\.\d{3}){2,}$"
# Any of them, in a text.
GROUPED = re.compile("|".join((TWO_READINGS, ONLY_A_COMMA, ONLY_GROUPS)))
NOT_DECLARED = "has a point or comma as its table does not declare: see decimal and thousands"
NOT_EXACT = "has more digits than its decimal keeps: declare more, or the type number"
TOO_LONG = "has more digits than a number keeps: declare integer, string or decimal(p,s)"


@dataclass
class Writing:
    """What the values of a file tell about how it writes them."""

    ambiguous: dict[str, int] = field(default_factory=dict)
    """By column: how many may be read in two ways."""
    commas: dict[str, int] = field(default_factory=dict)
    """By column: how many are numbers only with a comma for the fraction or for thousands."""
    points: bool = False
    """Whether some number has a point that can only be a decimal one."""
    fields: dict[tuple[str, str], bool] = field(default_factory=dict)
    """By the path of a struct and a field that is declared: whether some value has it."""

    def note_fields(self, path: str, declared: Iterable[str], seen: set[str]) -> None:
        """Look at which fields the objects at a path have."""
        for name in declared:
            self.fields[path, name] = self.fields.get((path, name), False) or name in seen

    def note(self, name: str, text: "polars.Series", typed: "polars.Series") -> None:
        """Look at the texts of one column, of which `typed` has those that are numbers."""
        self.note_points(name, text)
        odd = text.filter(typed.is_null() & text.is_not_null())
        if len(odd) and (
            count := int((odd.str.contains(ONLY_A_COMMA) | odd.str.contains(ONLY_GROUPS)).sum())
        ):
            self.commas[name] = self.commas.get(name, 0) + count

    def note_points(self, name: str, text: "polars.Series") -> None:
        """Look at the points alone, until one is known to stand before a fraction."""
        if self.points:
            return
        dotted = text.filter(text.str.contains(".", literal=True).fill_null(False))
        if len(dotted):
            several = dotted.str.contains(TWO_READINGS)
            if count := int(several.sum()):
                self.ambiguous[name] = self.ambiguous.get(name, 0) + count
            self.points = bool((~several & _plain(dotted).is_not_null()).any())

    def check(self, name: str, file: Path | None) -> None:
        """Ask how a file writes numbers, if it holds some that may be read in two ways.

        Raises
        ------
        MlopsError
            Names both readings and what to declare; or a field that no struct has.
        """
        of = f'of table "{name}"' + (f" in {file.as_posix()}" if file else "")
        for (path, lacking), seen in self.fields.items():
            if not seen:
                raise MlopsError(
                    f'No value of "{path}" {of} has the field "{lacking}", which its type declares '
                    f"under tables.{name} in {SOURCES_FILE.as_posix()}: correct the name there."
                )
        where = f"under tables.{name} in {SOURCES_FILE.as_posix()}"
        two_ways = (
            "such as 3,5 or 1,500 or 1.500.000, whose commas and points may stand before the "
            f'fraction or between thousands: say which {where}: `decimal: ","` with '
            '`thousands: "."`, or `decimal: "."` with `thousands: ","`.'
        )
        unsure = (
            "such as 1.500, which is 1.5 with a decimal point and 1500 with points between "
            f"thousands, and no number of the file tells which: say it {where}: "
            '`decimal: "."`, or `decimal: ","` with `thousands: "."`.'
        )
        for found, said in ((self.commas, two_ways), (self.ambiguous, unsure)):
            if found and (said is two_ways or not self.points):
                column, count = next(iter(found.items()))
                raise MlopsError(f'Column "{column}" {of} has {count:,} numbers {said}')


def plain(text: "polars.Series", column: Column) -> "polars.Series":
    """Read integers and numbers without spaces, and with a point alone; null the others."""
    import polars as pl

    return text.cast(pl.Int64, strict=False) if column.type == "integer" else _plain(text)


def read(text: "polars.Series", column: Column, table: Table) -> "polars.Series":
    """Read stripped texts as integers, numbers or decimals, shape (n,); null where it is none."""
    import polars as pl

    plain = _plain_text(text, table)
    if column.kind == "integer":
        whole = plain.cast(pl.Int64, strict=False)
        if (rest := whole.is_null() & plain.is_not_null()).any():  # 3.0 and 1e3
            real = plain.str.contains(r"[.eE]") & rest
            whole = whole.zip_with(~real, _whole(where(real, plain).cast(pl.Float64, strict=False)))
        return whole
    if column.kind == "decimal":
        precision, scale = column.digits
        fits = plain.str.contains(r"^[+-]?\d*\.?\d{0," + str(scale) + "}0*$")
        return where(fits, plain).cast(pl.Decimal(precision, scale), strict=False)
    return _plain(plain)


def from_numbers(values: "polars.Series", column: Column) -> "polars.Series":
    """Take typed values as integers, numbers or decimals; null where one would change."""
    import polars as pl

    if column.kind == "integer":
        if values.dtype.is_integer() or values.dtype == pl.Boolean:
            return values.cast(pl.Int64, strict=False)
        return _whole(values.cast(pl.Float64))
    if column.kind == "decimal":
        precision, scale = column.digits
        made = values.cast(pl.Decimal(precision, scale), strict=False)
        back = made.cast(values.dtype if values.dtype.is_decimal() else pl.Float64, strict=False)
        return where(back == values.cast(back.dtype), made)
    made = values.cast(pl.Float64)
    if values.dtype.is_integer():
        return where(values.is_between(-EXACT, EXACT) | _even(values, made), made)
    return where(made.is_finite(), made)


def why(text: "polars.Expr", column: Column) -> "polars.Expr":
    """Say why a text is no value of a column of numbers."""
    import polars as pl

    marked = text.str.contains(r"^[+-]?[\d., ']*[,'.][\d., ']*$")
    one_point = text.str.contains(r"^[+-]?\d*\.?\d*$")
    if column.kind == "decimal":
        said = pl.when(one_point).then(pl.lit(NOT_EXACT)).when(marked).then(pl.lit(NOT_DECLARED))
    elif column.type == "integer":
        said = pl.when(marked & ~one_point).then(pl.lit(NOT_DECLARED))
    else:
        whole = text.str.contains(r"^[+-]?\d{16,}$")
        said = pl.when(whole).then(pl.lit(TOO_LONG)).when(marked).then(pl.lit(NOT_DECLARED))
    return said.otherwise(pl.lit(f"is not of type {column.type}"))


def _even(values: "polars.Series", made: "polars.Series") -> "polars.Series":
    import polars as pl

    return made.cast(pl.Int64, strict=False).eq_missing(values.cast(pl.Int64, strict=False))


def _whole(number: "polars.Series") -> "polars.Series":
    import polars as pl

    return where((number % 1 == 0) & (number.abs() < EXACT), number).cast(pl.Int64, strict=False)


def _plain(text: "polars.Series") -> "polars.Series":
    """Numbers with a decimal point; long whole ones only where they stay what they are."""
    import polars as pl

    made = text.cast(pl.Float64, strict=False)
    made = where(made.is_finite(), made)
    if bool((made.abs() >= EXACT).any()):
        exact = text.cast(pl.Int64, strict=False)
        lost = exact.is_not_null() & (made.cast(pl.Int64, strict=False) != exact).fill_null(True)
        lost |= exact.is_null() & text.str.contains(r"^[+-]?\d+$")
        made = where(~lost.fill_null(False), made)
    return made


def _plain_text(text: "polars.Series", table: Table) -> "polars.Series":
    """Write numbers with a decimal point and without thousands; null what is written otherwise."""
    point, group = table.decimal or ".", table.thousands
    if group is not None:
        if group == " ":  # and the spaces that do not break a line
            text = text.str.replace_all("[\u00a0\u202f\u2009]", " ")
        mark = "\\" + group
        rest = f"({'[.]' if point == '.' else ','}\\d*)?"
        grouped = text.str.contains(r"^[+-]?\d\d?\d?(" + mark + r"\d\d\d)+" + rest + "$")
        bare = ~text.str.contains(group, literal=True)
        text = where(grouped | bare, text).str.replace_all(group, "", literal=True)
    if point == ",":
        text = where(~text.str.contains(".", literal=True), text)
        text = text.str.replace_all(",", ".", literal=True)
    return text
