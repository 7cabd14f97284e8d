"""`mlops monitor`: is what is scored, and how well, still what the model was made for?"""

import datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mlops_kit.compare.config import COMPARE_FILE, CompareConfig
from mlops_kit.core.errors import INCONCLUSIVE, NEGATIVE, OK
from mlops_kit.core.files import as_json, remove_leftovers, write_texts
from mlops_kit.core.settings import Settings, read_config
from mlops_kit.core.utc import today
from mlops_kit.core.words import counted
from mlops_kit.operate.monitor import log
from mlops_kit.operate.monitor.champion import Champion, champion
from mlops_kit.operate.monitor.config import MonitorConfig, load_monitor
from mlops_kit.operate.monitor.issue import prometheus_text
from mlops_kit.operate.monitor.judging.alarms import alarms_of, silent
from mlops_kit.operate.monitor.judging.drift import Series, all_series, look_closer
from mlops_kit.operate.monitor.judging.performance import Judged, judge
from mlops_kit.operate.monitor.judging.windows import Column, Days, over
from mlops_kit.operate.monitor.labelled import labelled_rows, of_classes
from mlops_kit.operate.monitor.page import html_page
from mlops_kit.operate.monitor.served import (
    KEPT,
    MOST_DAYS,
    Served,
    clear_old,
    count_served,
    grid_of_summary,
)
from mlops_kit.train.checks.reference import ANSWER, OUTCOME, coded

REPORTS = Path("reports/monitor")
CODES = {"quiet": OK, "alarm": NEGATIVE, "too little": INCONCLUSIVE}
LIVE = 2  # days behind the clock up to which rows are those of today
SHOWN = 120  # days of a series that the report holds


class Look(NamedTuple):
    """One look: everything that was judged, up to its last day."""

    days: Days
    series: list[Series]
    calendar: list[str]
    judged: Judged
    alarms: list[dict[str, Any]]
    at: int
    learned: dict[str, Any]
    config: MonitorConfig


def monitor(
    settings: Settings, alias: str = "champion", as_of: datetime.date | None = None
) -> tuple[int, dict[str, Any]]:
    """Look at what was scored, and write reports/monitor/drift.json and drift.html.

    Parameters
    ----------
    alias : str
        The model that is looked at.
    as_of : date, optional
        The last day that is looked at; yesterday where rows keep up with the clock, else the last
        day that has rows.

    Returns
    -------
    tuple
        Exit code (0 quiet, 1 alarm, 2 too little to say) and what drift.json holds.
    """
    config = load_monitor()
    compare = read_config(COMPARE_FILE, CompareConfig)
    with log.alone():
        remove_leftovers([KEPT, REPORTS], _now() - 3600)
        model = champion(settings, alias, compare.primary.metric)
        compare = compare.with_classes(model.classes)
        served = count_served(model.learned, model.classes, model.version or None)
        days, at, gap = until(served, as_of, today())
        look = look_at(days, at, settings, model, config, compare)
        alarms = list(look.alarms)
        if late := _silent(days, at, gap, config):
            alarms.insert(0, late)
        verdict = "alarm" if alarms else "quiet" if _said_something(look) else "too little"
        result = _result(settings, model, served, look, alarms, verdict, config)
        told = {
            "as_of": result["as_of"],
            "version": model.version,
            "verdict": verdict,
            "alarms": sorted(one["key"] for one in alarms),
        }
        line = log.compared(told)
        result["opened"], result["cleared"] = line["opened"], line["cleared"]
        result["looks"] = [*log.looks(), *([line] if "at" in line else [])][-20:]
        if cleared := clear_old(served, oldest_kept(days, config.keep_days)):
            result["notes"].append(
                f"removed: {counted(cleared, 'logged part')} older than "
                f"{counted(config.keep_days, 'day')}"
            )
        page = html_page(result, look)
        write_texts(
            {
                REPORTS / "drift.json": as_json(result),
                REPORTS / "drift.html": page,
                REPORTS / "metrics.prom": prometheus_text(result, _now()),
            }
        )
        # Last: a look that came to no report is told as new again.
        log.append(line)
    return CODES[verdict], result


def look_at(
    days: Days,
    at: int,
    settings: Settings,
    model: Champion,
    config: MonitorConfig,
    compare: CompareConfig,
) -> Look:
    """Judge all days, and list the alarms of the last."""
    since = days.first + max(at - 200, 0)
    columns = [*compare.columns, *config.slices]
    rows, left_out = labelled_rows(settings.task, model.version or None, since, columns)
    latest = days.first + (at - config.labels_after_days)
    rows = rows.filter(rows["day"].to_numpy().astype("datetime64[D]") <= latest)
    if len(rows) and OUTCOME in model.learned:
        days.columns[OUTCOME] = _outcomes(rows, days, model)
    rows, strange = of_classes(rows, settings.task, model.classes)
    series, calendar = all_series(days, model.learned, config)
    judged = Judged([], [], [])
    if len(rows):
        judged = judge(
            rows, days.first, days.rows.size, settings.task, config, compare, model.before
        )
    judged.notes.extend([*left_out, *strange])
    series += judged.series
    alarms = alarms_of(series, days, model.learned, config, at)
    return Look(days, series, calendar, judged, alarms, at, model.learned, config)


