"""The features stage: run the team's SQL, prove that it does not see the future, and split."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from mlops_kit.core import team
from mlops_kit.core.errors import MlopsError
from mlops_kit.core.files import written_beside
from mlops_kit.core.settings import OPEN_ZONE, Section, Settings, read_config
from mlops_kit.core.utc import connect
from mlops_kit.data.config import Sources, load_sources
from mlops_kit.data.ingest import ENTITIES
from mlops_kit.train.look_ahead import check_future, check_outcome

if TYPE_CHECKING:
    import duckdb

PARAMS_FILE = Path("params.yaml")
NOT_FEATURES = ("id", "time", "group", "y_true", "split")


class Split(Section):
    """How holdout rows are chosen: the latest, or whole entities or groups by their hash."""

    method: Literal["time", "hash", "group"]
    """`time` holds out the latest rows, `hash` whole entities, `group` whole groups."""
    holdout: float = Field(gt=0, lt=1)
    """Share of the rows that is held out."""
    column: str | None = None
    """Column of the groups, for `group`."""
    gap_days: int = Field(0, ge=0)
    """Days between training and holdout rows; at least as long as the label looks ahead."""


class Params(Section, extra="ignore"):
    """What the template reads in params.yaml; other keys belong to the team's own stages."""

    seed: int
    """Of everything that is drawn by chance."""
    split: Split
    """How holdout rows are chosen."""
    features: dict[str, Any]
    """What features.py is called with; `horizon_days` says how long an outcome takes."""
    model: dict[str, Any]
    """What build() of model.py is called with."""


def load_params() -> Params:
    """Read params.yaml."""
    params = read_config(PARAMS_FILE, Params)
    if params.split.method == "group" and params.split.column is None:
        raise MlopsError("params.yaml: split.method group needs split.column: the group's column.")
    horizon = params.features.get("horizon_days", 0)
    if params.split.method == "time" and horizon > params.split.gap_days:
        raise MlopsError(
            f"params.yaml: split.gap_days ({params.split.gap_days}) is shorter than "
            f"features.horizon_days ({horizon}): training labels would reach into the holdout; "
            "make the gap at least as long."
        )
    return params


def build_features(settings: Settings) -> str:
    """Write `features.parquet`: id, time and group where there are, split, y_true, features.

    Rows are ordered by time and by their features, and `split`
    is train, holdout or gap (neither: its label window reaches into the holdout). Neither
    depends on how ids are spelt, so that renaming them changes no figure.

    Returns
    -------
    str
        One line about rows and columns.

    Raises
    ------
    MlopsError
        When the team's SQL fails, gives a row twice or without label, or sees the future.
    """
    params, sources = load_params(), load_sources()
    seeds = _seeds()
    with connect(settings.data.threads) as connection:
        _open_tables(connection, sources, before=None)
        _run(connection, "rows", seeds.rows(params.features))
        _run(connection, "target", seeds.target(params.features))
        keys = _keys(connection)
        unlabelled = _keep_labelled(connection, keys)
        # Out of reach of the team's SQL: a feature that reads the outcome is the crudest leak.
        outcome = connection.table("target").to_arrow_table()
        connection.execute("DROP TABLE target")
        _run(connection, "features", seeds.features(params.features))
        _check_rows(connection, "features", keys)
        features = [name for name in _columns(connection, "features") if name not in NOT_FEATURES]
        if not features:
            raise MlopsError("features.py: features() gives no column besides id and time.")
        if params.split.method == "time" and "time" not in keys:
            raise MlopsError(
                "params.yaml: split.method is time, but rows() in features.py gives no time; "
                "use split.method hash or group."
            )
        _split(connection, params.split, sources.entity.column)
        if "time" in keys:

            def compute_without(moment: Any) -> None:
                _open_tables(connection, sources, before=moment)
                _run(connection, "features", seeds.features(params.features))

            check_future(connection, features, keys, compute_without)
        connection.register("target", outcome)
        check_outcome(connection, features, keys)
        # By what is known, not by id: another name for an id must not change the model.
        order = ", ".join(
            (["divided.time"] if "time" in keys else [])
            + [f'features."{name}"' for name in features]
            + ["y_true"]
        )
        named = [name for name in ("id", "time", "group") if name in _columns(connection, "rows")]
        carried = ", ".join(f'divided."{name}"' for name in named)
        chosen = ", ".join(f'features."{name}"' for name in features)
        query = f"""
            SELECT {carried}, split, y_true, {chosen}
            FROM divided JOIN features USING ({keys}) JOIN target USING ({keys})
            ORDER BY {order}
        """
        counts = dict(
            connection.execute("SELECT split, count(*) FROM divided GROUP BY split").fetchall()
        )
        target = OPEN_ZONE / "features.parquet"
        with written_beside(target) as beside:
            connection.sql(query).write_parquet(str(beside))
    for part in ("train", "holdout"):
        if not counts.get(part):
            raise MlopsError(
                f"params.yaml: split leaves no {part} rows; change split.holdout or the rows()."
            )
    return (
        f"{counts['train']:,} training and {counts['holdout']:,} holdout rows, "
        f"{len(features)} features" + (f" ({unlabelled:,} without outcome)" if unlabelled else "")
    )


def _seeds() -> Any:
    return team.module("features")


