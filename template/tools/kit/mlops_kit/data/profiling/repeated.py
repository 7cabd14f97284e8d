"""Rows that repeat others, and columns that say what another one says."""

from typing import TYPE_CHECKING, Any

from mlops_kit.data.profiling.opened import Column, Opened

if TYPE_CHECKING:
    import polars

# Of more columns, two levels alike are chance in a table of few rows.
LEAST_ROWS = 10


def repeated_rows(table: Opened, records: list[dict[str, Any]]) -> dict[str, Any]:
    """Count the rows that repeat an earlier one in all columns but those that name rows.

    Rows are told apart by 64 bits of a hash of all their values.
    """
    left_out = [one["name"] for one in records if one["identifier"]]
    compared = [
        one for one in table.columns if one.name not in left_out and one not in table.set_aside
    ]
    if not compared:
        return {"rows": 0, "share": 0.0, "left_out": left_out, "compared": 0}
    values = ", ".join(one.at for one in compared)
    ((distinct,),) = table.ask(f"SELECT count(DISTINCT hash({values})) FROM source")
    return {
        "rows": table.rows - distinct,
        "share": (table.rows - distinct) / table.rows,
        "left_out": [*left_out, *(one.name for one in table.set_aside if one.name not in left_out)],
        "compared": len(compared),
    }


def repeated_columns(
    table: Opened, sample: "polars.DataFrame", records: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Find columns that hold what an earlier one holds, in every row.

    The sample says which may; all rows say whether they do.

    Returns
    -------
    list of dict
        column, of, and how: "equal", or "recoded" where each value stands for one of the other's.
    """
    import hashlib

    known = {one["name"]: one for one in records}
    seen: dict[str, list[Column]] = {}
    found = []
    for column in table.columns:
        record = known[column.name]
        if column.name not in sample.columns or record.get("constant") or not record["distinct"]:
            continue
        if column == table.target:  # what holds the outcome is a leak, and told as one
            continue
        codes = _codes(sample[column.name], is_few=_few(table, record))
        digest = hashlib.sha256(codes.tobytes()).hexdigest()
        for other in seen.setdefault(digest, []):
            if how := _how(table, column, other, known):
                found.append({"column": column.name, "of": other.name, "how": how})
                break
        else:
            seen[digest].append(column)
    return found


def _few(table: Opened, *records: dict[str, Any]) -> bool:
    """Whether values stand often enough that one may stand for another by more than chance."""
    return table.rows >= LEAST_ROWS and max(one["distinct"] for one in records) <= table.rows / 5


def _codes(values: "polars.Series", *, is_few: bool) -> Any:
    """Code values by the order in which they come, -1 where there is none, shape (n,).

    Where nearly each value stands once that order is the same of any two columns: the values
    themselves are coded.
    """
    import pandas as pd

    if not is_few:
        written = values.cast(str).str.strip_suffix(".0")
        return pd.util.hash_array(written.fill_null("\0").to_numpy().astype(object))
    return pd.factorize(values.to_numpy())[0] if values.dtype.is_numeric() else pd.factorize(
        values.cast(str).to_numpy()
    )[0]  # fmt: skip


def _how(
    table: Opened, column: Column, other: Column, records: dict[str, dict[str, Any]]
) -> str | None:
    one, two = column.at, other.at
    both = f"{column.value} IS DISTINCT FROM {other.value}"
    if {column.kind, other.kind} & {"text"} or column.kind != other.kind:
        both = f"CAST({one} AS VARCHAR) IS DISTINCT FROM CAST({two} AS VARCHAR)"
    ((differ,),) = table.ask(f"SELECT count(*) FILTER (WHERE {both}) FROM source")
    if not differ:
        return "equal"
    facts = [records[each.name] for each in (column, other)]
    if not _few(table, *facts):
        return None
    pairs = f"SELECT DISTINCT {one} AS a, {two} AS b FROM source"
    ((most,),) = table.ask(
        f"""WITH pairs AS ({pairs}) SELECT greatest(
            (SELECT max(n) FROM (SELECT count(*) AS n FROM pairs GROUP BY a)),
            (SELECT max(n) FROM (SELECT count(*) AS n FROM pairs GROUP BY b)))"""
    )
    return "recoded" if most == 1 else None
