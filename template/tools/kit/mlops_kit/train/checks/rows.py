"""Which rows the SQL of features.py gives: each once, none missing, those with an outcome."""

from typing import TYPE_CHECKING

from mlops_kit.core.errors import MlopsError
from mlops_kit.core.words import counted

if TYPE_CHECKING:
    import duckdb


# How far ahead a row looks, in steps of the series: rows of one id and time may differ by it alone.
KEYS = ("id", "time", "horizon")


def columns_of(connection: "duckdb.DuckDBPyConnection", table: str) -> list[str]:
    """Names of a table's columns."""
    return connection.table(table).columns


def keys_of(connection: "duckdb.DuckDBPyConnection") -> str:
    """Columns that identify a row, for USING: id, and time and horizon where rows() gives them."""
    found = columns_of(connection, "rows")
    if "id" not in found:
        raise MlopsError("features.py: rows() must give a column id.")
    keys = [name for name in KEYS if name in found]
    if "horizon" in keys and "time" not in keys:
        raise MlopsError(
            "features.py: rows() gives a horizon and no time: give the time at which the forecast "
            "is made too."
        )
    _require(connection, "target", [*keys, "y_true"])
    return ", ".join(keys)


def _require(connection: "duckdb.DuckDBPyConnection", table: str, needed: list[str]) -> None:
    for column in needed:
        if column not in columns_of(connection, table):
            raise MlopsError(f"features.py: {table}() must give a column {column}.")


def count(connection: "duckdb.DuckDBPyConnection", sql: str) -> int:
    """Return the one number that the SQL gives."""
    return int(connection.execute(sql).fetchall()[0][0])


def keep_labelled(connection: "duckdb.DuckDBPyConnection", keys: str) -> int:
    """Drop the rows without an outcome, from which nothing can be learned; return how many."""
    everything = count(connection, "SELECT count(*) FROM rows")
    for table in ("rows", "target"):
        check_unique(connection, table, keys)
    if empty := count(connection, "SELECT count(*) FROM target WHERE y_true IS NULL"):
        raise MlopsError(
            f"features.py: target() gives an empty y_true for {counted(empty, 'row')}; leave out "
            "the rows without an outcome."
        )
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE rows AS SELECT * FROM rows SEMI JOIN target USING ({keys})"
    )
    labelled = count(connection, "SELECT count(*) FROM rows")
    if labelled == 0:
        raise MlopsError(
            "features.py: rows() and target() have no row in common; nothing can be predicted."
        )
    return everything - labelled


def check_unique(connection: "duckdb.DuckDBPyConnection", table: str, keys: str) -> None:
    """Refuse a table that gives a row twice."""
    twice = f"SELECT count(*) FROM (SELECT 1 FROM {table} GROUP BY {keys} HAVING count(*) > 1)"
    if repeated := count(connection, twice):
        raise MlopsError(
            f"features.py: {table}() gives {counted(repeated, 'row')} more than once (same "
            f"{keys}); group or filter so that each is unique."
        )


def check_rows(connection: "duckdb.DuckDBPyConnection", table: str, keys: str) -> None:
    """Refuse a table that misses rows of rows(), or gives one twice."""
    _require(connection, table, keys.split(", "))
    check_unique(connection, table, keys)
    missing = count(connection, f"SELECT count(*) FROM rows ANTI JOIN {table} USING ({keys})")
    if missing:
        raise MlopsError(
            f"features.py: {table}() misses {missing:,} of the rows that rows() lists; "
            "start from rows with LEFT JOIN."
        )
