"""Every declared table from its source, some rows at a time."""

from collections.abc import Iterator, Mapping
from functools import cache
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_kit.core.errors import MlopsError
from mlops_kit.data.config import SOURCES_FILE, Files, Sample, Sources, Table
from mlops_kit.data.sources import changing, files, ids

if TYPE_CHECKING:
    import polars

JSON = ("jsonl", "json")


def as_written(config: Sources, name: str) -> Table:
    """The declaration of a table with what its format says of itself.

    Numbers of JSON have a decimal point, so that nothing has to be asked about them.
    """
    table = config.tables[name]
    source = config.sources[table.source]
    if isinstance(source, Files) and files.find(source, name, table).format in JSON:
        return table.model_copy(update={"decimal": "."})
    return table


def read(config: Sources, name: str) -> "Iterator[polars.DataFrame]":
    """Read a table from its source, declared columns only, not yet checked."""
    return chain.from_iterable(frames for _, frames in read_parts(config, name))


def read_parts(
    config: Sources, name: str, there: Mapping[Path, list[str]] | None = None
) -> "Iterator[tuple[Path | None, Iterator[polars.DataFrame]]]":
    """Read a table file by file, or whole where its source has no files.

    Where `there` says which columns each file has, the others are read as empty.
    """
    table = config.tables[name]
    read = table.model_copy(update={"columns": table.read_columns})
    parts = _read_parts(config.sources[table.source], name, read, there)
    return parts if len(read.columns) == len(table.columns) else ids.added(parts, table)


def _read_parts(
    source: Files | Sample, name: str, table: Table, there: Mapping[Path, list[str]] | None
) -> "Iterator[tuple[Path | None, Iterator[polars.DataFrame]]]":
    if isinstance(source, Files):
        if there is not None:
            return changing.read_what_is_there(source, name, table, there)
        return files.read(source, name, table)
    made = shop_of(source)
    if name not in made or not set(table.columns) <= set(made[name].columns):
        raise MlopsError(
            f"{SOURCES_FILE.as_posix()}: the sample has no such table or column as declared "
            f"under tables.{name}; it makes {', '.join(made)}."
        )
    return iter([(None, iter([made[name].select(list(table.columns))]))])


@cache
def shop_of(source: Sample) -> "dict[str, polars.DataFrame]":
    """Make the tables of the invented shop."""
    from mlops_kit.data.sources.sample_shop import later, shop

    made = shop.generate(source.customers, source.products, source.order_lines, source.seed)
    if source.habits_change is not None:
        made = later.habits_changed(made, source.habits_change, source.seed)
    if source.cents is not None:
        made = later.in_cents(made, source.cents)
    return made if source.until is None else later.until(made, source.until)
