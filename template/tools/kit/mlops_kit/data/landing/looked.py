"""What `mlops sources test` says of sources that are landed."""

from collections.abc import Iterator

from mlops_kit.core.errors import MlopsError
from mlops_kit.core.words import counted
from mlops_kit.data.config import Sources, Table
from mlops_kit.data.sources.base import Landed, Looked
from mlops_kit.data.sources.fetched import Fetched
from mlops_kit.data.storage.bucket import looked


def look(config: Sources, landed: dict[str, bool]) -> Iterator[tuple[str, Looked]]:
    """Look at each such source: connection, permission, clock, and the columns of each table.

    Parameters
    ----------
    landed : dict
        Is told of each of their tables whether it has a snapshot.

    Returns
    -------
    iterator of str and Looked
        By the name of the source.
    """
    for name, source in config.sources.items():
        tables = {table: one for table, one in config.tables.items() if one.source == name}
        if isinstance(source, Fetched) and tables:
            landed |= {table: source.place(table, one).is_dir() for table, one in tables.items()}
            yield from ((name, one) for one in looked(source, name))
        if not isinstance(source, Landed) or not tables:
            continue
        landed |= {table: source.place(table, one).is_file() for table, one in tables.items()}
        try:
            for one in source.examined(name):
                yield name, one
        except MlopsError as error:
            yield name, Looked("connection", False, str(error))
            continue
        for table, declared in tables.items():
            yield name, _columns(source, table, declared)


def _columns(source: Landed, name: str, table: Table) -> Looked:
    try:
        with source.connected(name, table) as connection:
            schema = connection.schema
    except MlopsError as error:
        return Looked(name, False, str(error))
    odd = [
        f"{column} is {schema.field(column).type} there, declared {contract.type}"
        for column, contract in table.read_columns.items()
        if not may_be(schema.field(column).type, contract.kind)
    ]
    return Looked(name, not odd, "; ".join(odd) or f"has its {counted(len(schema), 'column')}")


def may_be(kind: object, declared: str) -> bool:
    """Whether values of an Arrow type may keep a contract of a declared one; texts always may."""
    import pyarrow.types as types

    if types.is_string(kind) or types.is_large_string(kind) or declared == "string":
        return not (types.is_nested(kind) or types.is_binary(kind))
    whole, number = types.is_integer(kind), types.is_floating(kind) or types.is_decimal(kind)
    day, moment = types.is_date(kind), types.is_timestamp(kind)
    zoned = moment and getattr(kind, "tz", None) is not None
    return {
        "integer": whole or number,
        "number": whole or number,
        "decimal": whole or number,
        "boolean": types.is_boolean(kind) or whole,
        "date": day or moment,
        "timestamp": day or (moment and not zoned),
        "timestamptz": zoned,
        "datetime": day or moment,
        "time": types.is_time(kind),
        "binary": types.is_binary(kind) or types.is_large_binary(kind),
        "json": False,
        "list": types.is_list(kind) or types.is_large_list(kind),
        "struct": types.is_struct(kind),
        "integers": types.is_list(kind) or types.is_large_list(kind),
    }[declared]
