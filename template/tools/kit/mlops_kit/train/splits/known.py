"""From when an outcome is known, and the proof that nobody learns from it before."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from mlops_kit.core.errors import MlopsError
from mlops_kit.core.words import counted
from mlops_kit.train.checks.rows import columns_of, count
from mlops_kit.train.look_ahead import differs, types_of
from mlops_kit.train.splits.split import CUTOFF, KNOWN_AT

if TYPE_CHECKING:
    import duckdb
    import pyarrow

WHOLE = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT")


def check_horizons(connection: "duckdb.DuckDBPyConnection", keys: str) -> None:
    """Refuse a horizon that is no number of steps: whole, and 1 or more."""
    if "horizon" not in keys:
        return
    kind = types_of(connection, "rows")["horizon"]
    if kind not in WHOLE:
        raise MlopsError(
            f"features.py: rows() gives a horizon of type {kind}: give the number of steps that it "
            "looks ahead, a whole number from 1 on, such as CAST(horizon AS BIGINT)."
        )
    if wrong := count(connection, "SELECT count(*) FROM rows WHERE coalesce(horizon, 0) < 1"):
        raise MlopsError(
            f"features.py: rows() gives {counted(wrong, 'row')} a horizon below 1, or none: the "
            "first step that is not known yet is 1."
        )


def check_known_at(connection: "duckdb.DuckDBPyConnection", keys: str) -> None:
    """Refuse outcomes that are known at the time of their row, and a known_at that is no time."""
    if KNOWN_AT not in columns_of(connection, "target"):
        return
    kind = types_of(connection, "target")[KNOWN_AT]
    if not kind.startswith(("DATE", "TIMESTAMP")):
        raise MlopsError(
            f"features.py: target() gives a {KNOWN_AT} of type {kind}: give the time from which "
            "the outcome is known, such as date + INTERVAL 1 DAY."
        )
    if "time" not in keys:
        raise MlopsError(
            f"features.py: target() gives a {KNOWN_AT}, and rows() no time before it: give both."
        )
    connection.execute(f"ALTER TABLE target ALTER {KNOWN_AT} TYPE TIMESTAMP")
    early = f"SELECT count(*) FROM target WHERE NOT coalesce({KNOWN_AT} > time, false)"
    if wrong := count(connection, early):
        raise MlopsError(
            f"features.py: target() gives {counted(wrong, 'row')} a {KNOWN_AT} that is empty or "
            "not after their time: what is known by then is no outcome. With facts of days, the "
            f"value of a day is known from the next day on: date + INTERVAL 1 DAY AS {KNOWN_AT}."
        )


def check_outcomes(
    connection: "duckdb.DuckDBPyConnection",
    outcome: "pyarrow.Table",
    keys: str,
    compute_without: Callable[[Any], None],
) -> None:
    """Compute the outcomes again with the future of each cut-off hidden: those that a model learns
    from there must be the same.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        Has the table `divided`, with known_at and, for several models, cutoff.
    outcome : pyarrow.Table
        What target() gave: the columns of `keys` and y_true.
    keys : str
        Columns that identify a row, for USING.
    compute_without : callable
        Makes `target` anew with every fact from the given time on hidden.

    Raises
    ------
    MlopsError
        When an outcome changes: it was not known yet. Afterwards there is no table `target`.
    """
    several = CUTOFF in columns_of(connection, "divided")
    moments = connection.execute(
        f"SELECT DISTINCT {CUTOFF} FROM divided WHERE {CUTOFF} IS NOT NULL ORDER BY ALL"
        if several
        else "SELECT min(time) FROM divided WHERE split = 'holdout'"
    ).fetchall()
    connection.register("seen", outcome)
    for (moment,) in moments:
        compute_without(moment)
        kind = types_of(connection, "target")["y_true"]
        changed = count(
            connection,
            f"""
            SELECT count(*) FROM seen JOIN divided USING ({keys})
            LEFT JOIN target AS hidden USING ({keys})
            WHERE divided.{KNOWN_AT} <= TIMESTAMP '{moment}' AND {differs("y_true", kind)}
            """,
        )
        connection.execute("DROP TABLE target")
        if changed:
            raise MlopsError(
                f"features.py: the outcome of {counted(changed, 'row')} that count as known at "
                f"{moment} changes when facts from then on are hidden, so that a model made then "
                f"would learn from the future: let target() give a later {KNOWN_AT}, or raise "
                "split.gap_days."
            )
    connection.unregister("seen")
