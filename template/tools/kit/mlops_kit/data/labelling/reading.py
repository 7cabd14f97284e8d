"""The labels of a table: one of each person and item, and the place of each among all."""

from typing import TYPE_CHECKING, Any

from mlops_kit.core.errors import MlopsError
from mlops_kit.core.sql import literal, quoted
from mlops_kit.core.words import counted
from mlops_kit.core.zones import open_table
from mlops_kit.data.labelling.definition import Labels

if TYPE_CHECKING:
    import duckdb

MOST_LABELS = 200  # different ones, of names or an order


def given(connection: "duckdb.DuckDBPyConnection", asked: Labels) -> dict[str, Any]:
    """Make `given`, a row for each item and person: code of the label, and the label itself."""
    place = open_table(asked.table)
    if not place.is_file():
        raise MlopsError(
            f"labels: {place.as_posix()} is not there: a table of conf/sources.yaml comes with "
            "`uv run mlops run`."
        )
    connection.execute(
        f"CREATE TEMP VIEW source AS SELECT * FROM read_parquet({literal(place.as_posix())})"
    )
    types = {name: kind for name, kind, *_ in connection.execute("DESCRIBE source").fetchall()}
    for column in (asked.item, asked.by, asked.label, asked.at, asked.event):
        if column is not None and column not in types:
            raise MlopsError(
                f'labels: {asked.table} has no column "{column}"; its columns: {", ".join(types)}.'
            )
    for column in (asked.at, asked.event):
        if column is not None and not types[column].startswith(("TIMESTAMP", "DATE")):
            raise MlopsError(
                f"labels: {column} of {asked.table} is no time but {types[column]}: declare its "
                "type in conf/sources.yaml."
            )
    words = types[asked.label] == "VARCHAR"
    if words and asked.scale == "interval":
        raise MlopsError(f"labels: {asked.label} holds words, and interval is about numbers.")
    if words and asked.scale == "ordinal" and asked.order is None:
        raise MlopsError(
            f"labels: {asked.label} holds words: write their `order`, from the lowest to the "
            "highest."
        )
    item, by, label = map(quoted, (asked.item, asked.by, asked.label))
    at = quoted(asked.at) if asked.at else "NULL"
    event = quoted(asked.event) if asked.event else "NULL"
    connection.execute(
        f"""CREATE TEMP TABLE told AS
            SELECT CAST({item} AS VARCHAR) AS item, CAST({by} AS VARCHAR) AS who, {label} AS label,
                   {at} AS told_at, {event} AS event
            FROM source
            WHERE {item} IS NOT NULL AND {by} IS NOT NULL AND {label} IS NOT NULL"""
    )
    ((rows,), (kept,)) = (
        connection.execute(f"SELECT count(*) FROM {one}").fetchall()[0]
        for one in ("source", "told")
    )
    if not kept:
        raise MlopsError(f"labels: no row of {asked.table} has an item, a person and a label.")
    connection.execute(
        """CREATE TEMP TABLE latest AS
           SELECT item, who, label, told_at, event FROM told
           QUALIFY told_at IS NOT DISTINCT FROM max(told_at) OVER (PARTITION BY item, who)"""
    )
    ((unclear,),) = connection.execute(
        """SELECT count(*) FROM (
               SELECT 1 FROM latest GROUP BY item, who HAVING count(DISTINCT label) > 1)"""
    ).fetchall()
    if unclear and asked.at is None:
        raise MlopsError(
            f"labels: {counted(unclear, 'time')} a person gave one item different labels, and "
            "nothing says which came last: name the column of when as `at`."
        )
    connection.execute(
        """CREATE TEMP TABLE given AS
           SELECT item, who, any_value(label) AS label, max(told_at) AS told_at,
                  any_value(event) AS event
           FROM latest GROUP BY item, who HAVING count(DISTINCT label) = 1"""
    )
    ((times, same),) = connection.execute(
        """SELECT count(*), avg(CAST(labels = 1 AS INTEGER)) FROM (
               SELECT count(DISTINCT label) AS labels FROM told
               GROUP BY item, who HAVING count(*) > 1)"""
    ).fetchall()
    ((labels, items, labellers, shared),) = connection.execute(
        """SELECT sum(people), count(*), (SELECT count(DISTINCT who) FROM given),
                  count(*) FILTER (people > 1)
           FROM (SELECT count(*) AS people FROM given GROUP BY item)"""
    ).fetchall()
    if not labels:
        raise MlopsError(f"labels: no row of {asked.table} has an item, a person and one label.")
    return {
        "labels": int(labels),
        "items": items,
        "labellers": labellers,
        "shared": shared,
        "left_out": {
            "rows without item, person or label": rows - kept,
            "times one person gave an item different labels at one moment: not counted": unclear,
        },
        "again": {"items": times, "same": same} if times else None,
    }


def coded(connection: "duckdb.DuckDBPyConnection", asked: Labels) -> list[str]:
    """Make `coded`, `given` with the place of each label; return the labels in their order."""
    kinds = [one for (one,) in connection.execute(
        "SELECT DISTINCT label FROM given ORDER BY label").fetchall()]  # fmt: skip
    if len(kinds) > MOST_LABELS:
        raise MlopsError(
            f"labels: {asked.label} has {len(kinds):,} different labels, and at most {MOST_LABELS} "
            "are compared as names; of numbers say `scale: interval`."
        )
    if asked.order is not None:
        if missing := [str(one) for one in kinds if str(one) not in asked.order]:
            raise MlopsError(f'labels: order lacks "{missing[0]}", which somebody gave.')
        kinds.sort(key=lambda one: asked.order.index(str(one)) if asked.order else 0)
    values = ", ".join(["(?, ?)"] * len(kinds))
    connection.execute(
        f"""CREATE TEMP TABLE coded AS
            SELECT given.*, code FROM given JOIN (VALUES {values}) AS one (label, code)
            USING (label)""",
        [cell for code, label in enumerate(kinds) for cell in (label, code)],
    )
    return [str(one) for one in kinds]
