"""Names and types of the columns that features.py gives: encoded for models, or refused by name."""

from typing import TYPE_CHECKING

from mlops_kit.core.errors import MlopsError
from mlops_kit.core.sql import quoted
from mlops_kit.data.config import PIPELINE

if TYPE_CHECKING:
    import duckdb

# What a type of DuckDB becomes, by its name before the bracket; others stay as they are.
ENCODED = {
    "BOOLEAN": "BIGINT",
    "DECIMAL": "DOUBLE",
    "HUGEINT": "DOUBLE",
    "UHUGEINT": "DOUBLE",
    "ENUM": "VARCHAR",
    "UUID": "VARCHAR",
    "JSON": "VARCHAR",
}
INTEGERS = ("BIGINT", "UBIGINT", "HUGEINT", "UHUGEINT", "DECIMAL")
# Above it, numbers of 64 bits no longer hold every integer.
EXACT = 2**53
# No model takes them as they are.
MOMENTS = ("DATE", "TIMESTAMP", "TIME")
# Nor these, in a list or by themselves: what to do instead.
PARTS = "give each part that counts as a column"
OTHER = {
    **dict.fromkeys(("INTERVAL", "BIT", "MAP", "UNION"), PARTS),
    "STRUCT": PARTS + ", such as {name}.field",
    "BLOB": "say what counts about it, such as octet_length({name})",
}


def check_names(function: str, columns: list[str]) -> None:
    """Refuse columns that have one name, or names that differ by case only.

    Parameters
    ----------
    function : str
        Of features.py, whose SQL gives the columns.
    columns : list of str
        Their names as the SQL says them.

    Raises
    ------
    MlopsError
        SQL does not tell capitals from small letters, and renames the second of them in silence.
    """
    seen: dict[str, str] = {}
    for name in columns:
        first = seen.setdefault(name.casefold(), name)
        if seen[name.casefold()] is not name or columns.count(name) > 1:
            both = f'"{first}" twice' if first == name else f'"{first}" and "{name}"'
            raise MlopsError(
                f"features.py: {function}() gives the columns {both}, one name for SQL: "
                "give each a name of its own, or drop one."
            )


def feature_names(columns: list[str], keys: list[str]) -> list[str]:
    """Name the features among the columns of features().

    Raises
    ------
    MlopsError
        When a feature has a name that the pipeline uses itself, or there is no feature.
    """
    features = [name for name in columns if name not in keys]
    for name in features:
        if name.casefold() not in PIPELINE:
            continue
        hint = "call it otherwise"
        if name == "time":
            hint = "let rows() and target() give it too, or call it otherwise"
        if name == "group":
            hint = "let rows() give it if rows of one group are alike, or call it otherwise"
        raise MlopsError(
            f'features.py: features() gives a column "{name}", a name that the pipeline uses '
            f"itself: {hint}."
        )
    if not features:
        raise MlopsError("features.py: features() gives no column besides id and time.")
    return features


def encode(connection: "duckdb.DuckDBPyConnection", table: str, names: list[str]) -> None:
    """Turn the columns `names` of a table into numbers, texts and lists of them, in place.

    Booleans become 0 and 1, decimals and sums of integers floating-point numbers; see ENCODED.

    Raises
    ------
    MlopsError
        When a column holds moments or structures, which a model cannot read, infinite numbers, or
        integers of which a model would take several for one.
    """
    relation = connection.table(table)
    kinds = dict(zip(relation.columns, map(str, relation.types), strict=True))
    changed, counted = [], []
    for name in names:
        inner = kinds[name].split("(")[0].split(" ")[0].split("[")[0]
        kind = "LIST" if kinds[name].endswith("]") else inner
        where = f'features.py: column "{name}" of {table}()'
        if kind.startswith("TIME") and not kind.startswith("TIMESTAMP"):
            raise MlopsError(
                f"{where} is of type TIME, which no model can read: say what counts about it, such "
                f"as extract(hour FROM {name})."
            )
        if kind.startswith(MOMENTS):
            raise MlopsError(
                f"{where} is of type {kinds[name]}, which no model can read: say what counts about "
                f"it, such as date_diff('day', {name}, time) or extract(month FROM {name})."
            )
        if inner in OTHER or (kind == "LIST" and inner.startswith((*MOMENTS, "JSON"))):
            said = f"is of type {inner}: {OTHER.get(inner, PARTS).format(name=name)}"
            if kind == "LIST":
                said = f"holds lists of {inner}: say what counts about them, such as len({name})"
            raise MlopsError(f"{where} {said}.")
        if kind == "JSON":
            parts = f"json_type({quoted(name)}) IN ('OBJECT', 'ARRAY')"
            counted.append((name, parts, "objects or arrays of JSON: take out of it what counts, "
                            f"such as {name}->>'$.field'"))  # fmt: skip
        if kind in INTEGERS:
            huge = f"{quoted(name)} = trunc({quoted(name)}) AND abs({quoted(name)}) > {EXACT}"
            counted.append((name, huge, "integers beyond 2^53, of which a model takes several for "
                            "one: cast a code to VARCHAR, and an amount to DOUBLE"))  # fmt: skip
        if kind in ("DOUBLE", "FLOAT"):
            counted.append((name, f"isinf({quoted(name)})", "infinite values: see by what it is "
                            "divided, and use nullif(..., 0) there"))  # fmt: skip
        if kind in ENCODED:
            changed.append(f"CAST({quoted(name)} AS {ENCODED[kind]}) AS {quoted(name)}")
    if counted:
        sums = ", ".join(f"count(*) FILTER (WHERE {condition})" for _, condition, _ in counted)
        counts = connection.execute(f"SELECT {sums} FROM {table}").fetchall()[0]
        for (name, _, hint), count in zip(counted, counts, strict=True):
            if count:
                raise MlopsError(f'features.py: column "{name}" of {table}() has {count:,} {hint}.')
    if changed:
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE {table} AS "
            f"SELECT * REPLACE ({', '.join(changed)}) FROM {table}"
        )


def same_everywhere(connection: "duckdb.DuckDBPyConnection", names: list[str], keys: str) -> str:
    """Name the features that hold one value in all training rows; they tell nothing.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        Has the tables `features` and `divided` (with `split`).
    names : list of str
        Columns of `features`.
    keys : str
        Columns that identify a row, for USING.

    Returns
    -------
    str
        A clause for people, or nothing.

    Raises
    ------
    MlopsError
        When a feature is empty in all training rows.
    """
    looks = ", ".join(
        f"count({quoted(name)}), min({quoted(name)}) IS NOT DISTINCT FROM max({quoted(name)}) "
        f"AND count({quoted(name)}) = count(*)"
        for name in names
    )
    found = connection.execute(
        f"SELECT count(*), {looks} FROM features JOIN divided USING ({keys}) WHERE split = 'train'"
    ).fetchall()[0]
    rows, counts, constant = found[0], found[1::2], found[2::2]
    for name, count in zip(names, counts, strict=True):
        if rows and not count:
            raise MlopsError(
                f'features.py: column "{name}" of features() is empty in all {rows:,} training '
                "rows: drop it, or mend what fills it."
            )
    same = [f'"{name}"' for name, one in zip(names, constant, strict=True) if one and rows > 1]
    return f"one value in all training rows: {', '.join(same)}" if same else ""
