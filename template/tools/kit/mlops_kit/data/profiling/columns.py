"""What all rows show of each column: counts, extremes, means, levels, quantiles, bars."""

from collections.abc import Iterator
from typing import Any

from mlops_kit.data.describing.table import CAMEL, KEY
from mlops_kit.data.profiling import spread
from mlops_kit.data.profiling.opened import Column, Opened

# Columns that are asked about in one query.
AT_ONCE = 100
# A column of no more values is counted value by value.
MOST_LEVELS = 1_000
# Rows that a value needs before it is shown: then it is nobody's own.
OFTEN = 5
SHOWN = 10
# Of texts: above so many values none is shown.
MOST_OF_A_TEXT = 100
# Sums of squares of larger numbers are infinite.
HUGE = 1e100
# Far out (Tukey 1977): so many interquartile ranges beyond the quartiles.
FAR = 3.0
LEAST_OF_A_KEY = 20
# Texts of more words are prose, not names.
SPACES = 3


def described(table: Opened) -> list[dict[str, Any]]:
    """Describe every column, in the order of the table.

    Returns
    -------
    list of dict
        name, type, kind, missing, distinct (`distinct_exact` says whether it is), constant,
        identifier; of numbers and times the extremes, quantiles and a histogram; of what has few
        values their levels; of texts their lengths. What shows values stands under keys of VALUES.
    """
    found = []
    for start in range(0, len(table.columns), AT_ONCE):
        found += list(_counted(table, table.columns[start : start + AT_ONCE]))
    return found


# Keys whose content are values of rows, or near to them.
VALUES = ("minimum", "maximum", "mean", "deviation", "median", "mode", "quantiles", "fences",
          "levels", "histogram", "words")  # fmt: skip


def without_values(record: Any) -> Any:
    """Leave out of a profile what shows values: counts, shares and names stay."""
    if isinstance(record, dict):
        return {key: without_values(one) for key, one in record.items() if key not in VALUES}
    return [without_values(one) for one in record] if isinstance(record, list) else record


def _counted(table: Opened, columns: list[Column]) -> Iterator[dict[str, Any]]:
    asked = [(one, name, sql) for one in columns for name, sql in _aggregates(one)]
    values = table.ask(f"SELECT {', '.join(sql for *_, sql in asked)} FROM source")[0]
    facts: dict[str, dict[str, Any]] = {one.at: {} for one in columns}
    for (one, name, _), value in zip(asked, values, strict=True):
        facts[one.at][name] = value
    _add_moments(table, columns, facts)
    for one in columns:
        yield _record(table, one, facts[one.at])


def _aggregates(one: Column) -> list[tuple[str, str]]:
    at = one.at
    found = [("present", f"count({at})")]
    if one.kind == "other":
        return found
    found.append(("distinct", f"approx_count_distinct({at})"))
    if one.kind in ("number", "time"):
        found += [("there", f"count({one.value})"), ("minimum", f"min({one.value})"),
                  ("maximum", f"max({one.value})")]  # fmt: skip
    if one.is_float:
        found += [("nan", f"count(*) FILTER (WHERE isnan({at}))"),
                  ("infinite", f"count(*) FILTER (WHERE isinf({at}))")]  # fmt: skip
    if one.kind == "number":
        found += [("zeros", f"count(*) FILTER (WHERE {at} = 0)"),
                  ("negative", f"count(*) FILTER (WHERE {at} < 0)")]  # fmt: skip
        if one.is_float:
            found.append(("fractions", f"count(*) FILTER (WHERE {at} <> trunc({at}))"))
    if one.kind == "text":
        text = f"CAST({at} AS VARCHAR)"
        found += [("shortest", f"min(length({text}))"), ("mean_length", f"avg(length({text}))"),
                  ("longest", f"max(length({text}))"),
                  ("spaces", f"avg(length({text}) - length(replace({text}, ' ', '')))"),
                  ("blank", f"count(*) FILTER (WHERE trim({text}) = '')")]  # fmt: skip
    return found


def _add_moments(table: Opened, columns: list[Column], facts: dict[str, dict[str, Any]]) -> None:
    tame = [
        one for one in columns
        if one.kind == "number" and facts[one.at]["there"]
        and max(abs(facts[one.at]["minimum"]), abs(facts[one.at]["maximum"])) < HUGE
    ]  # fmt: skip
    if not tame:
        return
    asked = ", ".join(f"avg({one.value}), stddev_samp({one.value})" for one in tame)
    values = table.ask(f"SELECT {asked} FROM source")[0]
    for place, one in enumerate(tame):
        facts[one.at]["mean"], facts[one.at]["deviation"] = values[2 * place : 2 * place + 2]


def _record(table: Opened, one: Column, facts: dict[str, Any]) -> dict[str, Any]:
    missing = table.rows - facts["present"] + facts.get("nan", 0)
    record: dict[str, Any] = {
        "name": one.name,
        "type": one.type,
        "kind": one.kind,
        "missing": missing,
        "missing_share": missing / table.rows,
    }
    there = table.rows - missing
    if one.kind == "other" or not there:
        return record | {"distinct": 0 if not there else None, "identifier": False}
    levels = _levels(table, one) if facts["distinct"] <= MOST_LEVELS * 1.1 else None
    if levels is not None:
        record |= {"distinct": len(levels), "distinct_exact": True}
    else:
        record |= _many(table, one, int(facts["distinct"]), there)
    record["constant"] = record["distinct"] == 1
    record["identifier"] = _is_identifier(table, one, record, facts, there)
    extra = ("infinite", "zeros", "negative", "shortest", "longest", "mean_length", "blank")
    record |= {key: facts[key] for key in extra if facts.get(key) is not None}
    if one.kind == "number":
        whole = not one.is_float or not facts["fractions"]
        record["whole"] = whole and not one.type.startswith("DECIMAL")
    if record["identifier"]:
        return record
    if one.kind in ("number", "time") and facts["there"]:
        record |= _spread(table, one, facts, levels, record.get("whole", False))
    record |= _shown(one, levels, there)
    return record


