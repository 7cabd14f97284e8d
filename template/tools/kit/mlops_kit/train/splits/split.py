"""Which rows are held out, and which may be learned from: by time, hash, group or copies."""

from typing import TYPE_CHECKING, Literal, Self

from pydantic import Field, model_validator

from mlops_kit.core.errors import MlopsError
from mlops_kit.core.settings import Section
from mlops_kit.core.sql import quoted
from mlops_kit.data.ingest import BUCKETS, ENTITIES
from mlops_kit.train.checks.rows import columns_of, count

if TYPE_CHECKING:
    import duckdb

# From when the outcome of a row is known, and when the model that predicts a held-out row is made.
KNOWN_AT, CUTOFF = "known_at", "cutoff"
IN_TIME = ("time", "rolling_origin")


class Split(Section):
    """How holdout rows are chosen: the latest, or entities, groups or copies by their hash."""

    method: Literal["time", "rolling_origin", "hash", "group", "copies"]
    """`time` holds out the latest rows, `rolling_origin` too, with a model for each of several
    cut-offs, `hash` whole entities, `group` whole groups, `copies` all rows together that are equal
    in all features.
    """
    holdout: float = Field(gt=0, lt=1)
    """Share of the rows that is held out."""
    column: str | None = None
    """Column of the groups, for `group`."""
    cutoffs: int | None = Field(None, ge=2, le=1000)
    """For `rolling_origin`: how many windows the holdout is cut into. At the start of each the
    model is fitted anew on the outcomes that were known by then.
    """
    gap_days: int = Field(0, ge=0)
    """Days between training and holdout rows; at least as long as the label looks ahead. A
    `known_at` of target() says it row by row.
    """

    @model_validator(mode="after")
    def _cuts_only_where_time_rolls(self) -> Self:
        if (self.method == "rolling_origin") != (self.cutoffs is not None):
            raise ValueError(
                "the method rolling_origin needs `cutoffs`, such as 6, and only it does"
            )
        return self


def divide(
    connection: "duckdb.DuckDBPyConnection",
    split: Split,
    seed: int,
    entity: str,
    features: list[str],
    keys: str,
) -> None:
    """Make the table `divided` of `rows`: with `split`, and what else the method gives.

    `split` is train, holdout or gap (neither: its outcome was not known when the holdout began).
    `group` is added for copies where rows() gives none; `known_at` where it is known, and `cutoff`
    of held-out rows where several models are made.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        Has the tables `rows`, `target` and `features`.
    entity : str
        Column of the entity in the table of entities.
    features : list of str
        Columns of `features`.
    keys : str
        Columns that identify a row, for USING.
    """
    # Other columns of rows() are the team's own.
    own = keys + (', "group"' if "group" in columns_of(connection, "rows") else "")
    rows = f"(SELECT {own} FROM rows) AS rows"
    chosen = "CASE WHEN held_out THEN 'holdout' ELSE 'train' END AS split"
    if split.method in IN_TIME:
        rows, chosen = _in_time(connection, split, keys, own)
    if split.method == "copies":
        # As the data stage draws entities, by SHA-256(seed, value) modulo BUCKETS.
        drawn = f"CAST(concat('0x', substr(alike, 1, 8)) AS BIGINT) % {BUCKETS}"
        limit = BUCKETS * split.holdout
        chosen = f"CASE WHEN {drawn} < {limit} THEN 'holdout' ELSE 'train' END AS split"
        same = ", ".join(map(quoted, features))
        alike = f"sha256(concat({seed}, ':', CAST(row({same}) AS VARCHAR))) AS alike"
        given = "group" in columns_of(connection, "rows")
        group = "" if given else ', dense_rank() OVER (ORDER BY alike) AS "group"'
        rows = f"""(SELECT {own}, alike{group} FROM rows
                    JOIN (SELECT {keys}, {alike} FROM features) USING ({keys})) AS rows"""
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE divided AS
        SELECT rows.*, {chosen}
        FROM {rows} JOIN {ENTITIES} ON rows.id = {ENTITIES}.{quoted(entity)}
        """
    )
    lost = count(connection, "SELECT (SELECT count(*) FROM rows) - (SELECT count(*) FROM divided)")
    if lost:
        raise MlopsError(
            f"features.py: {lost:,} ids of rows() are not in {entity}, the entity of "
            "conf/sources.yaml; select that column as id."
        )


def _in_time(
    connection: "duckdb.DuckDBPyConnection", split: Split, keys: str, own: str
) -> tuple[str, str]:
    """Return the SQL of the rows with known_at, and that of their columns cutoff and split."""
    known = f"CAST(time AS TIMESTAMP) + INTERVAL {split.gap_days} DAY"
    told = KNOWN_AT in columns_of(connection, "target")
    if told:
        known = f"greatest(CAST({KNOWN_AT} AS TIMESTAMP), {known})"
    elif split.method == "rolling_origin" and not split.gap_days:
        raise MlopsError(
            "params.yaml: split.method rolling_origin needs to know when outcomes are known: let "
            f"target() of features.py give {KNOWN_AT}, or say split.gap_days."
        )
    joined = f"JOIN (SELECT {keys}, {KNOWN_AT} FROM target) USING ({keys})" if told else ""
    rows = f"(SELECT {own}, {known} AS {KNOWN_AT} FROM rows {joined}) AS rows"
    # The latest times that together hold at least the asked share of the rows.
    times = connection.execute(
        f"""
        SELECT CAST(time AS TIMESTAMP) FROM (
            SELECT time, sum(count(*)) OVER (ORDER BY time DESC) AS held, count(*) AS own
            FROM rows GROUP BY time)
        WHERE held - own < {split.holdout} * (SELECT count(*) FROM rows) ORDER BY time
        """
    ).fetchall()
    wanted = split.cutoffs or 1
    if len(times) < wanted:
        raise MlopsError(
            f"params.yaml: split.cutoffs asks for {wanted} windows, and the holdout has "
            f"{len(times):,} different times: ask for fewer, or raise split.holdout."
        )
    starts = [times[place * len(times) // wanted][0] for place in range(wanted)]
    cutoff = " ".join(f"WHEN time >= TIMESTAMP '{at}' THEN TIMESTAMP '{at}'" for at in starts[::-1])
    first = f"TIMESTAMP '{starts[0]}'"
    part = f"""CASE WHEN time >= {first} THEN 'holdout'
                    WHEN {KNOWN_AT} <= {first} THEN 'train' ELSE 'gap' END AS split"""
    return rows, part if split.cutoffs is None else f"CASE {cutoff} END AS {CUTOFF}, {part}"
