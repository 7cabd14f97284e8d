"""The methods of sampling in SQL: each makes the table `chosen` of `frame`, keys and chances."""

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from mlops_kit.core.errors import MlopsError
from mlops_kit.core.sql import quoted
from mlops_kit.data.sampling.definition import Sample
from mlops_kit.data.sampling.strata import allocated

if TYPE_CHECKING:
    import duckdb

    Way = Callable[[duckdb.DuckDBPyConnection, Sample, int], dict[str, Any]]

WAVE = "wave"
WHOLE = 2**40  # chances as whole numbers: adding millions of them stays exact


def number(connection: "duckdb.DuckDBPyConnection", query: str) -> int:
    """Return the only number that a query gives."""
    ((found,),) = connection.execute(query).fetchall()
    return found


def _hash(connection: "duckdb.DuckDBPyConnection", sample: Sample, seed: int) -> dict[str, Any]:
    """Take each with the same chance, independently (Bernoulli sampling)."""
    share = f"CAST({sample.share!r} AS DOUBLE)"
    _choose(connection, f'SELECT "#key", {share} AS chance FROM frame WHERE number < {share}')
    return {}


def _random(connection: "duckdb.DuckDBPyConnection", sample: Sample, seed: int) -> dict[str, Any]:
    """Take those with the smallest numbers: simple random sampling without replacement."""
    share = f"{sample.size} / (SELECT count(*) FROM frame)"
    _choose(
        connection,
        f'SELECT "#key", {share} AS chance FROM frame ORDER BY number, "#key" LIMIT {sample.size}',
    )
    return {}


def _systematic(
    connection: "duckdb.DuckDBPyConnection", sample: Sample, seed: int
) -> dict[str, Any]:
    """Take every k-th in the order, from a random start in the first k."""
    order = ", ".join(f"order_{at}" for at in range(len(sample.order_by or ())))
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE sized AS
            SELECT "#key", {sample.size} / (SELECT count(*) FROM frame) AS chance,
                   row_number() OVER (ORDER BY {order}, number, "#key") AS place FROM frame"""
    )
    _stepped(connection, seed)
    return {}


def _weighted(connection: "duckdb.DuckDBPyConnection", sample: Sample, seed: int) -> dict[str, Any]:
    """Take with chances in proportion to weights, without replacement, exactly `size`.

    Systematic sampling of a list in random order with unequal steps (Madow 1949; Hartley and Rao
    1962): each chance is exactly size * weight / sum, and 1 where that would be more.
    """
    bad = "SELECT count(*) FROM frame WHERE weight IS NULL OR NOT isfinite(weight) OR weight < 0"
    if wrong := number(connection, bad):
        raise MlopsError(
            f"samples: {wrong:,} of {sample.table} have no {sample.weight} from 0 on: weights are "
            "numbers that say how likely a row is drawn."
        )
    found = connection.execute("SELECT weight FROM frame WHERE weight > 0")
    weights: Any = found.fetchnumpy()["weight"]
    size = int(sample.size or 0)
    if weights.size < size:
        raise MlopsError(
            f"samples: {size:,} are asked for and {weights.size:,} of {sample.table} have a "
            f"{sample.weight} over 0: ask for fewer."
        )
    sure = _certain(weights, size)
    total = float(weights[weights < sure].sum())
    limit = f"CAST('{sure!r}' AS DOUBLE)"
    left = size - number(connection, f"SELECT count(*) FROM frame WHERE weight >= {limit}")
    part = f"least({left} * weight / CAST('{total!r}' AS DOUBLE), 1)" if left else "0"
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE sized AS
            SELECT "#key", CASE WHEN weight >= {limit} THEN 1 ELSE {part} END AS chance,
                   row_number() OVER (ORDER BY number, "#key") AS place
            FROM frame WHERE weight > 0"""
    )
    _stepped(connection, seed)
    never = number(connection, "SELECT count(*) FROM frame WHERE weight = 0")
    return {"never": never} if never else {}


def _certain(weights: Any, size: int) -> float:
    """Return the weight from which on a row is certain; infinity where none is."""
    import numpy as np

    ordered = np.sort(weights)[::-1]
    sums = np.cumsum(ordered[::-1])[::-1]  # of each and all smaller ones
    (uncertain,) = np.nonzero(np.arange(size, 0, -1) * ordered[:size] < sums[:size])
    certain = int(uncertain[0]) if uncertain.size else size
    return float(ordered[certain - 1]) if certain else math.inf


def _stratified(
    connection: "duckdb.DuckDBPyConnection", sample: Sample, seed: int
) -> dict[str, Any]:
    """Take a simple random sample of each stratum."""
    spread = "coalesce(stddev_samp(spread), 0)" if sample.spread_of else "0"
    bad = "SELECT count(*) FROM frame WHERE NOT isfinite(spread)"
    if sample.spread_of and (wrong := number(connection, bad)):
        raise MlopsError(
            f"samples: {wrong:,} of {sample.table} have no finite {sample.spread_of}, so that "
            "nobody knows how much it spreads."
        )
    counted = connection.execute(
        f"SELECT stratum, count(*), {spread} FROM frame GROUP BY stratum ORDER BY stratum"
    ).fetchall()
    wanted = allocated(sample, {name: (rows, spread) for name, rows, spread in counted})
    _wish(connection, wanted)
    _choose(
        connection,
        """SELECT "#key", size / rows AS chance FROM (
               SELECT *, count(*) OVER (PARTITION BY stratum) AS rows,
                      row_number() OVER (PARTITION BY stratum ORDER BY number, "#key") AS place
               FROM frame) JOIN wanted USING (stratum) WHERE place <= size""",
    )
    strata = {name: {"rows": rows, "drawn": wanted[name]} for name, rows, _ in counted}
    return {"strata": strata}


