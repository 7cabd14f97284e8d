"""The features stage: run the team's SQL, prove that it does not see the future, and split."""

import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_kit.core import team
from mlops_kit.core.errors import MlopsError
from mlops_kit.core.files import written_beside
from mlops_kit.core.settings import Settings, read_config
from mlops_kit.core.sql import place_of, quoted
from mlops_kit.core.utc import connect
from mlops_kit.core.words import counted
from mlops_kit.core.zones import OPEN_ZONE
from mlops_kit.data.config import load_sources
from mlops_kit.data.labelling.definition import Labelled
from mlops_kit.train.checks.columns import (
    PIPELINE,
    check_names,
    encode,
    feature_names,
    same_everywhere,
)
from mlops_kit.train.checks.outcome import refuse_determining
from mlops_kit.train.checks.rows import (
    check_rows,
    check_unique,
    columns_of,
    keep_labelled,
    keys_of,
)
from mlops_kit.train.fitting.space import Model
from mlops_kit.train.look_ahead import check_future, open_tables, what_was_checked
from mlops_kit.train.splits.known import check_horizons, check_known_at, check_outcomes
from mlops_kit.train.splits.split import CUTOFF, IN_TIME, KNOWN_AT, Split, divide

if TYPE_CHECKING:
    import duckdb

PARAMS_FILE = Path("params.yaml")
NOT_FEATURES = PIPELINE


class Params(Labelled, extra="ignore"):
    """What the template reads in params.yaml; other keys belong to the team's own stages."""

    seed: int
    """Of everything that is drawn by chance."""
    split: Split
    """How holdout rows are chosen."""
    features: dict[str, Any]
    """What features.py is called with; `horizon_days` says how long an outcome takes."""
    model: Model
    """What build() of model.py is called with, and `search` among other values of it."""


def load_params() -> Params:
    """Read params.yaml."""
    params = read_config(PARAMS_FILE, Params)
    if params.split.method == "group" and params.split.column is None:
        raise MlopsError("params.yaml: split.method group needs split.column: the group's column.")
    horizon = params.features.get("horizon_days", 0)
    if params.split.method in IN_TIME and horizon > params.split.gap_days:
        raise MlopsError(
            f"params.yaml: split.gap_days ({params.split.gap_days}) is shorter than "
            f"features.horizon_days ({horizon}): training labels would reach into the holdout; "
            "make the gap at least as long."
        )
    return params


