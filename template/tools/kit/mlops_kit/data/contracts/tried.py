"""Every table read and checked as the pipeline does it, with nothing kept: `mlops sources test`."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from mlops_kit.core.errors import MlopsError
from mlops_kit.core.files import scratch_beside
from mlops_kit.data.config import Sources
from mlops_kit.data.contracts.declared import in_order, referred
from mlops_kit.data.contracts.kept import check_rows
from mlops_kit.data.reading import store
from mlops_kit.room import LeaveOut


class Tried(NamedTuple):
    """What came of one table: whether every row and the table keep the contract, and what to tell.

    `said` begins with a line about the table; the others belong under it.
    """

    well: bool
    said: list[str]


def tried(
    config: Sources, leave_out: Sequence[LeaveOut], scratch: Path, landed: Mapping[str, bool]
) -> Iterator[Tried]:
    """Check each table, those first that others refer to.

    Parameters
    ----------
    scratch : Path
        Folder for the rows that are referred to, and for compared columns; removed at the end.
    landed : mapping of str to bool
        Of tables that are landed: whether they are.

    Raises
    ------
    MlopsError
        When a table cannot be read.
    """
    wanted = {
        referred(column.references)[0]
        for table in config.tables.values()
        for column in table.columns.values()
        if column.references
    }
    with ExitStack() as stack:
        kept: dict[str, Path] = {}
        for name in in_order(config):
            table = config.tables[name]
            asked = [referred(one.references)[0] for one in table.columns.values()]
            absent = [one for one in asked if one and one != name and one not in kept]
            if not landed.get(name, True):
                yield Tried(True, [f"{name:<12} not landed yet: uv run mlops data ingest"])
                continue
            if absent:
                yield Tried(True, [f"{name:<12} not checked: {absent[0]} is not landed yet"])
                continue
            if name in wanted:
                kept[name] = stack.enter_context(scratch_beside(scratch / f"{name}.kept"))
            reading = store(config, name, leave_out, scratch, kept.get(name), None, kept)
            lines = [f"{name:<12} {reading.good:,} good, {reading.broken:,} broken"]
            lines += reading.said()
            well = not reading.broken and reading.late is None
            try:
                check_rows(name, table, reading.good + reading.broken)
            except MlopsError as error:
                well = False
                lines.append(str(error))
            yield Tried(well, lines)
