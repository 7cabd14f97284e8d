"""Exact quantiles and histograms of a column of any length, with memory that does not grow."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from mlops_kit.data.profiling.opened import Column, Opened

if TYPE_CHECKING:
    import numpy

BINS = 1_024
# Values that are fetched at once to find one of them.
FEW = 50_000
DEEPEST = 12
SHARES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
BARS = 30


class Part(NamedTuple):
    """Values next to each other: from, to (both are values), how many, and how many are less."""

    low: float
    high: float
    count: int
    before: int


def quantiles(
    table: Opened, column: Column, low: float, high: float, count: int
) -> dict[float, float]:
    """Return the values below which shares of the rows lie; the median is that of textbooks.

    Counted in bins that are divided again where a quantile lies, until it is a value: exact, as
    the inverse of the empirical distribution, in the middle of two values where a share ends
    between them (Hyndman and Fan 1996, definition 2).

    Parameters
    ----------
    low, high : float
        Minimum and maximum of the column.
    count : int
        How many values it has.
    """
    ranks = {share: _ranks(share, count) for share in SHARES}
    wanted = sorted({one for pair in ranks.values() for one in pair})
    found: dict[int, float] = {}
    _search(table, column, Part(low, high, count, 0), wanted, found, 0)
    return {share: _middle(found[one], found[other]) for share, (one, other) in ranks.items()}


def _ranks(share: float, count: int) -> tuple[int, int]:
    """Return the places, counted from 0, of the two values in whose middle a quantile lies."""
    import math
    from fractions import Fraction

    place = Fraction(str(share)) * count
    last = max(math.ceil(place) - 1, 0)
    return last, min(last + 1, count - 1) if place.denominator == 1 else last


def _middle(one: float, other: float) -> float:
    return one if one == other else one / 2 + other / 2


def _search(
    table: Opened, column: Column, within: Part, ranks: list[int], found: dict[int, float],
    depth: int,
) -> None:  # fmt: skip
    if within.low == within.high:
        found.update(dict.fromkeys(ranks, within.low))
        return
    if depth > DEEPEST:
        _look_up(table, column, {within: ranks}, found)
        return
    small: dict[Part, list[int]] = {}
    for part in _parts(table, column, within):
        inside = [rank for rank in ranks if part.before <= rank < part.before + part.count]
        if not inside:
            continue
        if part.low == part.high:
            found.update(dict.fromkeys(inside, part.low))
        elif part.count <= FEW:
            small[part] = inside
        else:
            _search(table, column, part, inside, found, depth + 1)
    if small:
        _look_up(table, column, small, found)


def _parts(table: Opened, column: Column, within: Part) -> list[Part]:
    value = column.value
    width = (within.high - within.low) / BINS
    rows = table.ask(
        f"""SELECT least(floor((v - ?) / ?), {BINS - 1}) AS bin, min(v), max(v), count(*)
            FROM (SELECT {value} AS v FROM source WHERE {value} BETWEEN ? AND ?)
            GROUP BY bin ORDER BY bin""",
        [within.low, width or 1.0, within.low, within.high],
    )
    found, before = [], within.before
    for _, low, high, count in rows:
        found.append(Part(low, high, count, before))
        before += count
    return found


def _look_up(
    table: Opened, column: Column, parts: dict[Part, list[int]], found: dict[int, float]
) -> None:
    value = column.value
    where = " OR ".join(f"{value} BETWEEN ? AND ?" for _ in parts)
    rows = table.ask(
        f"SELECT {value} AS v, count(*) FROM source WHERE {where} GROUP BY v ORDER BY v",
        [bound for part in parts for bound in part[:2]],
    )
    for part, ranks in parts.items():
        before = part.before
        for one, count in rows:
            if part.low <= one <= part.high:
                found.update({rank: one for rank in ranks if before <= rank < before + count})
                before += count


def edges_between(low: float, high: float, whole: bool) -> list[float]:
    """Divide a range for bars; those of whole numbers hold equally many of them each."""
    import math

    if high <= low:
        return [low, low + 1.0] if whole else [low, low + (abs(low) or 1.0) * 1e-6]
    if whole:
        step = max(1, math.ceil((high - low + 1) / BARS))
        bars = math.ceil((high - low + 1) / step)
        return [low + step * each for each in range(bars + 1)]
    return [low + (high - low) * each / BARS for each in range(BARS + 1)]


def histogram(table: Opened, column: Column, edges: Sequence[float]) -> dict[str, Any]:
    """Count the values between edges: `edges`, `counts`, and how many lie `below` and `above`."""
    low, width, bars = edges[0], edges[1] - edges[0], len(edges) - 1
    value, last = column.value, edges[-1]
    rows = table.ask(
        f"""SELECT CASE WHEN v < ? THEN -1 WHEN v > ? THEN {bars}
                   ELSE least(floor((v - ?) / ?), {bars - 1}) END AS bar, count(*)
            FROM (SELECT {value} AS v FROM source) WHERE v IS NOT NULL GROUP BY bar""",
        [low, last, low, width],
    )
    counts = {int(bar): count for bar, count in rows}
    return {
        "edges": list(edges),
        "counts": [counts.get(bar, 0) for bar in range(bars)],
        "below": counts.get(-1, 0),
        "above": counts.get(bars, 0),
    }


def of_counts(values: "numpy.ndarray", counts: "numpy.ndarray") -> dict[float, float]:
    """Return the same quantiles from values in their order, shape (n,), and their rows."""
    import numpy as np

    reached = np.cumsum(counts)
    ranks = [_ranks(share, int(reached[-1])) for share in SHARES]
    pairs = values[np.searchsorted(reached, ranks, "right")]  # shape (shares, 2)
    return {share: _middle(*map(float, pair)) for share, pair in zip(SHARES, pairs, strict=True)}
