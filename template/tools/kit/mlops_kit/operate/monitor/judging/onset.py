"""From which day on rows are others: a window passes its limit days after they changed."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from mlops_kit.operate.monitor.config import MonitorConfig
from mlops_kit.operate.monitor.judging.drift import KINDS, SERVED_BEFORE, Series
from mlops_kit.operate.monitor.judging.statistics import HALF, Floats
from mlops_kit.operate.monitor.judging.windows import Days, references
from mlops_kit.train.checks.reference import ANSWER, OUTCOME

CHECKS = ("drift", "missing", "outside", *KINDS.values())


def began(
    one: Series, days: Days, learned: Mapping[str, Any], config: MonitorConfig, passed: int
) -> int:
    """Return the likeliest day from which on rows are others, among those of two windows.

    Parameters
    ----------
    passed : int
        First day whose window passes the limit; returned for what is no count of rows.
    """
    if one.check not in CHECKS:
        return passed
    name = one.column or {"answers": ANSWER, "outcome": OUTCOME}[one.check]
    column = days.columns[name]
    against = references(name, days, column, learned, config)
    full = column.cells.sum(axis=1)
    if one.check in ("missing", "outside"):
        own = column.missing if one.check == "missing" else column.outside
        whole = full + column.missing
        counts = np.stack([own, whole - own], axis=1)
        bases = []
        for label, (cells, empty, strange) in against.items():
            base = cells.sum(axis=1) + empty
            part = empty if one.check == "missing" else strange
            if base[passed] >= config.min_rows or label not in SERVED_BEFORE:
                bases.append(np.array([part[passed], base[passed] - part[passed]]))
        # That with the largest share is what was usual.
        before = max(bases, key=lambda each: each[0] / max(each.sum(), 1), default=None)
    else:
        counts = column.cells
        label = str(one.details["against"][passed]) or "recent"
        before = against[label][0][passed]
    if before is None or not before.sum():
        return passed
    last = min(passed + config.window_days, len(counts) - 1)
    return change(counts[: last + 1], before, max(passed - 2 * config.window_days, 0), passed)


def change(counts: Floats, before: Floats, first: int, last: int) -> int:
    """Return the day of `first` to `last` from which on counts are least as they were before.

    The largest likelihood ratio of all later counts having shares of their own against those of
    `before`, which are taken as known (Page 1954; Hinkley 1970).

    Parameters
    ----------
    counts : ndarray, shape (n_days, n_cells)
        Until the day up to which rows are looked at.
    before : ndarray, shape (n_cells,)
    """
    cells = len(before)
    was = (before + HALF) / (before.sum() + HALF * cells)
    later = np.cumsum(counts[first:][::-1], axis=0)[::-1]
    now = (later + HALF) / (later.sum(axis=1, keepdims=True) + HALF * cells)
    gain = (later * np.log(now / was)).sum(axis=1)
    there = counts[first : last + 1].sum(axis=1) > 0
    ranked = np.where(there, gain[: last + 1 - first], -np.inf)
    return first + int(np.argmax(ranked)) if there.any() else last
