"""What a feature must not know: the future, and the outcome."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from mlops_kit.core.errors import MlopsError

if TYPE_CHECKING:
    import duckdb


def check_future(
    connection: "duckdb.DuckDBPyConnection",
    names: list[str],
    keys: str,
    compute_without: Callable[[Any], None],
) -> None:
    """Compute the features again with the future hidden: a feature that changes has seen it.

    Checked at the first and the last time of the holdout, for the rows of exactly that time.

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
        "SELECT DISTINCT time FROM divided WHERE split = 'holdout' ORDER BY time"
    ).fetchall()
    if not moments:
        return
    connection.execute("CREATE OR REPLACE TEMP TABLE seen AS SELECT * FROM features")
    types = _types(connection, "features")
    changed = [f"count(*) FILTER (WHERE {_differs(name, types[name])})" for name in names]
    for (moment,) in {moments[0], moments[-1]}:
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
                    f'features.py: column "{name}" changes for {count:,} rows of {moment} when '
                    "facts from that day on are hidden: it looks into the future. Use only facts "
                    "strictly before time."
                )
    connection.execute("CREATE OR REPLACE TEMP TABLE features AS SELECT * FROM seen")


def check_outcome(connection: "duckdb.DuckDBPyConnection", names: list[str], keys: str) -> None:
    """Refuse a feature that is the outcome under another name: equal in every row."""
    outcome, types = _types(connection, "target")["y_true"], _types(connection, "features")
    for name in names:
        if ("[]" in types[name]) != ("[]" in outcome):
            continue
        ((differing,),) = connection.execute(
            f"""
            SELECT count(*) FROM features JOIN target USING ({keys})
            WHERE CAST(features."{name}" AS VARCHAR) IS DISTINCT FROM CAST(y_true AS VARCHAR)
            """
        ).fetchall()
        if not differing:
            raise MlopsError(
                f'features.py: column "{name}" is the outcome itself in every row; a feature must '
                "be known before the outcome is."
            )


def _types(connection: "duckdb.DuckDBPyConnection", table: str) -> dict[str, str]:
    relation = connection.table(table)
    return dict(zip(relation.columns, map(str, relation.types), strict=True))


def _differs(name: str, kind: str) -> str:
    seen, hidden = f'seen."{name}"', f'hidden."{name}"'
    if kind not in ("DOUBLE", "FLOAT"):
        return f"{hidden} IS DISTINCT FROM {seen}"
    # A sum may be added up in another order: its last digits are no sign of the future.
    near = f"abs({hidden} - {seen}) <= 1e-9 * greatest(abs({hidden}), abs({seen}))"
    return f"coalesce(NOT ({near}), {hidden} IS DISTINCT FROM {seen})"
