"""Values far out, counted in all rows: how many, whether they stand in one block, or are one."""

from typing import Any

from mlops_kit.data.profiling.opened import NUMBER, Opened

AT_ONCE = 100
# Rows that lie together when there are no more than so many times as many between them.
TOGETHER = 1.25
LEAST_OF_A_BLOCK = 5
# Times the limit from which on what stands together is worth a word.
FAR_TOGETHER = 1.5


def add_outliers(table: Opened, records: list[dict[str, Any]]) -> None:
    """Count the values beyond the fences of each column of numbers, in its record.

    Adds `outliers`: rows, share, below, above, reach (how many times the distance of the fence from
    the median the furthest lies from it), block (whether the rows stand together, as of one bad
    batch) and one_value (whether all on a side are one value far out, as of a stand-in for missing
    ones: the highest grade of a school, next to the others, is none).
    """
    fenced = [one for one in records if "fences" in one]
    for start in range(0, len(fenced), AT_ONCE):
        _add(table, fenced[start : start + AT_ONCE])


def _add(table: Opened, records: list[dict[str, Any]]) -> None:
    asked = []
    for one in records:
        column, (low, high) = table.column(one["name"]), one["fences"]
        for side in (f"{column.value} < {low!r}", f"{column.value} > {high!r}"):
            asked.append(
                f"count(*) FILTER (WHERE {side}), min({NUMBER}) FILTER (WHERE {side}), "
                f"max({NUMBER}) FILTER (WHERE {side}), min({column.value}) FILTER (WHERE {side}), "
                f"max({column.value}) FILTER (WHERE {side})"
            )
    found = table.ask(f"SELECT {', '.join(asked)} FROM numbered")[0]
    sides = [found[place : place + 5] for place in range(0, len(found), 5)]
    for place, one in enumerate(records):
        below, above = sides[2 * place], sides[2 * place + 1]
        if count := below[0] + above[0]:
            one["outliers"] = _summary(table, one, below, above, count)


def _summary(table: Opened, one: dict[str, Any], below: Any, above: Any, count: int) -> Any:
    low, high = one["fences"]
    median = one["median"]
    reaches = (
        (median - below[3]) / (median - low) if below[0] else 0.0,
        (above[4] - median) / (high - median) if above[0] else 0.0,
    )
    first = min(side[1] for side in (below, above) if side[0])
    last = max(side[2] for side in (below, above) if side[0])
    return {
        "rows": count,
        "share": count / table.rows,
        "below": below[0],
        "above": above[0],
        "reach": max(reaches),
        "block": count >= LEAST_OF_A_BLOCK
        and last - first + 1 <= TOGETHER * count
        and table.rows > 2 * TOGETHER * count,
        "first_row": first + 1,
        "last_row": last + 1,
        "one_value": any(
            side[0] >= LEAST_OF_A_BLOCK and side[3] == side[4] and reach >= FAR_TOGETHER
            for side, reach in zip((below, above), reaches, strict=True)
        ),
    }
