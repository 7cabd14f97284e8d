"""What only a whole table shows: values that stand twice, and those that another table lacks."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_kit.core.sql import literal, quoted
from mlops_kit.core.utc import connect
from mlops_kit.data.contracts.declared import referred

if TYPE_CHECKING:
    import duckdb
    import polars

    from mlops_kit.data.config import Table

NOT_UNIQUE = "is not unique"
# Values that are compared at once.
AT_ONCE = 1_000_000


def wrong_values(
    keys: Path,
    name: str,
    table: "Table",
    others: Mapping[str, Path],
    rising: Collection[str] = (),
) -> "dict[str, dict[str, polars.Series]]":
    """Find the values of a table that break what it says of all its rows.

    Memory holds a part of them at a time, and those that are found.

    Parameters
    ----------
    keys : Path
        The compared columns of every row, as parquet.
    others : mapping of str to Path
        The rows of other tables that keep their contract, by table. A table that refers to itself
        is compared with all of its rows.
    rising : collection of str
        Columns whose values were seen to rise from row to row: none stands twice.

    Returns
    -------
    dict
        By column and reason.
    """
    found: dict[str, dict[str, polars.Series]] = {}
    with connect(threads=None, spill=keys.parent / ".spilled.tmp") as connection:
        written = connection.read_parquet(str(keys))
        written.create_view("keys")
        # Equal values fall into one part.
        parts = len(written) // AT_ONCE + 1
        for column, one in table.columns.items():
            own = quoted(column)
            if one.unique and column not in rising:
                twice = (
                    f"SELECT {own} FROM keys WHERE {own} IS NOT NULL AND hash({own}) % {parts} = "
                    f"$part GROUP BY {own} HAVING count(*) > 1"
                )
                _add(connection, twice, parts, found, column, NOT_UNIQUE)
            if one.references is not None:
                other, theirs = referred(one.references)
                file = keys if other == name else others[other]
                its = quoted(theirs)
                orphans = (
                    f"SELECT DISTINCT {own} FROM keys AS a WHERE {own} IS NOT NULL AND "
                    f"hash({own}) % {parts} = $part AND NOT EXISTS (SELECT 1 FROM "
                    f"read_parquet({literal(file.as_posix())}) AS b WHERE b.{its} = a.{own} "
                    f"AND hash(b.{its}) % {parts} = $part)"
                )
                reason = f"is not in {one.references}"
                _add(connection, orphans, parts, found, column, reason)
    return found


def _add(
    connection: "duckdb.DuckDBPyConnection",
    statement: str,
    parts: int,
    found: "dict[str, dict[str, polars.Series]]",
    column: str,
    reason: str,
) -> None:
    import polars as pl

    values = [connection.sql(statement, params={"part": n}).pl()[column] for n in range(parts)]
    if any(map(len, values)):
        found.setdefault(column, {})[reason] = pl.concat(values)
