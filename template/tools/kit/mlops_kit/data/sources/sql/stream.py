"""Rows of a statement as Arrow, by connectorx's stream, each column pinned to its type.

connectorx makes every number a decimal(38, 10) and rounds what has more digits, and takes infinite
times for some day: a column is asked for as text where that could happen, and everything is looked
at when it arrives.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from mlops_kit.core.errors import MlopsError
from mlops_kit.data.sources.sql.drained import drained
from mlops_kit.data.sources.sql.statement import Taken, schema_of
from mlops_kit.data.sources.unfit import Unfit

if TYPE_CHECKING:
    import pyarrow

# What connectorx's numbers hold exactly: digits in all, and after the point.
DIGITS, AFTER = 28, 10
# Beyond these years a date is no date: what stands for "for ever" in a database.
FIRST_YEAR, LAST_YEAR = -4712, 9999
DAYS = tuple((year - 1970) * 365.2425 for year in (FIRST_YEAR, LAST_YEAR + 1))
PER_DAY = 86_400_000_000  # microseconds


def rows(
    address: str,
    statement: str,
    columns: list[Taken],
    batch: int,
    whose: str,
    refusal: Callable[[str], MlopsError],
) -> "Iterator[pyarrow.RecordBatch]":
    """Read a statement, some rows at a time.

    Parameters
    ----------
    address : str
        With the password, as connectorx takes it.
    whose : str
        The table and its source, for messages.
    refusal : callable
        Makes an error of what connectorx says.

    Raises
    ------
    MlopsError
        As `refusal` makes it, or where a value cannot be taken exactly.
    """
    import connectorx

    def opened() -> Any:
        return connectorx.read_sql(address, statement, return_type="arrow_stream", batch_size=batch)

    try:
        for arrived in drained(opened):
            yield pinned(arrived, columns, whose)
    except (MlopsError, OSError, KeyboardInterrupt, SystemExit, GeneratorExit):
        raise
    except BaseException as error:  # a panic of Rust is no Exception
        raise refusal(" ".join(str(error).split())) from None


def pinned(batch: "pyarrow.RecordBatch", columns: list[Taken], whose: str) -> "pyarrow.RecordBatch":
    """Give each column the type that was announced, and lose nothing.

    Raises
    ------
    MlopsError
        When a value is none of that type.
    """
    import pyarrow
    import pyarrow.compute

    made = []
    for one, values in zip(columns, batch.columns, strict=True):
        try:
            if pyarrow.types.is_integer(values.type) and pyarrow.types.is_timestamp(one.type):
                values = _moments(values, one.type)
            elif pyarrow.types.is_date(values.type) or pyarrow.types.is_timestamp(values.type):
                _check_days(values)
            made.append(values if values.type == one.type else values.cast(one.type))
        except (pyarrow.ArrowException, ValueError) as error:
            said = str(error).splitlines()[0]
            what = f"a value that is no {one.type} ({_kind(said)})"
            raise Unfit([one.name], whose, what) from None
    return pyarrow.RecordBatch.from_arrays(made, schema=schema_of(columns))


def _moments(microseconds: "pyarrow.Array", kind: "pyarrow.DataType") -> "pyarrow.Array":
    """Take microseconds since 1970 as moments; none at all is what MySQL makes of a zero date."""
    import pyarrow
    import pyarrow.compute

    if pyarrow.compute.any(pyarrow.compute.equal(microseconds, 0)).as_py():
        raise ValueError("infinity, or a day that no calendar has")
    return microseconds.cast(pyarrow.int64()).cast(kind)


def _check_days(values: "pyarrow.Array") -> None:
    import pyarrow
    import pyarrow.compute

    if len(values) == values.null_count:
        return
    days = pyarrow.types.is_date32(values.type)
    found = pyarrow.compute.min_max(values.view(pyarrow.int32() if days else pyarrow.int64()))
    unit = 1 if days else PER_DAY
    low, high = (found[side].as_py() / unit for side in ("min", "max"))
    if low < DAYS[0] or high >= DAYS[1]:
        raise ValueError("infinity, or a day that no calendar has")


def _kind(said: str) -> str:
    """What is wrong, without the value."""
    return said if said.startswith("infinity") else "it does not fit, or is written otherwise"
