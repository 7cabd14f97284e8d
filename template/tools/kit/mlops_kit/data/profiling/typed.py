"""Texts as what all of their values are: whole numbers, numbers, truth values, times, or text."""

from pathlib import Path
from typing import TYPE_CHECKING

from mlops_kit.core.sql import literal
from mlops_kit.core.words import counted
from mlops_kit.data.values.missing import MARKERS

if TYPE_CHECKING:
    import duckdb

# By the type: the texts that are one, and nothing that it would change. A code such as 007 is text.
PATTERNS = {
    "BIGINT": r"^[+-]?(0|[1-9]\d{0,17})$",
    "DOUBLE": r"^[+-]?((0|[1-9]\d*)(\.\d*)?|\.\d+)([eE][+-]?\d+)?$",
    "BOOLEAN": r"^(true|false|True|False|TRUE|FALSE)$",
    "DATE": r"^\d{4}-\d\d-\d\d$",
    "TIMESTAMP": r"^\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d(\.\d+)?)?)?$",
}
FIRST = 10_000
# A share of numbers from which on the rest of a column is worth a word.
MOSTLY = 0.9


def typed(
    connection: "duckdb.DuckDBPyConnection", raw: Path, names: list[str], file: Path
) -> list[str]:
    """Write the texts of a parquet file typed into another; return what a person should know.

    Blanks and the usual markers (NA, NULL, ? and others) are missing. A column gets a type that
    fits every value of it.
    """
    markers = ", ".join(literal(one.lower()) for one in ("", *MARKERS))
    source = f"read_parquet({literal(raw.as_posix())})"
    places = [f"c{at}" for at in range(len(names))]
    kinds = {row[0]: row[1] for row in connection.execute(f"DESCRIBE FROM {source}").fetchall()}
    texts = [at for at in places if kinds[at] == "VARCHAR"]
    value = {at: f"CASE WHEN lower(trim({at})) NOT IN ({markers}) THEN {at} END" for at in texts}
    alive = {at: list(PATTERNS) for at in texts}
    share: dict[str, float] = {}
    for limit in (f"(SELECT * FROM {source} LIMIT {FIRST})", source):
        tests = [(at, kind) for at in texts for kind in alive[at]]
        if not tests:
            break
        asked = ", ".join(f"count(*) FILTER (WHERE {_is(value[at], kind)})" for at, kind in tests)
        there = ", ".join(f"count({value[at]})" for at in texts)
        found = connection.execute(f"SELECT {there}, {asked} FROM {limit}").fetchall()[0]
        known = dict(zip(texts, found, strict=False))
        for (at, kind), count in zip(tests, found[len(texts) :], strict=True):
            if kind == "DOUBLE" and known[at]:
                share[at] = count / known[at]
            if count < known[at]:
                alive[at].remove(kind)
        for at in texts:
            alive[at] = alive[at] if known[at] or limit != source else []
    types = {at: kinds_left[0] for at, kinds_left in alive.items() if kinds_left}
    chosen = ", ".join(
        f"CAST(trim({value[at]}) AS {types[at]}) AS {at}" if at in types
        else f"{value[at]} AS {at}" if at in texts else at
        for at in places
    )  # fmt: skip
    target = literal(file.as_posix())
    connection.execute(f"COPY (SELECT {chosen} FROM {source}) TO {target} (FORMAT parquet)")
    mixed = [
        name for name, at in zip(names, places, strict=True)
        if at in texts and at not in types and share.get(at, 0) >= MOSTLY
    ]  # fmt: skip
    if not mixed:
        return []
    listed = ", ".join(mixed[:5]) + (f" and {len(mixed) - 5} more" if mixed[5:] else "")
    return [
        f"{counted(len(mixed), 'column')} ({listed}): nearly all values are numbers and some are "
        "not, so that it is read as text; `mlops data describe` asks what is meant"
    ]


def _is(value: str, kind: str) -> str:
    text = f"trim({value})"
    fits = f"regexp_matches({text}, {literal(PATTERNS[kind])})"
    return fits if kind == "BOOLEAN" else f"({fits} AND TRY_CAST({text} AS {kind}) IS NOT NULL)"