def _quota(connection: "duckdb.DuckDBPyConnection", sample: Sample, seed: int) -> dict[str, Any]:
    """Take the first of each group until its quota is full."""
    quota = sample.quota or {}
    groups = connection.execute("SELECT DISTINCT stratum FROM frame ORDER BY 1").fetchall()
    if unknown := set(quota) - {name for (name,) in groups}:
        known = ", ".join(name for (name,) in groups[:20])
        raise MlopsError(
            f'samples: no row of {sample.table} is of the group "{min(unknown)}"; groups by '
            f"{', '.join(sample.by or ())}: {known}."
        )
    _wish(connection, quota)
    _choose(
        connection,
        f"""SELECT "#key", NULL AS chance FROM (
                SELECT *, row_number() OVER (
                    PARTITION BY stratum ORDER BY {_order(sample)}) AS place
                FROM frame) JOIN wanted USING (stratum) WHERE place <= size""",
    )
    counts = dict(
        connection.execute(
            'SELECT stratum, count(*) FROM chosen JOIN frame USING ("#key") GROUP BY stratum'
        ).fetchall()
    )
    strata = {name: {"asked": asked, "drawn": counts.get(name, 0)} for name, asked in quota.items()}
    return {"strata": strata}


def _judgement(
    connection: "duckdb.DuckDBPyConnection", sample: Sample, seed: int
) -> dict[str, Any]:
    """Take what a person's condition names."""
    _choose(connection, f'SELECT "#key", NULL AS chance FROM keyed WHERE {sample.where}')
    return {}


def _convenience(
    connection: "duckdb.DuckDBPyConnection", sample: Sample, seed: int
) -> dict[str, Any]:
    """Take the first that are at hand."""
    _choose(
        connection,
        f'SELECT "#key", NULL AS chance FROM frame ORDER BY {_order(sample)} LIMIT {sample.size}',
    )
    return {}


def _snowball(connection: "duckdb.DuckDBPyConnection", sample: Sample, seed: int) -> dict[str, Any]:
    """Take the rows of a condition, then their neighbours, wave after wave (Goodman 1961)."""
    edges = sample.edges
    assert edges is not None
    here, there = (f"CAST({quoted(one)} AS VARCHAR)" for one in (edges.of, edges.to))
    back = f" UNION SELECT {there}, {here} FROM edges" if edges.both_ways else ""
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE steps AS
            SELECT {here} AS here, {there} AS there FROM edges{back}"""
    )
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE chosen AS
            SELECT DISTINCT "#key", CAST(NULL AS DOUBLE) AS chance, 0 AS {WAVE}
            FROM keyed WHERE {sample.start}"""
    )
    for wave in range(1, (sample.waves or 0) + 1):
        connection.execute(
            f"""INSERT INTO chosen SELECT DISTINCT "#key", NULL, {wave} FROM (
                    SELECT frame."#key", row_number() OVER (
                        PARTITION BY here ORDER BY frame.number, frame."#key") AS place
                    FROM chosen JOIN steps ON here = chosen."#key" AND {WAVE} = {wave - 1}
                    JOIN frame ON frame."#key" = there)
                ANTI JOIN chosen USING ("#key") WHERE place <= {sample.most or WHOLE}"""
        )
    counts = connection.execute(f"SELECT {WAVE}, count(*) FROM chosen GROUP BY 1 ORDER BY 1")
    return {"waves": [rows for _, rows in counts.fetchall()]}


def _choose(connection: "duckdb.DuckDBPyConnection", query: str) -> None:
    connection.execute(f"CREATE OR REPLACE TEMP TABLE chosen AS {query}")


def _wish(connection: "duckdb.DuckDBPyConnection", sizes: Mapping[str, int]) -> None:
    connection.execute("CREATE OR REPLACE TEMP TABLE wanted (stratum VARCHAR, size BIGINT)")
    connection.executemany("INSERT INTO wanted VALUES (?, ?)", [list(one) for one in sizes.items()])


def _order(sample: Sample) -> str:
    """Write in which order rows are taken: as asked, then by their numbers."""
    named = [f"order_{at}" for at in range(len(sample.order_by or ()))]
    return ", ".join([*named, "number", '"#key"'])


def _stepped(connection: "duckdb.DuckDBPyConnection", seed: int) -> None:
    """Choose from `sized` where the sum of chances passes a whole number, from a random start."""
    import hashlib

    start = int(hashlib.sha256(f"sample:{seed}:start".encode()).hexdigest()[:10], 16)
    _choose(
        connection,
        f"""SELECT "#key", chance FROM (
                SELECT *, CAST(round(chance * {WHOLE}) AS HUGEINT) AS part,
                       sum(part) OVER (ORDER BY place) + {start} AS reached FROM sized)
            WHERE reached // {WHOLE} > (reached - part) // {WHOLE}""",
    )


WAYS: "dict[str, Way]" = {
    "hash": _hash,
    "random": _random,
    "reservoir": _random,
    "systematic": _systematic,
    "stratified": _stratified,
    "weighted": _weighted,
    "quota": _quota,
    "judgement": _judgement,
    "convenience": _convenience,
    "snowball": _snowball,
}
