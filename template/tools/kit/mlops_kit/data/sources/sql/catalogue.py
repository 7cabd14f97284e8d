"""What is asked of a database before a table is read: its columns, and why it refuses."""

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from mlops_kit.core.errors import MlopsError
from mlops_kit.data.sources.declared import asked_columns
from mlops_kit.data.sources.missing import missing_column
from mlops_kit.data.sources.sql.statement import Dialect, source_of

if TYPE_CHECKING:
    from mlops_kit.data.config import Table


@contextlib.contextmanager
def refusing(
    kind: type[Exception], refusal: Callable[[str, Any], MlopsError], source: str
) -> Iterator[None]:
    """Make sentences of a driver's errors, while it connects and while it is asked."""
    try:
        yield
    except kind as error:
        raise refusal(source, error) from None


def described(cursor: Any) -> Any:
    """Return what a cursor says of the columns of its statement, by PEP 249: names come first."""
    return cursor.description


def columns(
    connection: Any,
    whose: str,
    table: "Table",
    dialect: Dialect,
    lacks: Callable[[Exception], bool],
    of_cursor: Callable[[Any], Any] = described,
) -> dict[str, Any]:
    """Ask what the columns that are read are there.

    Parameters
    ----------
    whose : str
        The table and its source, for messages.
    lacks : callable
        Whether an error of the driver says that a column is not there.
    of_cursor : callable
        Gives what a cursor says of each column.

    Raises
    ------
    MlopsError
        When one is not there.
    """
    asked = asked_columns(table)
    written = ", ".join(map(dialect.quoted, asked))
    try:
        there = _asked(connection, written, table, dialect, of_cursor)
    except Exception as error:
        if not lacks(error):
            raise
        raise missing_column(whose, asked, names(connection, table, dialect)) from None
    return dict(zip(asked, there, strict=True))


def names(connection: Any, table: "Table", dialect: Dialect) -> list[str]:
    """Name all columns that a table has there."""
    return [one[0] for one in _asked(connection, "*", table, dialect, described)]


def _asked(
    connection: Any, written: str, table: "Table", dialect: Dialect, of_cursor: Callable[[Any], Any]
) -> list[Any]:
    with contextlib.closing(connection.cursor()) as cursor:
        cursor.execute(f"SELECT {written} FROM {source_of(table, dialect)} WHERE 1 = 0")
        return list(of_cursor(cursor))
