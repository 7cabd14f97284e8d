"""What happens when the columns of a source are not those that a table declares.

The decision stands at the source (`drift`); nothing here decides by itself.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from mlops_kit.core.errors import MlopsError
from mlops_kit.data.config import SOURCES_FILE, Files, Landed, Sources, Table
from mlops_kit.data.landing.looked import may_be
from mlops_kit.data.sources.changing import columns_of
from mlops_kit.data.sources.declared import asked_columns
from mlops_kit.data.sources.files import find


class Drift(NamedTuple):
    """How the files of a table differ from what it declares.

    Attributes
    ----------
    decision : str
        `freeze`, `evolve` or `discard`.
    there : dict
        By file: which declared columns it has.
    new : list of str
        Columns that nobody has declared, nor named under `left_out`.
    retyped : list of str
        What has another type, and which.
    """

    decision: str
    there: dict[Path, list[str]]
    new: list[str]
    retyped: list[str]

    def absent(self, file: Path | None, table: Table) -> list[str]:
        """Name the declared columns that a file lacks."""
        if file is None:
            return []
        return [name for name in table.read_columns if name not in self.there[file]]

    def said(self, table: Table) -> Iterator[str]:
        """Say what differs."""
        if self.new:
            yield f"new columns: {', '.join(self.new)}"
        for file in self.there:
            if lacking := self.absent(file, table):
                yield f"{file.name} lacks {', '.join(lacking)}"
        yield from self.retyped


def looked(config: Sources, name: str) -> Drift | None:
    """Look at the columns of every file of a table; None where its source decides nothing.

    Raises
    ------
    MlopsError
        When something differs and the source says `freeze`, or a file has no declared column.
    """
    table = config.tables[name]
    source = config.sources[table.source]
    if not isinstance(source, Files) or source.drift is None:
        return None
    found = find(source, name, table)
    there: dict[Path, list[str]] = {}
    new: dict[str, None] = {}
    retyped: dict[str, None] = {}
    for file in found.files:
        types = columns_of(file, found.format, table)
        there[file] = [column for column in table.read_columns if column in types]
        if not there[file]:
            raise MlopsError(
                f"{file.as_posix()} has none of the columns that {SOURCES_FILE.as_posix()} "
                f"declares for {name}: correct `path`, or the columns."
            )
        known = {*asked_columns(table), *table.left_out}
        new |= dict.fromkeys(column for column in types if column not in known)
        retyped |= dict.fromkeys(_retyped(table, there[file], types))
    drift = Drift(source.drift, there, list(new), list(retyped))
    if drift.decision == "freeze" and (said := list(drift.said(table))):
        raise _frozen(name, table, said)
    return drift


def at_source(source: Landed, name: str, table: Table) -> tuple[Table, list[str]]:
    """Compare a table with the columns that it has in its database, before it is landed.

    Returns
    -------
    Table and list of str
        The table without columns that are not there, where the source's decision is to go on, and
        what is to be told.

    Raises
    ------
    MlopsError
        When something differs and the source says `freeze`, or cannot name its columns.
    """
    if source.drift is None:
        return table, []
    if getattr(type(source), "names", None) is Landed.names:
        raise MlopsError(
            f"{SOURCES_FILE.as_posix()}: sources.{table.source}.drift: a source of kind "
            f"{source.kind} has no columns that could be compared, only objects; take it out. A "
            "column that no object has is refused without it."
        )
    there = source.names(table)
    known = {*asked_columns(table), *table.left_out}
    drift = Drift(source.drift, {}, [one for one in there if one not in known], [])
    lacking = [one for one in table.read_columns if one not in there]
    said = list(drift.said(table)) + ([f"it lacks {', '.join(lacking)}"] if lacking else [])
    if drift.decision == "freeze" and said:
        raise _frozen(name, table, said)
    needed = [one for one in (*table.key, table.cursor) if one in lacking]
    if not lacking or needed or len(lacking) == len(table.read_columns):
        return table, said if drift.decision == "evolve" else []
    columns = {one: its for one, its in table.columns.items() if one not in lacking}
    return table.model_copy(update={"columns": columns}), said


def _retyped(table: Table, columns: list[str], types: dict[str, Any]) -> Iterator[str]:
    """Say which columns have a type of their own that is not the declared one; texts have none."""
    import pyarrow.types as arrow

    for column in columns:
        kind, declared = types[column], table.columns[column].kind
        if kind is None:
            continue
        text = arrow.is_string(kind) or arrow.is_large_string(kind)
        if (text and declared not in ("string", "json")) or not may_be(kind, declared):
            yield f"{column} is {kind}, declared {table.columns[column].type}"


def _frozen(name: str, table: Table, said: list[str]) -> MlopsError:
    return MlopsError(
        f"{name} of {table.source} has changed, and its source says `drift: freeze` "
        f"({'; '.join(said)}): mend the source, declare the columns in {SOURCES_FILE.as_posix()}, "
        f"or name new ones under tables.{name}.left_out."
    )
