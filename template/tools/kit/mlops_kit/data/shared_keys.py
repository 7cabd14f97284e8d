"""Keys that two sources share: the same thing told twice is counted, never dropped or joined."""

from collections.abc import Iterator, Mapping
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

from mlops_kit.core.sql import literal, quoted
from mlops_kit.core.utc import connect
from mlops_kit.core.words import counted
from mlops_kit.data.config import Sources, Table


class Shared(NamedTuple):
    """Two tables of different sources, the key of both, and how many of its values are in both.

    `alike` says whether they have other columns in common: they tell of the same things then, and
    are not two tables to be joined.
    """

    first: str
    second: str
    column: str
    values: int
    alike: bool

    def said(self) -> str:
        """Say it for a person."""
        return (
            f"{self.first} and {self.second}, which come from different sources, share "
            f"{counted(self.values, 'value')} of {self.column}: count once what is one thing"
        )


def shared_keys(config: Sources, tables: Mapping[str, Path], scratch: Path) -> Iterator[Shared]:
    """Count the values of a key that tables of different sources have in common.

    Parameters
    ----------
    tables : mapping of str to Path
        The rows that keep their contract, as parquet, by table.
    scratch : Path
        Folder for what does not fit in memory; it is removed at the end.
    """
    pairs = [
        (first, second, column)
        for first, second in combinations(config.tables, 2)
        if config.tables[first].source != config.tables[second].source
        for column in _keys(config.tables[first])
        if column in _keys(config.tables[second])
    ]
    if not pairs:
        return
    with connect(threads=None, spill=scratch) as connection:
        for first, second, column in pairs:
            texts = [
                f"SELECT DISTINCT CAST({quoted(column)} AS VARCHAR) AS key "
                f"FROM read_parquet({literal(tables[name].as_posix())})"
                for name in (first, second)
            ]
            found = connection.execute(
                f"SELECT count(*) FROM ({texts[0]}) AS a JOIN ({texts[1]}) AS b USING (key)"
            ).fetchone()
            if found is not None and found[0]:
                ours, theirs = (set(config.tables[name].columns) for name in (first, second))
                yield Shared(first, second, column, found[0], len(ours & theirs) > 1)


def _keys(table: Table) -> list[str]:
    """The columns that identify a row of a table, each by itself."""
    unique = [name for name, one in table.columns.items() if one.unique and one.made is None]
    return list(dict.fromkeys([*unique, *(table.key if len(table.key) == 1 else [])]))
