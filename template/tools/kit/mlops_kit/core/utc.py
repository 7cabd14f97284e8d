"""One clock for every machine: database sessions and today's date are in UTC."""

import datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb


def connect(
    threads: int | None = 1, spill: Path | None = None, memory: str | None = None
) -> "duckdb.DuckDBPyConnection":
    """Open a DuckDB in memory whose session is in UTC, wherever the machine stands.

    Without it DuckDB takes the machine's time zone, and a moment with a zone becomes another hour,
    or another day, on another machine.

    Parameters
    ----------
    threads : int or None
        How many threads DuckDB may use; None is as many as it takes by itself.
    spill : Path, optional
        Folder for what does not fit in memory; DuckDB makes and removes it.
    memory : str, optional
        How much memory DuckDB takes before it spills, such as `256MB`; else most of the machine's.
    """
    import duckdb

    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    # It would be drawn into a command's result.
    connection.execute("SET enable_progress_bar = false")
    if threads is not None:
        connection.execute(f"SET threads TO {threads}")
    if spill is not None:
        connection.execute("SET temp_directory = ?", [spill.as_posix()])
    if memory is not None:
        connection.execute("SET memory_limit = ?", [memory])
    return connection


def today() -> datetime.date:
    """Return the day that it is in UTC: the same day on every machine."""
    return datetime.datetime.now(datetime.UTC).date()
