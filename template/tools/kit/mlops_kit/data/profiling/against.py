"""Two profiles side by side: what differs enough to matter, in words without any value."""

from typing import Any

from mlops_kit.core.words import counted
from mlops_kit.data.profiling.opened import Column, Opened
from mlops_kit.data.profiling.spread import histogram

# Share of the rows that would have to move for both to be alike (total variation), and the chance
# that as much comes of itself, from which on a column differs.
MOVED, ALPHA = 0.05, 0.001
MISSING = 0.02
LEAST_STEP = 0.05
MOST_LEVELS = 1_000


def differences(one: Opened, other: Opened, first: Any, second: Any) -> list[dict[str, Any]]:
    """Compare two profiles column by column, the greatest difference first.

    Parameters
    ----------
    one, other : Opened
        The tables; the second is what the first is set against.
    first, second : dict
        Their profiles.

    Returns
    -------
    list of dict
        column, kind (`new`, `gone`, `type`, `moved`, `missing`, `outside`), size from 0 to 1 by
        which they are sorted, sentence; of `moved` also the shares of both in the same bars.
    """
    here, there = ({each["name"]: each for each in side["columns"]} for side in (first, second))
    found = [
        _found(name, "gone", 2.0, f'"{name}" is missing: only {second["name"]} has it.')
        for name in there if name not in here
    ]  # fmt: skip
    for name, record in here.items():
        if name not in there:
            found.append(_found(name, "new", 2.0, f'"{name}" is new: {second["name"]} lacks it.'))
            continue
        before = there[name]
        if record["kind"] != before["kind"]:
            kinds = f"{record['kind']} here and {before['kind']} in {second['name']}"
            found.append(_found(name, "type", 1.5, f'"{name}" is of another type: {kinds}.'))
            continue
        now, then = record["missing_share"], before["missing_share"]
        if abs(now - then) >= MISSING and _is_no_chance(now, first["rows"], then, second["rows"]):
            sentence = f'"{name}": {now:.1%} missing, {then:.1%} in {second["name"]}.'
            found.append(_found(name, "missing", abs(now - then), sentence))
        found += _moved(one, other, record, before, second["name"])
    return sorted(found, key=lambda each: -each["size"])


def _found(name: str, kind: str, size: float, sentence: str) -> dict[str, Any]:
    return {"column": name, "kind": kind, "size": size, "sentence": sentence}


def _is_no_chance(a: float, n: int, b: float, m: int) -> bool:
    """Tell whether two shares differ by more than chance (a normal approximation)."""
    pooled = (a * n + b * m) / (n + m)
    error = (pooled * (1 - pooled) * (1 / n + 1 / m)) ** 0.5
    return error > 0 and abs(a - b) / error > 3.3


def _moved(
    one: Opened, other: Opened, record: dict[str, Any], before: dict[str, Any], name: str
) -> list[dict[str, Any]]:
    columns = one.column(record["name"]), other.column(record["name"])
    if record["identifier"] or before["identifier"] or record["kind"] == "other":
        return []
    if "quantiles" in record and "quantiles" in before:
        return _of_numbers(one, other, columns, record, before, name)
    few = all((each["distinct"] or 0) <= MOST_LEVELS for each in (record, before))
    if record["kind"] in ("text", "boolean") and few:
        return _of_levels(one, other, columns, record, name)
    return []


def _of_numbers(
    one: Opened, other: Opened, columns: tuple[Column, Column], record: dict[str, Any],
    before: dict[str, Any], name: str,
) -> list[dict[str, Any]]:  # fmt: skip
    edges = before["histogram"]["edges"]
    if record["kind"] == "time":  # two times are mostly of two times: bars over both
        low = min(record["minimum"], before["minimum"])
        high = max(record["maximum"], before["maximum"])
        edges = [low + (high - low) * each / 20 for each in range(21)] if high > low else edges
    bars = [histogram(table, column, edges) for table, column in zip((one, other), columns,
                                                                    strict=True)]  # fmt: skip
    counts = [[bar["below"], *bar["counts"], bar["above"]] for bar in bars]
    size = _size(*counts)
    found = []
    if size is not None:
        where = ""
        if "mean" in record and "mean" in before and before.get("deviation"):
            steps = (record["mean"] - before["mean"]) / before["deviation"]
            if abs(steps) >= LEAST_STEP:
                where = f", the mean {abs(steps):.2f} standard deviations {_way(steps)}"
        elif record["kind"] == "time":
            where = ", as of another period"
        sentence = f'"{record["name"]}" moved: {size:.0%} of the rows lie elsewhere than in {name}'
        found.append(
            _found(record["name"], "moved", size, f"{sentence}{where}.")
            | {"histogram": {"edges": edges, "now": counts[0][1:-1], "before": counts[1][1:-1]}}
        )
    ((out,),) = one.ask(
        f"SELECT count(*) FROM source WHERE {columns[0].value} < ? OR {columns[0].value} > ?",
        [before["minimum"], before["maximum"]],
    )
    there = one.rows - record["missing"]
    if record["kind"] == "number" and there and out / there >= 0.01:
        rows = f"{counted(out, 'row')} ({out / there:.1%})"
        sentence = f'"{record["name"]}": {rows} outside of what {name} has.'
        found.append(_found(record["name"], "outside", out / there, sentence))
    return found


def _of_levels(
    one: Opened, other: Opened, columns: tuple[Column, Column], record: dict[str, Any], name: str
) -> list[dict[str, Any]]:
    levels = [
        dict(table.ask(
            f"SELECT CAST({column.at} AS VARCHAR) AS v, count(*) FROM source "
            f"WHERE v IS NOT NULL GROUP BY v"
        ))
        for table, column in zip((one, other), columns, strict=True)
    ]  # fmt: skip
    every = sorted({*levels[0], *levels[1]})
    counts = [[side.get(level, 0) for level in every] for side in levels]
    found = []
    size = _size(*counts)
    if size is not None:
        sentence = (
            f'"{record["name"]}" moved: {size:.0%} of the rows have other values than in {name}.'
        )
        found.append(_found(record["name"], "moved", size, sentence))
    new = {level: count for level, count in levels[0].items() if level not in levels[1]}
    if new and levels[1]:
        rows = sum(new.values())
        sentence = (f'"{record["name"]}": {counted(rows, "row")} with {counted(len(new), "value")} '
                    f"that {name} does not have.")  # fmt: skip
        found.append(_found(record["name"], "outside", rows / one.rows, sentence))
    return found


def _size(now: list[int], before: list[int]) -> float | None:
    """Return how many of the rows moved, less what chance gives; None where that is little."""
    import numpy as np
    from scipy.stats import chi2_contingency

    counts = np.array([now, before], float)
    counts = counts[:, counts.sum(axis=0) > 0]
    rows = counts.sum(axis=1)
    if counts.shape[1] < 2 or not rows.all():
        return None
    shares = counts / rows[:, None]
    moved = float(np.abs(shares[0] - shares[1]).sum() / 2)
    # What two samples of one whole differ by, on average: half the sum of normal errors.
    pooled = counts.sum(axis=0) / rows.sum()
    error = np.sqrt(2 / np.pi * pooled * (1 - pooled) * (1 / rows[0] + 1 / rows[1]))
    moved = max(moved - float(error.sum() / 2), 0.0)
    likely = chi2_contingency(counts, correction=False).pvalue
    return moved if moved >= MOVED and likely < ALPHA else None


def _way(steps: float) -> str:
    return "higher" if steps > 0 else "lower"