def until(served: Served, as_of: datetime.date | None, now: datetime.date) -> tuple[Days, int, int]:
    """Cut or lengthen the days to the last one that is looked at; and days since rows came."""
    days = served.days
    last = int(np.flatnonzero(days.rows > 0)[-1])
    clock = np.datetime64(now, "D")
    if as_of is not None:
        end = int((np.datetime64(as_of, "D") - days.first).astype(int))
        gap = end - last
    else:
        came = served.last_served if served.last_served is not None else days.first + last
        gap = int((clock - came).astype(int))
        behind = int((came - (days.first + last)).astype(int))
        # Today is not over: its rows are judged tomorrow.
        end = int((clock - days.first).astype(int)) - 1 if behind <= LIVE and gap >= -1 else last
        # A clock that jumps ahead by decades asks for no more days than are kept.
        end = min(max(end, 0), last + MOST_DAYS)
        if gap < -1:
            served.notes.append(
                f"rows were logged on {came}, which has not come by this machine's clock: one of "
                "the two clocks is wrong, and the last day that has rows is looked at"
            )
    if end < 0:
        end = 0
    size = end + 1
    return _of_size(days, size), size - 1, gap


def oldest_kept(days: Days, keep: int) -> int:
    """Return the oldest day that stays, since 1970: by the newest rows, as a clock may jump."""
    there = np.flatnonzero(days.rows > 0)
    newest = int(there[-1]) if there.size else 0
    return int((days.first + newest).astype(int)) - keep


def _of_size(days: Days, size: int) -> Days:
    def cut(table: Any) -> Any:
        more = max(size - len(table), 0)
        return np.concatenate([table[:size], np.zeros((more, *table.shape[1:]))])

    columns = {
        name: Column(one.grid, cut(one.cells), cut(one.missing), cut(one.outside), cut(one.total))
        for name, one in days.columns.items()
    }
    return Days(days.first, cut(days.rows), columns)


def _silent(days: Days, at: int, gap: int, config: MonitorConfig) -> dict[str, Any] | None:
    there = np.flatnonzero(days.rows[: at + 1] > 0)
    if not there.size:
        return None
    pauses = np.diff(there[-30:])
    limit = max(config.silent_days, 2 * int(pauses.max(initial=0)))
    if gap <= limit:
        return None
    return silent(gap, limit, str(days.first + int(there[-1])))


def _outcomes(rows: Any, days: Days, model: Champion) -> Column:
    import polars as pl

    grid = grid_of_summary(model.learned[OUTCOME])
    values = rows["outcome"]
    if grid["kind"] == "number":
        lists = values.str.starts_with("[").any()
        values = (
            values.str.json_decode(pl.List(pl.String)).list.len().cast(pl.Float64)
            if lists
            else values.cast(pl.Float64, strict=False)
        )
    codes, _ = coded(values, grid)
    place = (rows["day"].to_numpy().astype("datetime64[D]") - days.first).astype(int)
    column = Column.empty(grid, days.rows.size)
    kept = (codes >= 0) & (place >= 0) & (place < days.rows.size)
    np.add.at(column.cells, (place[kept], codes[kept]), 1)
    return column


def _said_something(look: Look) -> bool:
    """Whether any drift could be judged in the last window."""
    drift = [one for one in look.series if one.check in ("drift", "answers")]
    return any(np.isfinite(one.value[max(look.at - 6, 0) : look.at + 1]).any() for one in drift)


def _result(
    settings: Settings,
    model: Champion,
    served: Served,
    look: Look,
    alarms: list[dict[str, Any]],
    verdict: str,
    config: MonitorConfig,
) -> dict[str, Any]:
    days, at = look.days, look.at
    columns: list[dict[str, Any]] = []
    scored = over(days.rows, config.window_days)
    for one in look.series:
        if one.check not in ("drift", "answers"):
            continue
        there = np.flatnonzero(np.isfinite(one.value[: at + 1]))
        # Where rows come, what cannot be said of them is not what was said of earlier ones.
        last = int(there[-1]) if there.size and not scored[at] else at
        name = one.column or ANSWER
        against = str(one.details["against"][last])
        closer = look_closer(name, days, model.learned, config, last, against)
        missing = over(days.columns[name].missing, config.window_days)[last]
        own = days.columns[name]
        rows = over(own.cells.sum(axis=1) + own.missing, config.window_days)[last]
        columns.append(
            {
                "column": name,
                "index": _plain(one.value[last]),
                "limit": one.limit,
                "against": against,
                "chance": _plain(one.details["p"][last]),
                "ks": closer.get("ks"),
                "wasserstein": closer.get("wasserstein"),
                "missing": float(missing / rows) if rows else None,
            }
        )
    columns.sort(key=lambda one: -(one["index"] or 0) / one["limit"])
    notes = [*model.notes, *served.notes, *look.judged.notes]
    if look.calendar:
        notes.append(f"told by the calendar, and not tested for drift: {', '.join(look.calendar)}")
    if not look.judged.windows:
        notes.append("no outcomes of scored rows are known yet: performance was not judged")
    return {
        "schema": 1,
        "project": settings.project,
        "business_metric": settings.business_metric,
        "verdict": verdict,
        "as_of": str(days.first + at),
        "model": {"name": model.name, "version": model.version},
        "window_days": config.window_days,
        "rows": int(scored[at]),
        "least": config.min_rows,
        "alarms": alarms,
        "columns": columns,
        "performance": look.judged.windows[-30:],
        "before": model.before,
        "notes": notes,
    }


def _plain(value: Any) -> float | None:
    return float(value) if np.isfinite(value) else None


def _now() -> float:
    return datetime.datetime.now(datetime.UTC).timestamp()
