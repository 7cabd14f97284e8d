"""Draw a sample: the same rows on every machine, in whatever order they stand."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from mlops_kit.core.errors import MlopsError
from mlops_kit.core.sql import quoted
from mlops_kit.core.words import counted
from mlops_kit.data.sampling.definition import Sample
from mlops_kit.data.sampling.methods import WAVE, WAYS, number

if TYPE_CHECKING:
    import duckdb

DIGITS = 13  # hexadecimal: 52 bits, which a double holds exactly
PROBABILITY = "inclusion_probability"


def draw(
    connection: "duckdb.DuckDBPyConnection", sample: Sample, seed: int, key: str | None
) -> dict[str, Any]:
    """Make the table `drawn` from the view `source`: its columns, and each row's chance.

    Every row, or unit, has a number between 0 and 1 of its own: SHA-256 of the seed and its key.
    Methods by chance compare or sort these numbers alone, so that neither the order of the rows,
    nor threads, nor the engine matter.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        Has the view `source`.
    sample : Sample
        What is wanted; its method is not `reservoir` over a file.
    seed : int
        Another number draws other rows.
    key : str or None
        Column that names a row; without one, equal rows are numbered.

    Returns
    -------
    dict
        `population` and `drawn`, in units, and what the method adds, such as strata.

    Raises
    ------
    MlopsError
        When a column or condition does not fit, or more is asked for than there is.
    """
    import duckdb

    try:
        _frame(connection, sample, seed, key)
        population = number(connection, "SELECT count(*) FROM frame")
        if not population:
            raise MlopsError(f"samples: {sample.table} has no row to draw.")
        if sample.size is not None and sample.size > population:
            raise MlopsError(
                f"samples: {sample.size:,} are asked for and {sample.table} has {population:,}: "
                "ask for fewer."
            )
        more = WAYS[sample.method](connection, sample, seed)
        connection.execute(
            f"""CREATE OR REPLACE TEMP TABLE drawn AS
                SELECT * EXCLUDE ("#key", "#chance"), "#chance" AS {PROBABILITY}
                FROM keyed JOIN (
                    SELECT * RENAME (chance AS "#chance") FROM chosen) USING ("#key")"""
        )
    except duckdb.Error as error:
        said = str(error).splitlines()[0]
        raise MlopsError(f"samples: the {sample.method} sample cannot be drawn: {said}") from error
    chosen = number(connection, "SELECT count(*) FROM chosen")
    if not chosen:
        why = sample.where or sample.start or "by chance: take another seed or a larger share"
        raise MlopsError(f"samples: no row of {sample.table} came in ({why}).")
    rows = number(connection, "SELECT count(*) FROM drawn")
    return {"population": population, "drawn": chosen, "rows": rows} | more


def check_free(columns: Iterable[str], added: set[str], where: str) -> None:
    """Refuse a column that a sample adds by itself; a database takes great and small for one.

    Raises
    ------
    MlopsError
        As said.
    """
    if taken := next((name for name in columns if name.casefold() in added), None):
        raise MlopsError(f"samples: {where} has a column {taken}, which a sample adds; rename it.")


def number_of(key: str, seed: int) -> str:
    """Write the SQL of a key's own number: over 0 and under 1, alike everywhere.

    `sample:` keeps it apart from the numbers by which holdout rows are chosen: a sample with the
    same seed would be the holdout otherwise.
    """
    code = f"sha256(concat('sample:{seed}:', {key}))"
    return f"(CAST(concat('0x', substr({code}, 1, {DIGITS})) AS BIGINT) + 0.5) / {16**DIGITS}"


def _frame(
    connection: "duckdb.DuckDBPyConnection", sample: Sample, seed: int, key: str | None
) -> None:
    """Make `keyed`, the rows with their keys, and `frame`, a row for each that may be drawn."""
    columns = [name for name, *_ in connection.execute("DESCRIBE source").fetchall()]
    asked = [sample.unit, sample.weight, sample.spread_of, *(sample.by or ())]
    for name in [*asked, *(sample.order_by or ())]:
        if name is not None and name not in columns:
            known = ", ".join(columns)
            raise MlopsError(
                f'samples: {sample.table} has no column "{name}"; its columns: {known}.'
            )
    added = {PROBABILITY, "#key", "#chance", *([WAVE] if sample.method == "snowball" else [])}
    check_free(columns, added, str(sample.table))
    if sample.unit is not None:
        missing = f"SELECT count(*) FROM source WHERE {quoted(sample.unit)} IS NULL"
        if without := number(connection, missing):
            raise MlopsError(
                f"samples: {sample.table} has {counted(without, 'row')} without {sample.unit}, of "
                "no unit; draw rows, or another unit."
            )
        key = sample.unit
    kept, text = "VIEW", f"CAST({quoted(key)} AS VARCHAR)" if key else ""
    if not key:  # of equal rows the first, the second and so on, whichever they are
        code = f"sha256(CAST(row({', '.join(map(quoted, columns))}) AS VARCHAR))"
        kept, text = "TABLE", f"concat({code}, ':', row_number() OVER (PARTITION BY {code}))"
    connection.execute(
        f'CREATE OR REPLACE TEMP {kept} keyed AS SELECT *, {text} AS "#key" FROM source'
    )
    facts = {"weight": sample.weight, "spread": sample.spread_of}
    wanted = [f"CAST({quoted(of)} AS DOUBLE) AS {name}" for name, of in facts.items() if of]
    by = [f"coalesce(CAST({quoted(one)} AS VARCHAR), '(missing)')" for one in sample.by or ()]
    if by[1:]:  # or a/b beside c were the stratum of a beside b/c
        by = [f"replace({one}, '/', '\\/')" for one in by]
    wanted += [f"concat_ws('/', {', '.join(by)}) AS stratum"] if by else []
    wanted += [f"{quoted(name)} AS order_{at}" for at, name in enumerate(sample.order_by or ())]
    listed = "".join(f", {one}" for one in wanted)
    distinct = f'SELECT DISTINCT "#key"{listed} FROM keyed'
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE frame AS
            SELECT *, {number_of('"#key"', seed)} AS number FROM ({distinct})"""
    )
    twice = 'SELECT count(*) - count(DISTINCT "#key") FROM frame'
    if sample.unit is not None and number(connection, twice):
        raise MlopsError(
            f"samples: rows of one {sample.unit} differ in what they are drawn by: use columns "
            "that say the same of all rows of a unit, or draw rows."
        )
