"""What a table may promise as a whole: how many rows, how fresh, and the tables that it names."""

import re
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

from pydantic import Field, field_validator, model_validator

from mlops_kit.core.errors import MlopsError
from mlops_kit.core.settings import Section
from mlops_kit.data.types import WITHOUT_ORDER

if TYPE_CHECKING:
    from mlops_kit.data.config import Column, Sources

LONG = re.compile(r"(\d+) *(minutes?|m|hours?|h|days?|d|weeks?|w)")
SECONDS = {"m": 60, "h": 3_600, "d": 86_400, "w": 604_800}


class Rows(Section):
    """How many rows a table has, those that are set aside included."""

    minimum: int | None = Field(None, ge=1)
    """Fewer stop the run."""
    maximum: int | None = Field(None, ge=1)
    """More stop the run."""

    @model_validator(mode="after")
    def _fits(self) -> "Rows":
        if None not in (self.minimum, self.maximum) and self.minimum > self.maximum:  # type: ignore[operator]
            raise ValueError("rows: the minimum is above the maximum")
        return self


class Promised(Section):
    """What a table promises as a whole."""

    rows: Rows = Rows()
    """How many rows it has: another number stops the run."""
    fresh_within: str | None = None
    """How old its newest `time` may be, such as `36h` or `2 days`: an older one is told, and is a
    negative verdict of `mlops sources test`; it stops no run, so that old ones can be repeated."""
    left_out: list[str] = []
    """Columns of its source that are known and deliberately not read, where the source's `drift`
    asks about new ones."""

    @field_validator("fresh_within")
    @classmethod
    def _long(cls, value: str | None) -> str | None:
        if value is not None:
            seconds_of(value)
        return value


def seconds_of(text: str) -> int:
    """Read how long something may take: `90 minutes`, `36h`, `2 days`, `1w`.

    Raises
    ------
    ValueError
        When it is no such text.
    """
    found = LONG.fullmatch(text.strip())
    if found is None:
        raise ValueError(f'"{text}" is no length of time; write one as 36h, 2 days or 1 week')
    return int(found[1]) * SECONDS[found[2][0]]


def check_promises(file: str, config: "Sources") -> None:
    """Refuse promises that cannot be checked.

    Raises
    ------
    MlopsError
        When a table has no `time` to be fresh by, leaves out what it reads, or refers to a column
        that is not there, has another type, or refers back.
    """
    for name, table in config.tables.items():
        if table.fresh_within is not None and table.time is None:
            raise MlopsError(
                f"{file}: tables.{name}.fresh_within needs `time`, the column that says when a row "
                "happened; add it."
            )
        if both := [one for one in table.left_out if one in table.read_columns]:
            raise MlopsError(
                f'{file}: tables.{name} reads "{both[0]}" and names it under left_out; keep one.'
            )
        for column, contract in table.columns.items():
            if contract.references is not None:
                _check_reference(f"{file}: tables.{name}.columns.{column}", config, contract)
    try:
        in_order(config)
    except CycleError as error:
        around = " -> ".join(error.args[1])
        raise MlopsError(
            f"{file}: `references` go round in a circle ({around}): no table can be checked "
            "first; take one out."
        ) from None


def _check_reference(where: str, config: "Sources", contract: "Column") -> None:
    table, column = referred(contract.references)
    other = config.tables.get(table)
    if other is None or column not in other.columns:
        raise MlopsError(
            f'{where}.references is "{contract.references}": write table.column, both of this file.'
        )
    if (theirs := other.columns[column].type) != contract.type:
        raise MlopsError(
            f"{where} is {contract.type}, and {contract.references}, which it refers to, is "
            f"{theirs}; give both the same type."
        )
    if contract.kind in WITHOUT_ORDER:
        raise MlopsError(
            f"{where}: a {contract.kind} cannot refer to a column; take `references` out."
        )


def referred(reference: str | None) -> tuple[str, str]:
    """Return the table and the column that are referred to."""
    table, _, column = (reference or "").partition(".")
    return table, column


def in_order(config: "Sources") -> list[str]:
    """Name the tables so that each comes after those that it refers to, else as they are declared.

    Raises
    ------
    graphlib.CycleError
        When there is no such order.
    """
    sorter = TopologicalSorter[str]()
    for name, table in config.tables.items():
        others = (referred(one.references)[0] for one in table.columns.values() if one.references)
        sorter.add(name, *(other for other in others if other != name))
    return list(sorter.static_order())
