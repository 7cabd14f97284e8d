"""All columns of a table as they came, in one file, to be looked at one by one."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_kit.core.errors import MlopsError

if TYPE_CHECKING:
    import polars


def keep(frames: "Iterable[polars.DataFrame]", file: Path) -> int:
    """Write frames of one schema; return how many rows they have.

    Raises
    ------
    MlopsError
        When files of one table hold a column in different types.
    """
    import polars as pl
    import pyarrow

    rows, out, schema = 0, None, None
    options = pyarrow.ipc.IpcWriteOptions(compression="lz4")
    try:
        for frame in frames:
            if schema is None:
                schema = frame.schema
            elif frame.schema != schema:
                odd = next(name for name in schema if frame.schema.get(name) != schema[name])
                raise MlopsError(
                    f'The files of the table hold "{odd}" as {schema[odd]} and as '
                    f"{frame.schema.get(odd)}; write it in one type."
                )
            table = frame.to_arrow(compat_level=pl.CompatLevel.oldest())
            if out is None:
                out = pyarrow.ipc.new_file(file, table.schema, options=options)
            out.write_table(table)
            rows += len(frame)
    finally:
        if out is not None:
            out.close()
    return rows


def kept(file: Path, names: list[str]) -> "Iterator[tuple[str, polars.Series]]":
    """Read columns again, one by one."""
    with _opened(file) as source:
        schema = _reader(source).schema
        for name in names:
            column = _reader(source, [schema.get_field_index(name)]).read_all().column(0)
            yield name, _series(column, name)


def spaced(file: Path, names: list[str], step: int) -> "polars.DataFrame":
    """Read every nth row of some columns."""
    import polars as pl

    with _opened(file) as source:
        schema = _reader(source).schema
        places = [schema.get_field_index(name) for name in names]
        reader = _reader(source, places)
        parts = [pl.DataFrame(pl.from_arrow(reader.schema.empty_table()))]
        before = 0
        for number in range(reader.num_record_batches):
            batch = reader.get_batch(number)
            # Not by pyarrow's take, whose list of places loads pandas.
            parts.append(pl.DataFrame(pl.from_arrow(batch)).gather_every(step, -before % step))
            before += batch.num_rows
        return pl.concat(parts).select(names)


def _opened(file: Path) -> Any:
    import pyarrow

    return pyarrow.OSFile(str(file))  # mapped pages would count as memory


def _reader(source: Any, places: list[int] | None = None) -> Any:
    import pyarrow

    options = pyarrow.ipc.IpcReadOptions(included_fields=places or [])
    return pyarrow.ipc.open_file(source, options=options)


def _series(column: Any, name: str) -> "polars.Series":
    import polars as pl

    return pl.Series(name, pl.from_arrow(column))
