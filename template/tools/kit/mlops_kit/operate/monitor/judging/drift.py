"""Which limits are passed on which day: drift, missing and strange values, volume."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, betaincinv

from mlops_kit.operate.monitor.config import MonitorConfig, Persist
from mlops_kit.operate.monitor.judging.statistics import (
    chi_square,
    grouped,
    ks_of_counts,
    psi,
    wasserstein_of_counts,
)
from mlops_kit.operate.monitor.judging.windows import (
    Column,
    Days,
    Floats,
    gap_of,
    is_calendar,
    months_of,
    over,
    references,
    usual_rows,
)
from mlops_kit.train.checks.reference import ANSWER, OUTCOME

Bools = NDArray[np.bool_]
KINDS = {ANSWER: "answers", OUTCOME: "outcome"}
SERVED_BEFORE = ("recent", "latest")  # what a window is set against that nobody learned


@dataclass
class Series:
    """One figure by day, its limit, and on which days it is passed.

    Attributes
    ----------
    check : str
        drift, answers, outcome, missing, outside, few, many, worse, calibration, gap.
    column : str
        What it is about; empty for all rows.
    value : ndarray, shape (n_days,)
        NaN where nothing can be said.
    limit : float
    beyond : ndarray of bool, shape (n_days,)
        Passed, and by more than chance.
    away : ndarray of bool, shape (n_days,), or None
        Not again as training and its season were, or not known to be: an alarm stays, whatever the
        weeks before are by now. None where nothing is learned.
    details : dict of str to ndarray, shape (n_days,)
        Further figures of the same windows.
    """

    check: str
    column: str
    value: Floats
    limit: float
    beyond: Bools
    away: Bools | None = None
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        return f"{self.check} {self.column}".strip()


def all_series(
    days: Days, learned: Mapping[str, Any], config: MonitorConfig
) -> tuple[list[Series], list[str]]:
    """Judge every day; return the figures, and the columns that tell the time and are left out."""
    found, calendar, tests = [], [], []
    for name, column in days.columns.items():
        against = references(name, days, column, learned, config)
        if name not in KINDS:
            found += _rates(name, days, column, against, config)
        if name not in KINDS and is_calendar(learned, name):
            calendar.append(name)
            continue
        tests.append(_distance(name, column, against, learned, config))
    found += _beyond_chance(tests, config)
    return found + _volume(days, config), calendar


def alarmed(beyond: Bools, rows: Floats, persist: Persist) -> Bools:
    """Whether a limit was passed on enough of the last days, on each day, shape (n_days,).

    Of batches that come more rarely than a day, those days count that have rows.
    """
    found = np.zeros(beyond.size, bool)
    there = np.flatnonzero(rows > 0)
    if there.size:
        passed = beyond[there].astype(float)
        # Where batches are further apart than the days of `of`, no two windows share rows.
        gaps = np.diff(there, prepend=there[0] - 1)
        rare = np.median(gaps[-10:]) >= persist.of
        needed = 1 if rare else persist.days
        found[there] = over(passed, 1 if rare else persist.of) >= needed
        # A day without rows says what the last one with rows said.
        place = np.maximum.accumulate(np.where(rows > 0, np.arange(rows.size), 0))
        found = found[place]
    return found


def _distance(
    name: str,
    column: Column,
    against: dict[str, Any],
    learned: Mapping[str, Any],
    config: MonitorConfig,
) -> tuple[Series, Floats]:
    """Distance of each window from the most like of what it is set against, and its p-value."""
    current = over(column.cells, config.window_days)
    size = len(current)
    pooled = sum((counts.sum(axis=0) for counts, _, _ in against.values()), np.zeros(1))
    is_number = column.grid["kind"] == "number"
    cut = (lambda counts: grouped(counts, pooled)) if is_number else (lambda counts: counts)
    enough = current.sum(axis=1) >= config.min_rows
    found = {}
    for label, (counts, _, _) in against.items():
        usable = enough & (counts.sum(axis=1) >= config.min_rows)
        value = np.where(usable, psi(cut(counts), cut(current)), np.inf)
        found[label] = value, chi_square(cut(counts), cut(current))[1]
    best, p, which = _nearest(found, size)
    apart, _, apart_of = _nearest({one: found[one] for one in found if one != "recent"}, size)
    check = KINDS.get(name, "drift")
    limit = getattr(config, check) if name in KINDS else config.columns.get(name, config.drift)
    with np.errstate(invalid="ignore"):
        passed = best >= limit
        away = ~enough | (apart >= limit)
    details: dict[str, Any] = {"against": which, "apart": apart, "apart_of": apart_of}
    return Series(check, "" if name in KINDS else name, best, limit, passed, away, details), p


def _nearest(found: dict[str, tuple[Floats, Floats]], size: int) -> tuple[Floats, Floats, Any]:
    """Return the smallest distance of each day, its p-value, and from what; NaN where none is."""
    best, p, which = np.full(size, np.inf), np.ones(size), np.full(size, "", "U8")
    for label, (value, chance) in found.items():
        nearer = value < best
        best, p = np.where(nearer, value, best), np.where(nearer, chance, p)
        which[nearer] = label
    return np.where(np.isinf(best), np.nan, best), p, which


def _beyond_chance(tests: list[tuple[Series, Floats]], config: MonitorConfig) -> list[Series]:
    """Keep what is passed beyond chance, over all columns of the day (Holm)."""
    if not tests:
        return []
    p = np.array([chance for _, chance in tests])
    order = np.argsort(p, axis=0, kind="stable")
    ranked = np.take_along_axis(p, order, axis=0) * np.arange(len(p), 0, -1)[:, None]
    adjusted = np.empty_like(p)
    np.put_along_axis(adjusted, order, np.maximum.accumulate(ranked, axis=0), axis=0)
    for (series, _), chance in zip(tests, adjusted, strict=True):
        series.beyond = series.beyond & (chance < config.chance)
        series.details["p"] = np.minimum(chance, 1.0)
    return [series for series, _ in tests]


def _rates(
    name: str, days: Days, column: Column, against: dict[str, Any], config: MonitorConfig
) -> list[Series]:
    """Shares of missing and of strange values above the highest that was usual."""
    # Of those whose features are logged: a sample, or rows of models that have the column.
    own = column.cells.sum(axis=1) + column.missing
    rows = over(own, config.window_days)
    found = []
    for check, counts in (("missing", column.missing), ("outside", column.outside)):
        now = over(counts, config.window_days)
        gap = gap_of(config)
        # Beside these the last days before the gap: of a trend only its latest step is news.
        latest = tuple(
            over(part, config.gap_days, gap)
            for part in (column.cells, column.missing, column.outside)
        )
        shares = {}
        for label, (cells, empty, strange) in (*against.items(), ("latest", latest)):
            base = cells.sum(axis=1) + empty
            part = empty if check == "missing" else strange
            shares[label] = np.where(base >= config.min_rows, part / np.maximum(base, 1), 0.0)
            if label == "learned" and (base < config.min_rows).any():
                # Of a small training table, what the share may be at most (Clopper and Pearson).
                most = betaincinv(part + 1, np.maximum(base - part, 0.5), 1 - config.chance)
                shares[label] = np.where(base < config.min_rows, most, shares[label])
        usual = np.max(list(shares.values()), axis=0)
        learned = np.max([shares[one] for one in shares if one not in SERVED_BEFORE], axis=0)
        share = np.where(rows > 0, now / np.maximum(rows, 1), np.nan)
        excess = share - usual
        limit = getattr(config, check)
        # Chance that so many rows lack it though the usual share is true (binomial tail).
        with np.errstate(invalid="ignore"):
            chance = np.where(now > 0, betainc(np.maximum(now, 1), rows - now + 1, usual), 1.0)
        tested = 2 * max(len(days.columns), 1)
        beyond = (excess >= limit) & (chance * tested < config.chance)
        away = ~(share - learned < limit)
        details = {"share": share, "usual": usual, "apart": share - learned, "learned": learned}
        found.append(Series(check, name, excess, limit, beyond, away, details))
    return found


def _volume(days: Days, config: MonitorConfig) -> list[Series]:
    usual = usual_rows(days, config)
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = days.rows / usual
        # By chance alone counts differ by their root: a tenth of twenty rows is no news.
        noise = 4 * np.sqrt(np.maximum(usual, 1))
        few = (ratio <= config.few) & (usual - days.rows > noise)
        many = (ratio >= config.many) & (days.rows - usual > noise)
    details = {"usual": usual}
    return [
        Series("few", "", ratio, config.few, few, details=details),
        Series("many", "", ratio, config.many, many, details=details),
    ]


def look_closer(
    name: str, days: Days, learned: Mapping[str, Any], config: MonitorConfig, at: int, against: str
) -> dict[str, Any]:
    """Describe one window of one column beside what it is most like, for the report.

    Returns
    -------
    dict
        Shares by cell now and before, `ks`, `wasserstein` (in deviations of training), `ratio` of
        the means.
    """
    column = days.columns[name]
    counts = references(name, days, column, learned, config)[against or "recent"][0][at]
    current = over(column.cells, config.window_days)[at]
    found: dict[str, Any] = {
        "labels": labels_of(column.grid),
        "now": _share(current),
        "before": _share(counts),
    }
    grid = column.grid
    if grid["kind"] == "number" and grid["mean"] is not None and current.sum() and counts.sum():
        ends = np.array([grid["low"], *grid["edges"], grid["high"]], float)
        middles = (ends[:-1] + ends[1:]) / 2
        area = float(wasserstein_of_counts(counts, current, middles))
        found["ks"] = float(ks_of_counts(counts, current))
        found["wasserstein"] = area / grid["sd"] if grid["sd"] else None
        mean = float(over(column.total, config.window_days)[at] / current.sum())
        _, learned_counts, _ = months_of(learned, name)
        found["mean"] = mean
        found["ratio"] = mean / grid["mean"] if grid["mean"] and learned_counts.size else None
    return found


def labels_of(grid: Any) -> list[str]:
    """Name the cells, for a person."""
    if grid["kind"] == "level":
        return [*grid["levels"], "others"]
    edges = [f"{edge:.4g}" for edge in grid["edges"]]
    if not edges:
        return ["all"]
    return [f"≤ {edges[0]}", *(f"≤ {edge}" for edge in edges[1:]), f"> {edges[-1]}"]


def _share(counts: Floats) -> list[float]:
    total = counts.sum()
    return (counts / total if total else counts).tolist()
