"""Whether a table keeps what it promises as a whole: its number of rows, and how fresh it is."""

import datetime
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_kit.core.errors import MlopsError
from mlops_kit.core.sql import literal, quoted
from mlops_kit.core.utc import connect
from mlops_kit.core.words import counted
from mlops_kit.core.zones import OPEN_ZONE, RESTRICTED_ZONE
from mlops_kit.data.contracts.declared import Promised, seconds_of

if TYPE_CHECKING:
    from mlops_kit.data.config import Sources, Table

DAY = 86_400
FILE = "conf/sources.yaml"


def check_rows(name: str, promised: Promised, rows: int) -> None:
    """Stop when a table has fewer or more rows than it promises.

    Raises
    ------
    MlopsError
        As said.
    """
    least, most = promised.rows.minimum, promised.rows.maximum
    wrong = None
    if least is not None and rows < least:
        wrong = f"at least {least:,}"
    elif most is not None and rows > most:
        wrong = f"at most {most:,}"
    if wrong is not None:
        raise MlopsError(
            f'Table "{name}" has {counted(rows, "row")}, and {FILE} promises {wrong}: look at '
            f"its source, or correct tables.{name}.rows."
        )


def stale(name: str, table: "Table", newest: Any, now: float | None = None) -> str | None:
    """Say how a table breaks what it promises of its age; None where it does not.

    Parameters
    ----------
    newest : date or datetime
        When its last row happened; a moment without a zone is taken as UTC, a date as its end.
    now : float, optional
        Seconds since the epoch.
    """
    if table.fresh_within is None or newest is None:
        return None
    now = time.time() if now is None else now
    age = now - _seconds(newest)
    promise = f"{FILE} promises {table.fresh_within}"
    if age < -DAY:  # a local time, or a date, is less than a day ahead of UTC
        return (
            f'{name}: its newest "{table.time}" lies {_days(-age)} ahead, so that nobody can say '
            f"whether it is fresh, and {promise}: mend the source, or set `years` of that column"
        )
    if age <= seconds_of(table.fresh_within):
        return None
    return f'{name}: its newest "{table.time}" is {_days(age)} old, and {promise}'


def stale_tables(config: "Sources") -> Iterator[str]:
    """Say which of the tables that were stored last are older by now than they promise."""
    for name, table in config.tables.items():
        if table.fresh_within is None or table.time is None:
            continue
        for zone in (RESTRICTED_ZONE, OPEN_ZONE):
            file = zone / "tables" / f"{name}.parquet"
            if file.is_file():
                if said := stale(name, table, _newest(file, table.time)):
                    yield said
                break


def _newest(file: Path, column: str) -> Any:
    with connect() as connection:
        found = connection.execute(
            f"SELECT max({quoted(column)}) FROM read_parquet({literal(file.as_posix())})"
        ).fetchone()
    return None if found is None else found[0]


def _seconds(newest: Any) -> float:
    if not isinstance(newest, datetime.datetime):
        end = datetime.datetime.combine(newest, datetime.time(), datetime.UTC)
        return end.timestamp() + DAY
    if newest.tzinfo is None:
        newest = newest.replace(tzinfo=datetime.UTC)
    return newest.timestamp()


def _days(seconds: float) -> str:
    if seconds < 2 * DAY:
        return f"{seconds / 3_600:.0f} hours"
    return f"{seconds / DAY:,.0f} days"
