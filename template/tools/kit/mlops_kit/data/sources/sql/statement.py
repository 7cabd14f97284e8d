"""The one statement that reads a table: its columns, which rows, and in which order."""

import datetime
from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from mlops_kit.core.errors import MlopsError
from mlops_kit.data.sources.base import Wanted

if TYPE_CHECKING:
    import pyarrow

    from mlops_kit.data.config import Table


class Dialect(NamedTuple):
    """How one database writes what others write differently.

    Attributes
    ----------
    quoted : callable
        Writes a name.
    text : callable
        Writes a text.
    moment : callable
        Writes a time that has no zone, or one in UTC; given it and whether it has a zone.
    first : str
        How at most `{rows}` rows of a statement are asked for, behind it.
    at_least : callable, optional
        Writes that a column, by its written name, is not lower than a written value, where that
        takes more than `>=`; given whether it is a time with a zone, too.
    day : callable, optional
        Writes a date, where that is more than its text.
    """

    quoted: Callable[[str], str]
    text: Callable[[str], str]
    moment: Callable[[str, bool], str]
    first: str = "LIMIT {rows}"
    at_least: Callable[[str, str, bool], str] | None = None
    day: Callable[[str], str] | None = None


class Taken(NamedTuple):
    """One column: how it is asked for, and as what it arrives.

    Attributes
    ----------
    name : str
        Its name there and here.
    expression : str
        What is asked for; its value is exact.
    type : pyarrow.DataType
        What it is pinned to.
    """

    name: str
    expression: str
    type: "pyarrow.DataType"


def schema_of(columns: list[Taken]) -> "pyarrow.Schema":
    """Return the columns with the types in which each batch comes."""
    import pyarrow

    return pyarrow.schema([(one.name, one.type) for one in columns])


def sorted_as_here(columns: list[Taken], table: "Table") -> bool:
    """Whether a database compares the key as we do, so that a broken read can go on behind it.

    Texts are sorted as people read them, so that two of them may be equal there, and moments are
    compared in local time, which has an hour twice.
    """
    kinds = {str(one.type) for one in columns if one.name in table.key}
    return bool(table.cursor and table.key) and not kinds & {"string", "timestamp[us, tz=UTC]"}


def newest(columns: list[Taken], table: "Table", dialect: Dialect) -> tuple[Taken, str]:
    """Write the statement that gives the highest cursor, and return the column that it is."""
    (cursor,) = (one for one in columns if one.name == table.cursor)
    return cursor, f"SELECT max({cursor.expression}) FROM {source_of(table, dialect)}"


def source_of(table: "Table", dialect: Dialect) -> str:
    """Return what stands behind FROM: a query, or the name of a table with its schema."""
    if table.query is not None:
        return f"({table.query.strip().rstrip(';')}) {dialect.quoted('asked')}"
    assert table.path is not None
    return ".".join(map(dialect.quoted, table.path.split(".")))


def select(
    table: "Table", columns: list[Taken], wanted: Wanted, dialect: Dialect, ordered: bool
) -> str:
    """Write the statement.

    Rows come in the order of their key where one is declared, so that a broken read can go on.
    """
    names = ", ".join(f"{one.expression} AS {dialect.quoted(one.name)}" for one in columns)
    text = f"SELECT {names} FROM {source_of(table, dialect)}"
    conditions = []
    if wanted.since is not None and table.cursor is not None:
        cursor = dialect.quoted(table.cursor)
        since, zoned = literal(wanted.since, dialect), getattr(wanted.since, "tzinfo", None)
        higher = f"{cursor} >= {since}"
        if dialect.at_least is not None:
            higher = dialect.at_least(cursor, since, zoned is not None)
        conditions.append(f"({higher} OR {cursor} IS NULL)")
    if wanted.after is not None:
        conditions.append(_behind(table.key, wanted.after, dialect))
    if conditions:
        text += f" WHERE {' AND '.join(conditions)}"
    if ordered:
        text += f" ORDER BY {', '.join(map(dialect.quoted, table.key))}"
    if wanted.limit is not None:
        text += " " + dialect.first.format(rows=wanted.limit)
    return text


def _behind(key: list[str], after: tuple[Any, ...], dialect: Dialect) -> str:
    """Write that a key is higher, column by column: not all databases compare rows."""
    ways = []
    for at, (name, value) in enumerate(zip(key, after, strict=True)):
        same = [
            f"{dialect.quoted(one)} = {literal(its, dialect)}"
            for one, its in zip(key[:at], after[:at], strict=True)
        ]
        higher = f"{dialect.quoted(name)} > {literal(value, dialect)}"
        ways.append(f"({' AND '.join([*same, higher])})")
    return f"({' OR '.join(ways)})"


def literal(value: Any, dialect: Dialect) -> str:
    """Write a value of a key or a cursor.

    Raises
    ------
    MlopsError
        For what cannot be compared exactly, such as a floating-point number.
    """
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str | datetime.date | UUID):
        raise MlopsError(
            f"A key or cursor may be a whole number, a decimal, a text, a date or a time, and here "
            f"it is {type(value).__name__}: name another column."
        )
    if isinstance(value, int | Decimal):
        return str(value)
    if isinstance(value, datetime.datetime):
        zoned = value.tzinfo is not None
        naive = value.astimezone(datetime.UTC).replace(tzinfo=None) if zoned else value
        return dialect.moment(naive.isoformat(sep=" ", timespec="microseconds"), zoned)
    if isinstance(value, datetime.date) and dialect.day is not None:
        return dialect.day(value.isoformat())
    return dialect.text(str(value))
