"""The ways in which the numbers of a column may be written, each tried on all of its values."""

import hashlib
from typing import TYPE_CHECKING, NamedTuple

from mlops_kit.data.config import Column, Table
from mlops_kit.data.values.cast import cast
from mlops_kit.data.values.numbers import EXACT, plain

if TYPE_CHECKING:
    import polars

Way = tuple[str, str | None]
# Decimal mark and thousands mark, the usual first.
WAYS: tuple[Way, ...] = (
    *((".", None), (".", ","), (",", None), (",", ".")),
    *((".", " "), (",", " "), (".", "'"), (",", "'")),
)
MARKS = {".": ".", ",": ",", "'": "'", " ": " \u00a0\u202f"}
GROUPS = r"^[+-]?(\d+|\d{1,3}(\.\d{3})+)$"
SOME = 100  # values that are tried before all of them are


class Numbers(NamedTuple):
    """What texts show when they are read as numbers in one way.

    `digest` is that of all values, so that equal ones are one reading. The values themselves are
    not kept: a table of many columns takes the memory of one.
    """

    digest: bytes
    whole: bool
    distinct: int
    """How many numbers they are, counted where each text stands once; else 0."""
    size: str


def ways(there: "polars.Series", table: Table, *, unique: bool) -> dict[Way, Numbers]:
    """Read texts as numbers in each way that fits all of them; the first is the usual one."""
    column = Column(type="number")
    first = spread(there)
    if not first.str.contains(r"^[+-]?[\d.,]").all():
        return {}
    usual = plain(first, column)
    usual = usual if usual.null_count() or first is there else plain(there, column)
    marks = {
        mark
        for mark, pattern in MARKS.items()
        if (usual.null_count() or mark == ".") and there.str.contains(f"[{pattern}]").any()
    }
    declared = (table.decimal or ".", table.thousands)
    tries = [declared] if {"decimal", "thousands"} & table.model_fields_set else WAYS
    found: dict[Way, Numbers] = {}
    for decimal, thousands in tries:
        if thousands and thousands not in marks and tries is WAYS:
            if (decimal, None) in found:  # it may stand in another column
                found[decimal, thousands] = found[decimal, None]
            continue
        if decimal == "," and "," not in marks and thousands is None and tries is WAYS:
            continue
        if thousands == "." and "," not in marks and not all_match(first, GROUPS):
            continue
        if (decimal, thousands) == WAYS[0]:
            made = usual
        else:
            tried = table.model_copy(update={"decimal": decimal, "thousands": thousands})
            if cast(first, column, tried).null_count():
                continue
            made = cast(there, column, tried)
        if not made.null_count():
            found[decimal, thousands] = _shown(made, unique)
    return found


def nearest(there: "polars.Series", table: Table) -> tuple[Way, "polars.Series"]:
    """Return the way in which most of some texts are numbers, and all of them read so.

    What is no number is null.
    """

    def read(texts: "polars.Series", way: Way) -> "polars.Series":
        tried = table.model_copy(update={"decimal": way[0], "thousands": way[1]})
        return cast(texts, Column(type="number"), tried)

    declared = {"decimal", "thousands"} & table.model_fields_set
    some = spread(there)
    tries = [(table.decimal or ".", table.thousands)] if declared else WAYS
    way = max(tries, key=lambda way: read(some, way).count())
    return way, read(there, way)


def spread(there: "polars.Series") -> "polars.Series":
    """Take some values from all over: what all must have, these have."""
    return there.gather_every(step) if (step := len(there) // SOME) > 9 else there


def all_match(there: "polars.Series", pattern: str) -> bool:
    """Whether all texts match; some are asked first."""
    return all(bool(values.str.contains(pattern).all()) for values in (spread(there), there))


def size(made: "polars.Series") -> str:
    """Say how large numbers are, not the smallest or largest: these are somebody's own."""
    n = len(str(int(made.abs().max())))  # type: ignore[arg-type]
    return f" of up to {n} digit{'s' * (n > 1)}{', some below zero' * bool((made < 0).any())}"


def _shown(made: "polars.Series", unique: bool) -> Numbers:
    whole = bool(((made % 1 == 0) & (made.abs() < EXACT)).all())
    digest = hashlib.blake2b(made.to_numpy().tobytes()).digest()
    return Numbers(digest, whole, made.n_unique() if unique else 0, size(made))  # 0 and 0.0 are one
