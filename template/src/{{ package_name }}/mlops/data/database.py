"""The one way to DuckDB: every session is in UTC, whatever the machine's time zone is."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb


def connect() -> "duckdb.DuckDBPyConnection":
    """Open a database in memory whose dates, casts and SQL do not depend on the machine.

    Returns
    -------
    duckdb.DuckDBPyConnection
        Use it in a `with` block.
    """
    import duckdb

    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    return connection
