"""What a feature must not know: the future."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from mlops_kit.core.errors import MlopsError
from mlops_kit.core.sql import quoted
from mlops_kit.core.words import counted
from mlops_kit.core.zones import OPEN_ZONE
from mlops_kit.data.config import At, Sources, Table
from mlops_kit.data.ingest import ENTITIES

if TYPE_CHECKING:
    import duckdb

# Each further moment costs the features once more: as many as cover so many rows, within limits.
ENOUGH_ROWS = 500
MOST_MOMENTS = 8


def open_tables(connection: "duckdb.DuckDBPyConnection", sources: Sources, before: Any) -> None:
    """Make a view for each open table; with `before`, what is known from that time on is hidden."""
    folder = OPEN_ZONE / "tables"
    for name in [*sources.tables, ENTITIES]:
        file = folder / f"{name}.parquet"
        if not file.is_file():  # a table of which no column reaches the open zone
            continue
        view = connection.read_parquet(str(file))
        table = sources.tables.get(name)
        if table is not None:
            view = _as_json(view, table)
            for column in _moments(table) - set(view.columns):
                raise MlopsError(
                    f'Table "{name}" reaches the open zone without its time column {column}, so '
                    "that looking into the future could not be noticed; let that column pass."
                )
            if before is not None:
                moment = f"CAST('{before}' AS TIMESTAMP)"
                view = _hidden(view, table, moment, sources.entity.column)
        view.create_view(name, replace=True)


def _as_json(view: "duckdb.DuckDBPyRelation", table: Table) -> "duckdb.DuckDBPyRelation":
    """Say which texts are JSON, so that a feature cannot take a document for a category."""
    found = [name for name in view.columns
             if name in table.columns and table.columns[name].type == "json"]  # fmt: skip
    casts = ", ".join(f"CAST({quoted(name)} AS JSON) AS {quoted(name)}" for name in found)
    return view.project(f"* REPLACE ({casts})") if found else view


def _moments(table: Table) -> set[str]:
    """Columns that say when something of a row became known."""
    later = {each.known.at for each in table.columns.values() if isinstance(each.known, At)}
    return later | ({table.time} if table.time else set())


def _hidden(
    view: "duckdb.DuckDBPyRelation", table: Table, moment: str, entity: str
) -> "duckdb.DuckDBPyRelation":
    """Hide rows of `moment` and later, and of each row the values that are known later still.

    Of a row with columns that are known in advance these stay, and what identifies it.
    """
    happened = f"{quoted(table.time)} < {moment}" if table.time else "TRUE"
    later = _moments(table) - {table.time}
    planned = any(each.known == "in_advance" for each in table.columns.values())
    shown = []
    for name in view.columns:
        contract, column = table.columns.get(name), quoted(name)
        known = contract.known if contract else None
        identifies = name in (table.time, entity) or (contract is not None and contract.unique)
        if isinstance(known, At):
            column = f"CASE WHEN {quoted(known.at)} < {moment} THEN {column} END AS {column}"
        elif known is None and name in later:
            column = f"CASE WHEN {column} < {moment} THEN {column} END AS {column}"
        elif planned and known is None and not identifies:
            column = f"CASE WHEN {happened} THEN {column} END AS {column}"
        shown.append(column)
    return (view if planned else view.filter(happened)).project(", ".join(shown))


def what_was_checked(sources: Sources, timed: bool) -> tuple[bool, str]:
    """Say whether looking into the future could be noticed, and what it could not be noticed of.

    Parameters
    ----------
    sources : Sources
        What conf/sources.yaml says.
    timed : bool
        Whether rows() of features.py gives a time.

    Returns
    -------
    bool, str
        Whether anything was checked, and a sentence.
    """
    nothing = "Nothing was checked for looking into the future, because"
    if not timed:
        return False, f"{nothing} rows() of features.py gives no time."
    without = [name for name, table in sources.tables.items() if not _moments(table)]
    if len(without) == len(sources.tables):
        return False, f"{nothing} no table of conf/sources.yaml names its time."
    if not without:
        return True, "Features were computed again without the future of every table."
    *others, last = without
    named = f"Tables {', '.join(others)} and {last} name no time and count"
    if not others:
        named = f"Table {last} names no time and counts"
    return True, f"Features were computed again without the future. {named} as known at all times."


def check_future(
    connection: "duckdb.DuckDBPyConnection",
    names: list[str],
    keys: str,
    compute_without: Callable[[Any], None],
) -> None:
    """Compute the features again with the future hidden: a feature that changes has seen it.

    Checked at the first and the last time of the holdout, and at others between them where few rows
    have these, for the rows of exactly that time.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        Has the tables `features` and `divided` (with `split` and `time`).
    names : list of str
        Columns of `features` to compare; floats may differ by 1e-9 of their size.
    keys : str
        Columns that identify a row, for USING.
    compute_without : callable
        Makes `features` anew with every fact from the given time on hidden.

    Raises
    ------
    MlopsError
        Names the first column that changes. Afterwards `features` is as it was.
    """
    moments = connection.execute(
        "SELECT time, count(*) FROM divided WHERE split = 'holdout' GROUP BY time ORDER BY time"
    ).fetchall()
    if not moments:
        return
    connection.execute("CREATE OR REPLACE TEMP TABLE seen AS SELECT * FROM features")
    types = types_of(connection, "features")
    changed = [f"count(*) FILTER (WHERE {differs(name, types[name])})" for name in names]
    for moment in _chosen(moments):
        compute_without(moment)
        counts = connection.execute(
            f"""
            SELECT {", ".join(changed)}
            FROM seen LEFT JOIN features AS hidden USING ({keys})
            WHERE time = CAST('{moment}' AS TIMESTAMP)
            """
        ).fetchall()[0]
        for name, count in zip(names, counts, strict=True):
            if count:
                raise MlopsError(
                    f'features.py: column "{name}" changes for {counted(count, "row")} of '
                    f"{moment} when facts from that day on are hidden: it looks into the future. "
                    "Use only facts strictly before time; what is known earlier has `known: "
                    "in_advance` in "
                    "conf/sources.yaml."
                )
    connection.execute("CREATE OR REPLACE TEMP TABLE features AS SELECT * FROM seen")


def _chosen(moments: list[tuple[Any, int]]) -> list[Any]:
    """Take the first and the last moment, and others between them until there are enough rows."""
    rest = len(moments) - 1
    for wanted in range(1, MOST_MOMENTS):
        places = sorted({round(rest * step / wanted) for step in range(wanted + 1)})
        if sum(moments[place][1] for place in places) >= ENOUGH_ROWS:
            break
    return [moments[place][0] for place in places]


def types_of(connection: "duckdb.DuckDBPyConnection", table: str) -> dict[str, str]:
    """Return the types of a table's columns by their names, as DuckDB calls them."""
    relation = connection.table(table)
    return dict(zip(relation.columns, map(str, relation.types), strict=True))


def differs(name: str, kind: str) -> str:
    """Return the SQL that says whether a column of `seen` is another one in `hidden`."""
    seen, hidden = f"seen.{quoted(name)}", f"hidden.{quoted(name)}"
    if kind not in ("DOUBLE", "FLOAT"):
        return f"{hidden} IS DISTINCT FROM {seen}"
    # A sum may be added up in another order: its last digits are no sign of the future.
    near = f"abs({hidden} - {seen}) <= 1e-9 * greatest(abs({hidden}), abs({seen}))"
    return f"coalesce(NOT ({near}), {hidden} IS DISTINCT FROM {seen})"
