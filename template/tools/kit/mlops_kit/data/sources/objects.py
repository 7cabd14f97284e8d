"""Objects of a store without columns as rows of the declared types: exactly, or refused."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import InvalidOperation
from typing import TYPE_CHECKING, Any, TypeAlias

from mlops_kit.core.errors import MlopsError
from mlops_kit.core.files import scratch_beside
from mlops_kit.core.sql import literal, quoted
from mlops_kit.core.utc import connect
from mlops_kit.data.parquet import Growing
from mlops_kit.data.sources.base import Landed, Wanted
from mlops_kit.data.sources.declared import asked_columns, schema_of
from mlops_kit.data.sources.exact import TAKEN, local, nested, only_text
from mlops_kit.data.sources.missing import missing_column
from mlops_kit.data.types import PARTS

if TYPE_CHECKING:
    import pyarrow

    from mlops_kit.data.config import Table

Batches: TypeAlias = "Iterator[pyarrow.RecordBatch]"
# Bytes of text that are kept in memory before a batch is given on.
MOST = 32 << 20


class Reader:
    """An open connection for one table of a store without columns; see `Connection`."""

    ordered = False
    """Whether the store gives rows by their key; else they are sorted here."""

    def __init__(self, source: Landed, name: str, table: "Table") -> None:
        self.table, self.name, self.whose = table, name, f"{name} of {table.source}"
        self.schema, self.size = schema_of(table), source.batch
        self.place = source.place(name, table)

    def newest(self) -> Any:
        """Return the highest cursor, where rows come by their key; else nothing is asked."""
        return None

    def found(self, wanted: Wanted) -> Iterator[Mapping[str, Any]]:
        """Give the objects, all or those that are wanted."""
        raise NotImplementedError

    def rows(self, wanted: Wanted) -> Batches:
        """Read rows, some at a time, in the order of the key if the table names one.

        A store that has no order gives the same objects otherwise each time; sums would differ in
        the last digit, and a snapshot in which nothing is new would be another file.
        """
        found = batches(self.found(wanted), self.table, self.whose, self.size, wanted)
        return found if self.ordered or not self.table.key else _in_order(found, self)


def _in_order(found: Batches, reader: Reader) -> Batches:
    """Sort rows by their key, in memory as far as they fit."""
    schema, place = reader.schema, reader.place
    with scratch_beside(place) as beside:
        with Growing(beside, schema, "lz4") as file:
            for batch in found:
                file.add(batch)
        with connect(spill=place.with_name(f".{reader.name}.sorted.tmp")) as connection:
            order = ", ".join(map(quoted, reader.table.key))
            read = f"SELECT * FROM read_parquet({literal(beside.as_posix())}) ORDER BY {order}"
            for batch in connection.sql(read).to_arrow_reader(reader.size):
                yield batch.cast(schema)


def batches(
    objects: Iterable[Mapping[str, Any]], table: "Table", whose: str, size: int, wanted: Wanted
) -> Batches:
    """Take the columns of a table from objects, some rows at a time.

    A column is a name, or a path into what is inside, such as `client.town`; what is not there is
    missing. `wanted` is honoured here, whatever its store was asked.

    Parameters
    ----------
    whose : str
        The table and its source, for messages.
    size : int
        Rows of a batch.

    Raises
    ------
    MlopsError
        When a value is none of its declared type, or no object has a column.
    """
    import pyarrow as pa

    schema, names = schema_of(table), asked_columns(table)
    check_cursor(table, whose)
    takes = [(name, name.split("."), _taker(table, name, schema)) for name in names]
    at = names.index(table.cursor) if table.cursor is not None else None
    seen: set[str] = set()
    there: dict[str, None] = {}
    kept: list[list[Any]] = []
    count, held = 0, 0

    def made() -> "pa.RecordBatch":
        columns = zip(*kept, strict=True)
        arrays = [
            _array(list(column), field, whose)
            for column, field in zip(columns, schema, strict=True)
        ]
        return pa.RecordBatch.from_arrays(arrays, schema=schema)

    for one in objects:
        row = []
        for name, path, take in takes:
            value, found = _value(one, name, path)
            if found:
                seen.add(name)
            row.append(None if value is None else _taken(take, value, name, schema, whose))
            held += len(row[-1]) if isinstance(row[-1], str | bytes) else 8
        if len(there) < 100:
            there.update(dict.fromkeys(one))
        if at is not None and wanted.since is not None and not _is_new(row[at], wanted.since):
            continue
        kept.append(row)
        count += 1
        if len(kept) >= size or held > MOST or count == wanted.limit:
            yield made()
            kept, held = [], 0
        if count == wanted.limit:
            return
    if kept:
        yield made()
    whole = wanted.since is None and wanted.after is None and wanted.limit is None
    if whole and there and len(seen) < len(names):
        raise missing_column(whose, [name for name in names if name not in seen], list(there))


def check_cursor(table: "Table", whose: str) -> None:
    """Refuse a cursor whose order nobody knows, because nothing says what it is."""
    if table.cursor is not None and table.cursor not in table.columns:
        raise MlopsError(
            f'The cursor "{table.cursor}" of {whose} has no type: declare it among the columns.'
        )


def deeply(value: Any, own: Callable[[Any], Any]) -> Any:
    """Turn what a driver has of its own into types of Python, inside of others too."""
    if isinstance(value, Mapping):
        return {name: deeply(one, own) for name, one in value.items()}
    if isinstance(value, list):
        return [deeply(one, own) for one in value]
    return own(value)


def _is_new(cursor: Any, since: Any) -> bool:
    return cursor is None or cursor >= since


def _value(one: Mapping[str, Any], name: str, path: list[str]) -> tuple[Any, bool]:
    if name in one:
        return one[name], True
    value: Any = one
    for part in path:
        if not isinstance(value, Mapping) or part not in value:
            return None, False
        value = value[part]
    return value, len(path) > 1


def _taker(table: "Table", name: str, schema: "pyarrow.Schema") -> Callable[[Any], Any]:
    column = table.columns.get(name)
    if name == table.cursor and column is not None and column.type == "string":
        return only_text  # the order of numbers is not that of their texts
    if column is not None and column.type == "timestamp":
        return local
    if column is not None and column.kind in ("json", *PARTS):
        return nested
    kind = str(schema.field(name).type)
    return TAKEN["decimal" if kind.startswith("decimal") else kind]


def _taken(
    take: Callable[[Any], Any], value: Any, name: str, schema: "pyarrow.Schema", whose: str
) -> Any:
    try:
        return take(value)
    except (TypeError, ValueError, KeyError, OverflowError, InvalidOperation):
        kind = schema.field(name).type
        shown = "str" if isinstance(value, str) else type(value).__name__
        other = "binary" if str(kind) == "string" else "string"
        raise MlopsError(
            f'A value of "{name}" of {whose} is a {shown} that is no {kind}, as '
            f"which conf/sources.yaml declares it: mend it there, or declare the type {other}."
        ) from None


def _array(values: list[Any], field: "pyarrow.Field", whose: str) -> "pyarrow.Array":
    import pyarrow as pa

    try:
        return pa.array(values, field.type)
    except UnicodeEncodeError:
        raise MlopsError(
            f'A value of "{field.name}" of {whose} holds half of a letter (a lone surrogate), '
            "which no text can: mend it there."
        ) from None
    except (pa.ArrowException, OverflowError, TypeError, ValueError):
        raise MlopsError(
            f'A value of "{field.name}" of {whose} does not fit into {field.type} without being '
            "rounded: declare a wider type, or string."
        ) from None
