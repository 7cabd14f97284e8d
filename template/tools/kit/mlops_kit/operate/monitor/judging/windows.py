"""Counts by day, the windows that end on each day, and what each window is set against."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlops_kit.operate.monitor.config import MonitorConfig
from mlops_kit.operate.monitor.judging.statistics import psi
from mlops_kit.train.checks.reference import Grid, cells_of

Floats = NDArray[np.float64]
YEAR = 364  # days: the same weekday a year before
AROUND = 14  # days on either side of it
MOVES = 1.0  # index between months in training from which a column is the calendar's


@dataclass
class Column:
    """Counts of one column by day.

    `cells` has shape (n_days, n_cells), the others (n_days,): rows without a value, rows with one
    that training never saw, and the sum of the numbers.
    """

    grid: Grid
    cells: Floats
    missing: Floats
    outside: Floats
    total: Floats

    @classmethod
    def empty(cls, grid: Grid, days: int) -> "Column":
        nothing = np.zeros((3, days))
        return cls(grid, np.zeros((days, cells_of(grid))), *nothing)


@dataclass
class Days:
    """What was scored, day by day, from `first` on; `rows` has shape (n_days,)."""

    first: np.datetime64
    rows: Floats
    columns: dict[str, Column] = field(default_factory=dict)

    @property
    def days(self) -> NDArray[np.datetime64]:
        return self.first + np.arange(self.rows.size)


def over(counts: Floats, days: int, before: int = 0) -> Floats:
    """Add up `days` days that end `before` days before each day, shape as `counts`."""
    total = np.concatenate([np.zeros_like(counts[:1]), np.cumsum(counts, axis=0)])
    at = np.arange(len(counts))
    end = np.clip(at + 1 - before, 0, len(counts))
    start = np.clip(at + 1 - before - days, 0, len(counts))
    return total[end] - total[start]


def gap_of(config: MonitorConfig) -> int:
    """Days between a window's end and the recent past: no row is set against itself."""
    return max(config.gap_days, config.window_days)


def references(
    name: str, days: Days, column: Column, learned: Mapping[str, Any], config: MonitorConfig
) -> dict[str, tuple[Floats, Floats, Floats]]:
    """What the window that ends on each day is set against: counts, rows without a value, strange.

    Returns
    -------
    dict of str to tuple of ndarray, shapes (n_days, n_cells), (n_days,) and (n_days,)
        `recent`: the weeks before; `season`: the same time of earlier years, served or learned;
        `learned`: the last months that the model learned from.
    """
    found: dict[str, tuple[Floats, Floats, Floats]] = {}
    length, gap = config.recent_days, gap_of(config)
    cells, missing, outside = column.cells, column.missing, column.outside
    found["recent"] = (
        over(cells, length, gap),
        over(missing, length, gap),
        over(outside, length, gap),
    )
    around, back = 2 * AROUND + 1, YEAR - AROUND
    ago = over(cells, around, back), over(missing, around, back), over(outside, around, back)
    months, counts, empty = months_of(learned, name)
    if months.size:
        strange = np.asarray(learned[name]["strange"], float)
        last = np.zeros(len(months))
        for place in range(len(months) - 1, -1, -1):
            last[place] = 1
            if (counts[last > 0].sum() + empty[last > 0].sum()) >= 5 * config.min_rows:
                break
        size = len(days.rows)
        found["learned"] = (
            np.tile(last @ counts, (size, 1)),
            np.full(size, last @ empty),
            np.full(size, last @ strange),
        )
        same = _same_season(months, days, config)
        ago = (ago[0] + same @ counts, ago[1] + same @ empty, ago[2] + same @ strange)
    found["season"] = ago
    return found


def months_of(learned: Mapping[str, Any], name: str) -> tuple[NDArray[Any], Floats, Floats]:
    """Months of a column's summary, oldest first, with counts (n_months, n_cells) and missing."""
    if name not in learned:
        return np.array([], "U7"), np.zeros((0, 1)), np.zeros(0)
    one = learned[name]
    return (
        np.array(one["months"]),
        np.asarray(one["counts"], float),
        np.asarray(one["missing"], float),
    )


def is_calendar(learned: Mapping[str, Any], name: str) -> bool:
    """Whether a column tells the time: in training it was another one from month to month."""
    months, counts, _ = months_of(learned, name)
    counts = counts[(months != "") & (counts.sum(axis=1) > 0)]
    if len(counts) < 3:
        return False
    return bool(np.median(psi(counts[:-1], counts[1:])) > MOVES)


def usual_rows(days: Days, config: MonitorConfig) -> Floats:
    """Median of the rows of the same weekday over the recent past, shape (n_days,).

    NaN where the past has fewer than four such days, or rows on fewer than four days of five.
    """
    found = np.full(days.rows.size, np.nan)
    first = np.flatnonzero(days.rows > 0)
    if not first.size:
        return found
    weeks = config.recent_days // 7
    for day in range(first[0] + 28, days.rows.size):
        past = days.rows[max(first[0], day - config.recent_days) : day]
        same = days.rows[[d for w in range(1, weeks + 1) if (d := day - 7 * w) >= first[0]]]
        if (past > 0).mean() >= 0.8 and same.size >= 4:
            found[day] = np.median(same)
    return found


def _same_season(months: NDArray[Any], days: Days, config: MonitorConfig) -> Floats:
    """Weights (n_days, n_months): learned months of the same season, and ten months older."""
    known = months != ""
    index = np.full(len(months), -10_000)
    index[known] = months[known].astype("datetime64[M]").astype(int)
    end = days.days.astype("datetime64[M]").astype(int)
    start = (days.days - (config.window_days - 1)).astype("datetime64[M]").astype(int)
    # Rows of a month are often as of its first day: the next first is as near as this one.
    near = [(month[:, None] - index[None, :]) for month in (start, end, end + 1)]
    return np.any([(gap % 12 == 0) & (gap >= 10) for gap in near], axis=0).astype(float)