def build_features(settings: Settings) -> str:
    """Write `features.parquet`: the keys, group where there is one, split, y_true, features.

    Rows are ordered by time and by their features, and `split`
    is train, holdout or gap (neither: its label window reaches into the holdout). Neither
    depends on how ids are spelt, so that renaming them changes no figure. `known_at` says from when
    an outcome is known, where target() or the split does, and `cutoff` when the model that predicts
    a held-out row is made, where that is several times.

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
        open_tables(connection, sources, before=None)
        _run(connection, "rows", seeds.rows(params.features))
        _run(connection, "target", seeds.target(params.features))
        keys = keys_of(connection)
        check_horizons(connection, keys)
        unlabelled = keep_labelled(connection, keys)
        encode(connection, "target", ["y_true"])
        check_known_at(connection, keys)
        # Out of reach of the team's SQL: a feature that reads the outcome is the crudest leak.
        outcome = connection.table("target").to_arrow_table()
        connection.execute("DROP TABLE target")
        _run(connection, "features", seeds.features(params.features))
        check_rows(connection, "features", keys)
        features = _encoded(connection, keys)
        if params.split.method in IN_TIME and "time" not in keys:
            raise MlopsError(
                f"params.yaml: split.method is {params.split.method}, but rows() in features.py "
                "gives no time; use split.method hash or group."
            )
        connection.register("target", outcome)
        divide(connection, params.split, params.seed, sources.entity.column, features, keys)
        connection.unregister("target")
        written = _columns_written(connection, params.split, outcome.column_names)
        if KNOWN_AT in written:

            def outcomes_without(moment: Any) -> None:
                open_tables(connection, sources, before=moment)
                _run(connection, "target", seeds.target(params.features))
                encode(connection, "target", ["y_true"])

            check_outcomes(connection, outcome, keys, outcomes_without)
        if "time" in keys:

            def compute_without(moment: Any) -> None:
                open_tables(connection, sources, before=moment)
                _run(connection, "features", seeds.features(params.features))
                encode(connection, "features", features)

            check_future(connection, features, keys, compute_without)
        checked, said = what_was_checked(sources, "time" in keys)
        told = [] if checked else [said.rstrip(".")]
        if constant := same_everywhere(connection, features, keys):
            told.append(constant)
        connection.register("target", outcome)
        # By what is known, not by id: another name for an id must not change the model.
        order = ", ".join(
            [f"divided.{name}" for name in keys.split(", ") if name != "id"]
            + [f"features.{quoted(name)}" for name in features]
            + ["y_true"]
        )
        carried = ", ".join(f'divided."{name}"' for name in written)
        chosen = ", ".join(f"features.{quoted(name)}" for name in features)
        query = f"""
            SELECT {carried}, y_true, {chosen}
            FROM divided JOIN features USING ({keys}) JOIN target USING ({keys})
            ORDER BY {order}
        """
        counts = dict(
            connection.execute("SELECT split, count(*) FROM divided GROUP BY split").fetchall()
        )
        target = OPEN_ZONE / "features.parquet"
        with written_beside(target) as beside:
            connection.sql(query).write_parquet(str(beside))
            refuse_determining(connection.read_parquet(str(beside)), features)
    for part in ("train", "holdout"):
        if not counts.get(part):
            raise MlopsError(
                f"params.yaml: split leaves no {part} rows; change split.holdout or the rows()."
            )
    line = (
        f"{counts['train']:,} training and {counts['holdout']:,} holdout rows, "
        f"{counted(len(features), 'feature')}"
    )
    line += f" ({unlabelled:,} without outcome)" if unlabelled else ""
    return ". ".join([line, *(sentence[0].upper() + sentence[1:] for sentence in told)])


def _columns_written(
    connection: "duckdb.DuckDBPyConnection", split: Split, of_target: list[str]
) -> list[str]:
    """Name the columns of `divided` that go into features.parquet."""
    made = columns_of(connection, "divided")
    told = [KNOWN_AT, CUTOFF] if KNOWN_AT in of_target or split.cutoffs else []
    return [name for name in ("id", "time", "horizon", "group", *told, "split") if name in made]


def features_of_rows(
    connection: "duckdb.DuckDBPyConnection", params: Params, keys: str
) -> list[str]:
    """Make the table `features` of exactly the rows in the table `rows`, as for training.

    Neither rows() nor target() is called. Rows of `rows` may be missing in it.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        Has the open tables, and `rows` with the columns of `keys`.
    keys : str
        Columns that identify a row, for USING: `id`, or `id, time`.

    Returns
    -------
    list of str
        The features, encoded as for training.

    Raises
    ------
    MlopsError
        When the team's SQL fails, or gives a row twice.
    """
    sql = _seeds().features(params.features)
    _run(connection, "features", sql, f"SEMI JOIN rows USING ({keys})")
    check_unique(connection, "features", keys)
    return _encoded(connection, keys)


def features_text(params: Params) -> str:
    """Return the SQL of features() as it is run, however its lines are broken."""
    return " ".join(str(_seeds().features(params.features)).split())


def features_sha256() -> str:
    """Return the digest of the SQL of features(), by which a model knows what it learned from."""
    return hashlib.sha256(features_text(load_params()).encode()).hexdigest()


def _seeds() -> Any:
    return team.module("features")


def _encoded(connection: "duckdb.DuckDBPyConnection", keys: str) -> list[str]:
    features = feature_names(columns_of(connection, "features"), keys.split(", "))
    encode(connection, "features", features)
    return features


def _run(connection: "duckdb.DuckDBPyConnection", name: str, sql: str, only: str = "") -> None:
    """Make a table of what the team's SQL gives; `only` joins what of it is wanted."""
    import duckdb

    try:
        check_names(name, connection.sql(sql).columns)
        query = f"SELECT * FROM ({sql}\n) {only}" if only else sql
        connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS {query}")
    except duckdb.Error as error:
        # DuckDB quotes values of cells in single quotes; a message is no place for them.
        first, *rest = [line for line in str(error).splitlines() if line.strip()]
        reason = re.sub(r"'[^']*'", "'...'", first)
        sentence = f"features.py: the SQL of {name}() fails: {reason}"
        told = [sentence, *place_of(sql, first, rest), *_left_out(connection, first)]
        raise MlopsError("\n".join(told)) from error
    table = connection.table(name)
    for column, kind in zip(table.columns, map(str, table.types), strict=True):
        # What follows knows one kind of time, in UTC, and models know no decimals.
        if column == "time" and kind == "TIMESTAMP WITH TIME ZONE":
            connection.execute(f"ALTER TABLE {name} ALTER time TYPE TIMESTAMP")
        elif kind.startswith("DECIMAL"):
            connection.execute(f'ALTER TABLE {name} ALTER "{column}" TYPE DOUBLE')


def _left_out(connection: "duckdb.DuckDBPyConnection", said: str) -> list[str]:
    """Say that a column which DuckDB does not find is declared, and kept out of the open zone."""
    column = re.search(r'column "?(\w+)"? not found', said)
    if column is None:
        return []
    there = {str(name) for (name,) in connection.execute("SHOW TABLES").fetchall()}
    return [
        f'conf/sources.yaml declares "{column[1]}" of {name}, and a rule keeps it out of '
        f"{OPEN_ZONE.as_posix()}: let it pass there first."
        for name, table in load_sources().tables.items()
        if column[1] in table.columns and name in there
        and column[1] not in columns_of(connection, name)
    ]  # fmt: skip
