"""One table, looked at from every side: what `mlops data profile` writes."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from mlops_kit.core.files import sha256_of
from mlops_kit.data.profiling import columns as of_columns
from mlops_kit.data.profiling.drawn import MOST_RELATED, NUMBER, drawn
from mlops_kit.data.profiling.findings import findings
from mlops_kit.data.profiling.opened import OUTCOME, SPLIT, Column, Opened
from mlops_kit.data.profiling.outliers import add_outliers
from mlops_kit.data.profiling.related import MOST_PAIRED, related, told
from mlops_kit.data.profiling.repeated import repeated_columns, repeated_rows
from mlops_kit.data.profiling.words import vocabulary

if TYPE_CHECKING:
    import polars

# From rows with `split`, `y_true` and features, and the features' names: those that give the
# outcome away, and why.
Suspects: TypeAlias = "Callable[[polars.DataFrame, list[str]], Mapping[str, str]]"

HELD_OUT = 0.3
# A number of more values is an amount, not a class.
MOST_CLASSES = 20
# Words from which on a column of text is prose.
PROSE = 4.0


def profile(table: Opened, suspects: Suspects) -> dict[str, Any]:
    """Profile a table.

    Parameters
    ----------
    table : Opened
        What is looked at.
    suspects : callable
        Finds the columns that give the outcome away, where there is one.

    Returns
    -------
    dict
        name, of (file, sha256), rows, columns (a record each; see columns.described), outcome,
        candidates (by mutual information), leaks, relations, repeated_rows, repeated_columns,
        findings (each a kind, columns and a sentence without any value), restricted, notes.
    """
    records = of_columns.described(table)
    add_outliers(table, records)
    known = {one["name"]: one for one in records}
    looked_at = [one for one in table.columns if one.kind != "other"][:MOST_RELATED]
    if table.target is not None and table.target not in looked_at:
        looked_at.append(table.target)
    sample = drawn(table, looked_at)
    _add_modes(table, sample, records)
    _add_words(table, sample, records)
    beside = [one for one in looked_at if one not in table.set_aside]
    beside.sort(key=lambda one: one != table.target)  # first, so that no limit leaves it out
    usable = [one for one in beside if one != table.target and _may_tell(one, known[one.name])]
    result: dict[str, Any] = {
        "name": table.name,
        "of": {"file": table.place.as_posix(), "sha256": sha256_of(table.place)},
        "restricted": table.restricted,
        "rows": table.rows,
        "columns": records,
        "repeated_rows": repeated_rows(table, records),
        "repeated_columns": repeated_columns(table, sample, records),
        "relations": related(sample, beside, records),
        "outcome": None,
        "candidates": [],
        "leaks": {},
        "notes": list(table.notes),
    }
    if table.target is not None:
        result["outcome"] = _outcome(table.target, known[table.target.name])
        rows = _divided(table, sample)
        training = rows.filter(rows[SPLIT] == "train").drop(SPLIT)
        result["candidates"] = told(training, table.target, usable, records)
        result["candidates_rows"] = len(training)
        names = [one.name for one in beside if one != table.target]
        names = [name for name in names if not known[name].get("constant") and
                 known[name]["distinct"]]  # fmt: skip
        result["leaks"] = dict(suspects(_for_leaks(table, rows, names), names)) if names else {}
    if len([one for one in table.columns if one.kind != "other"]) > MOST_RELATED:
        result["notes"].append(
            "candidates, leaks and repeated columns were looked for among the first "
            f"{MOST_RELATED} columns; --columns chooses others"
        )
    if result["relations"]["beyond"]:
        result["notes"].append(
            f"what goes together was looked for among the first {MOST_PAIRED} columns; --columns "
            "chooses others"
        )
    result["findings"] = findings(result)
    return result


def _may_tell(one: Column, record: dict[str, Any]) -> bool:
    return bool(record["distinct"]) and not record["identifier"] and not record["constant"]


def _outcome(target: Column, record: dict[str, Any]) -> dict[str, Any]:
    """Say what is predicted: an amount, or classes and how even they are."""
    amount = target.kind in ("number", "time") and (
        record["distinct"] > MOST_CLASSES or not record.get("whole", True)
    )
    found: dict[str, Any] = {"column": target.name, "kind": "amount" if amount else "classes"}
    if not amount and record["distinct"]:
        found["classes"] = record["distinct"]
        found |= {key: record[key] for key in ("commonest_share", "rarest_share") if key in record}
    return found


def _divided(table: Opened, sample: "polars.DataFrame") -> "polars.DataFrame":
    """Give the rows a column `split`: the table's own, or one by the numbers of the rows."""
    import polars as pl

    if table.split is not None:
        return sample.filter(pl.col(SPLIT).is_in(["train", "holdout"]))
    code = (pl.col(NUMBER).cast(pl.UInt64) * 40503 + 17) % 65536
    drawn_out = pl.when(code < int(65536 * HELD_OUT)).then(pl.lit("holdout"))
    rows = sample.drop(SPLIT, strict=False)
    return rows.with_columns(drawn_out.otherwise(pl.lit("train")).alias(SPLIT))


def _for_leaks(table: Opened, rows: "polars.DataFrame", names: list[str]) -> "polars.DataFrame":
    import polars as pl

    target = table.target.name if table.target else OUTCOME
    chosen = [pl.col(name) for name in names if name != SPLIT]
    if table.split is not None and "time" in rows.columns:
        chosen.append(pl.col("time"))
    return rows.filter(pl.col(target).is_not_null()).select(
        *chosen, pl.col(SPLIT), pl.col(target).alias(OUTCOME)
    )


def _add_modes(table: Opened, sample: "polars.DataFrame", records: list[dict[str, Any]]) -> None:
    """Find the commonest value of numbers with many: drawn rows propose it, all rows count it."""
    for one in records:
        if one["kind"] != "number" or "median" not in one or "commonest_share" in one:
            continue
        if one["name"] not in sample.columns:
            continue
        counts = sample[one["name"]].drop_nulls().value_counts(sort=True)
        value, count = counts.row(0)
        if count < 0.01 * len(sample):
            continue
        column = table.column(one["name"])
        ((rows,),) = table.ask(f"SELECT count(*) FROM source WHERE {column.value} = ?", [value])
        one["mode"], one["commonest_share"] = value, rows / (table.rows - one["missing"])


def _add_words(table: Opened, sample: "polars.DataFrame", records: list[dict[str, Any]]) -> None:
    for one in records:
        many = one["kind"] == "text" and (one["distinct"] or 0) > of_columns.MOST_OF_A_TEXT
        if many and not one["identifier"] and one["name"] in sample.columns:
            found = vocabulary(sample[one["name"]])
            if found.get("mean_words", 0) >= PROSE:
                one["text"] = found