def _levels(table: Opened, one: Column) -> list[tuple[Any, int]] | None:
    """Count each value, in their order; None where they are too many."""
    value = one.value if one.kind in ("number", "time") else one.at
    rows = table.ask(
        f"""SELECT {value} AS v, count(*) FROM source WHERE {value} IS NOT NULL
            GROUP BY v ORDER BY v LIMIT {MOST_LEVELS + 1}"""
    )
    return rows if len(rows) <= MOST_LEVELS else None


def _many(table: Opened, one: Column, about: int, there: int) -> dict[str, Any]:
    """Say how many values a column of many has: exactly where it may name rows."""
    may_name = one.kind == "text" or (one.kind == "number" and not one.is_float)
    if not may_name or about < 0.8 * there:
        return {"distinct": min(about, there), "distinct_exact": False}
    ((distinct,),) = table.ask(f"SELECT count(DISTINCT {one.at}) FROM source")
    return {"distinct": distinct, "distinct_exact": True}


def _is_identifier(
    table: Opened, one: Column, record: dict[str, Any], facts: dict[str, Any], there: int
) -> bool:
    """Tell whether a column names rows or persons: nothing of its values is shown then."""
    if one in table.set_aside and one.name != "split" and one.kind != "time":
        return True
    if one.kind not in ("text", "number") or one == table.target:
        return False
    named = bool(KEY.search(CAMEL.sub("_", one.name)))
    if one.kind == "number" and (one.is_float or one.type.startswith("DECIMAL")):
        return False
    unique = record["distinct"] == there and record["distinct_exact"]
    if one.kind == "text":
        short = facts["mean_length"] <= 60 and facts["spaces"] < SPACES
        return there >= LEAST_OF_A_KEY and short and (unique or record["distinct"] > there / 2)
    counts_rows = facts["maximum"] - facts["minimum"] + 1 == there
    key = unique and (named or counts_rows)
    return there >= LEAST_OF_A_KEY and (key or (named and record["distinct"] > MOST_LEVELS))


def _spread(
    table: Opened,
    one: Column,
    facts: dict[str, Any],
    levels: list[tuple[Any, int]] | None,
    whole: bool,
) -> dict[str, Any]:
    import numpy as np

    low, high = facts["minimum"], facts["maximum"]
    found: dict[str, Any] = {"minimum": low, "maximum": high}
    found |= {key: facts[key] for key in ("mean", "deviation") if facts.get(key) is not None}
    if max(abs(low), abs(high)) >= HUGE:
        return found
    if levels is not None:
        quantiles = spread.of_counts(*(np.array(each, float) for each in zip(*levels, strict=True)))
    else:
        quantiles = spread.quantiles(table, one, low, high, facts["there"])
    found["median"] = quantiles[0.5]
    found["quantiles"] = {f"{share:g}": value for share, value in quantiles.items()}
    start, end = low, high
    if one.kind == "number" and (fences := _fences(quantiles, low)):
        found["fences"] = fences
        # Bars as far as the usual values go, and a little more: what lies beyond is counted.
        start, end = max(low, fences[0]), min(high, fences[1])
    edges = spread.edges_between(start, end, whole)
    found["histogram"] = spread.histogram(table, one, edges)
    return found


def _fences(quantiles: dict[float, float], low: float) -> list[float] | None:
    """Return the values beyond which one lies far out; of skewed amounts, by their logarithm."""
    import math

    first, median, third = (quantiles[share] for share in (0.25, 0.5, 0.75))
    if first == third:
        return None
    skew = (third + first - 2 * median) / (third - first)
    if low > 0 and skew > 0.1:
        logs = [math.log(each) for each in (first, median, third)]
        reach = FAR * (logs[2] - logs[0])
        return [math.exp(max(logs[0] - reach, -700)), math.exp(min(logs[2] + reach, 700))]
    reach = FAR * (third - first)
    return [first - reach, third + reach]


def _shown(one: Column, levels: list[tuple[Any, int]] | None, there: int) -> dict[str, Any]:
    """Give the commonest value and the levels that may be shown, the commonest first."""
    if levels is None:
        return {}
    ordered = sorted(levels, key=lambda pair: -pair[1])
    found: dict[str, Any] = {"commonest_share": ordered[0][1] / there}
    found["rarest_share"] = ordered[-1][1] / there
    if one.kind == "text" and len(levels) > MOST_OF_A_TEXT:
        return found
    if ordered[0][1] >= OFTEN and ordered[0][1] > 0.01 * there:
        found["mode"] = _plain(ordered[0][0])
    if one.kind == "time" or len(levels) > MOST_OF_A_TEXT:
        return found
    kept = [(value, count) for value, count in ordered if count >= OFTEN][:SHOWN]
    rest = there - sum(count for _, count in kept)
    found["levels"] = [[_plain(value), count] for value, count in kept]
    found["other_rows"], found["other_levels"] = rest, len(levels) - len(kept)
    return found


def _plain(value: Any) -> Any:
    return value if isinstance(value, str | int | float | bool) else str(value)