def _open_tables(connection: "duckdb.DuckDBPyConnection", sources: Sources, before: Any) -> None:
    """Make a view for each open table; with `before`, facts from that time on are hidden."""
    folder = OPEN_ZONE / "tables"
    for name in [*sources.tables, ENTITIES]:
        file = folder / f"{name}.parquet"
        if not file.is_file():  # a table of which no column reaches the open zone
            continue
        view = connection.read_parquet(str(file))
        time = sources.tables[name].time if name in sources.tables else None
        if time is not None and time not in view.columns:
            raise MlopsError(
                f'Table "{name}" reaches the open zone without its time column {time}, so that '
                "looking into the future could not be noticed; let that column pass."
            )
        if before is not None and time is not None:
            view = view.filter(f"\"{time}\" < CAST('{before}' AS TIMESTAMP)")
        view.create_view(name, replace=True)


def _run(connection: "duckdb.DuckDBPyConnection", name: str, sql: str) -> None:
    import duckdb

    try:
        connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS {sql}")
    except duckdb.Error as error:
        # DuckDB quotes values of cells in single quotes; a message is no place for them.
        reason = re.sub(r"'[^']*'", "'...'", str(error).strip().splitlines()[0])
        raise MlopsError(f"features.py: the SQL of {name}() fails: {reason}") from error
    table = connection.table(name)
    for column, kind in zip(table.columns, map(str, table.types), strict=True):
        # What follows knows one kind of time, in UTC, and models know no decimals.
        if column == "time" and kind == "TIMESTAMP WITH TIME ZONE":
            connection.execute(f"ALTER TABLE {name} ALTER time TYPE TIMESTAMP")
        elif kind.startswith("DECIMAL"):
            connection.execute(f'ALTER TABLE {name} ALTER "{column}" TYPE DOUBLE')


def _columns(connection: "duckdb.DuckDBPyConnection", table: str) -> list[str]:
    return connection.table(table).columns


def _keys(connection: "duckdb.DuckDBPyConnection") -> str:
    found = _columns(connection, "rows")
    if "id" not in found:
        raise MlopsError("features.py: rows() must give a column id.")
    keys = ["id", "time"] if "time" in found else ["id"]
    _require(connection, "target", [*keys, "y_true"])
    return ", ".join(keys)


def _require(connection: "duckdb.DuckDBPyConnection", table: str, needed: list[str]) -> None:
    for column in needed:
        if column not in _columns(connection, table):
            raise MlopsError(f"features.py: {table}() must give a column {column}.")


def _count(connection: "duckdb.DuckDBPyConnection", sql: str) -> int:
    return int(connection.execute(sql).fetchall()[0][0])


def _keep_labelled(connection: "duckdb.DuckDBPyConnection", keys: str) -> int:
    """Drop the rows without an outcome, from which nothing can be learned; return how many."""
    everything = _count(connection, "SELECT count(*) FROM rows")
    for table in ("rows", "target"):
        _check_unique(connection, table, keys)
    if empty := _count(connection, "SELECT count(*) FROM target WHERE y_true IS NULL"):
        raise MlopsError(
            f"features.py: target() gives an empty y_true for {empty:,} rows; "
            "leave out the rows without an outcome."
        )
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE rows AS SELECT * FROM rows SEMI JOIN target USING ({keys})"
    )
    labelled = _count(connection, "SELECT count(*) FROM rows")
    if labelled == 0:
        raise MlopsError(
            "features.py: rows() and target() have no row in common; nothing can be predicted."
        )
    return everything - labelled


def _check_unique(connection: "duckdb.DuckDBPyConnection", table: str, keys: str) -> None:
    twice = f"SELECT count(*) FROM (SELECT 1 FROM {table} GROUP BY {keys} HAVING count(*) > 1)"
    if repeated := _count(connection, twice):
        raise MlopsError(
            f"features.py: {table}() gives {repeated:,} rows more than once (same {keys}); "
            "group or filter so that each is unique."
        )


def _check_rows(connection: "duckdb.DuckDBPyConnection", table: str, keys: str) -> None:
    _require(connection, table, keys.split(", "))
    _check_unique(connection, table, keys)
    missing = _count(connection, f"SELECT count(*) FROM rows ANTI JOIN {table} USING ({keys})")
    if missing:
        raise MlopsError(
            f"features.py: {table}() misses {missing:,} of the rows that rows() lists; "
            "start from rows with LEFT JOIN."
        )


def _split(connection: "duckdb.DuckDBPyConnection", split: Split, entity: str) -> None:
    """Add `split` to rows as table `divided`."""
    if split.method == "time":
        # The latest times that together hold at least the asked share of the rows.
        part = f"""
            CASE WHEN time >= (SELECT max(time) FROM (
                     SELECT time, sum(count(*)) OVER (ORDER BY time DESC) AS held
                     FROM rows GROUP BY time)
                 WHERE held >= {split.holdout} * (SELECT count(*) FROM rows)) THEN 'holdout'
                 ELSE 'train' END
        """
    else:
        part = "CASE WHEN held_out THEN 'holdout' ELSE 'train' END"
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE divided AS
        SELECT rows.*, {part} AS split
        FROM rows JOIN {ENTITIES} ON rows.id = {ENTITIES}."{entity}"
        """
    )
    lost = _count(connection, "SELECT (SELECT count(*) FROM rows) - (SELECT count(*) FROM divided)")
    if lost:
        raise MlopsError(
            f"features.py: {lost:,} ids of rows() are not in {entity}, the entity of "
            "conf/sources.yaml; select that column as id."
        )
    if split.method == "time" and split.gap_days:
        connection.execute(
            f"""
            UPDATE divided SET split = 'gap' WHERE split = 'train' AND
            time > (SELECT min(time) FROM divided WHERE split = 'holdout')
                   - INTERVAL {split.gap_days} DAY
            """
        )
