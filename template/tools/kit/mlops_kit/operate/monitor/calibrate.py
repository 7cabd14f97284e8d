"""`mlops monitor calibrate`: limits that give so many alarms on the history there is."""

import datetime
from typing import Any

import numpy as np
from scipy.special import gammaincinv

from mlops_kit.compare.config import COMPARE_FILE, CompareConfig
from mlops_kit.core.errors import INCONCLUSIVE, OK
from mlops_kit.core.settings import Settings, read_config
from mlops_kit.core.utc import today
from mlops_kit.core.words import counted
from mlops_kit.operate.monitor.champion import champion
from mlops_kit.operate.monitor.config import MonitorConfig, load_monitor
from mlops_kit.operate.monitor.judging.drift import Series, alarmed
from mlops_kit.operate.monitor.log import looks
from mlops_kit.operate.monitor.monitor import look_at, until
from mlops_kit.operate.monitor.served import count_served

CHECKS = ("drift", "answers", "outcome", "missing", "outside")
LEAST_DAYS = 60
YEAR = 365.25
LOWEST = 0.02  # an index below it is nothing that anybody acts on
SURE = 0.95


def calibrate(
    settings: Settings, per_year: float, alias: str, as_of: datetime.date | None
) -> tuple[int, dict[str, Any]]:
    """Propose limits at which the history would have given `per_year` alarms.

    The budget is shared out among the checks that can be judged. History is taken to be quiet:
    leave out what was not by an earlier --as-of.

    Returns
    -------
    tuple
        0 and the proposal, or 2 when fewer than 60 days can be judged: `limits`, `days`,
        `at_most` (upper 95 % bound of the alarms a year), `yaml`.
    """
    config = load_monitor()
    compare = read_config(COMPARE_FILE, CompareConfig)
    model = champion(settings, alias, compare.primary.metric)
    compare = compare.with_classes(model.classes)
    served = count_served(model.learned, model.classes, model.version or None)
    days, at, _ = until(served, as_of, today())
    look = look_at(days, at, settings, model, config, compare)
    code, told = proposed(look.series, days.rows, config, per_year)
    last = str(as_of or today())
    seen = [one["as_of"] for one in looks() if one["verdict"] == "alarm" and one["as_of"] <= last]
    if code == OK and seen:
        told["sentence"] += (
            f"; this takes the alarm of {min(seen)} for usual: --as-of with a day before what it "
            "was about leaves it out"
        )
    return code, told


def proposed(
    series: list[Series], rows: Any, config: MonitorConfig, per_year: float
) -> tuple[int, dict[str, Any]]:
    """Propose limits from series of figures by day, see calibrate()."""
    judged = {
        check: [one for one in series if one.check == check and np.isfinite(one.value).any()]
        for check in CHECKS
    }
    judged = {check: found for check, found in judged.items() if found}
    days = max(
        (int(np.isfinite(one.value).sum()) for found in judged.values() for one in found), default=0
    )
    if days < LEAST_DAYS:
        said = (
            f"{counted(days, 'day')} can be judged, and {LEAST_DAYS} are the least: look again "
            "later"
        )
        return INCONCLUSIVE, {"days": days, "limits": {}, "sentence": said, "yaml": ""}
    years = days / YEAR
    allowed = per_year / len(judged) * years
    limits, total = {}, 0
    for check, found in judged.items():
        limits[check], alarms = _limit(found, rows, config, allowed)
        total += alarms
    # Poisson's exact upper bound (Garwood 1936) of so many alarms in so many years.
    at_most = float(gammaincinv(total + 1, SURE)) / years
    said = (
        f"{counted(total, 'alarm')} in {counted(days, 'day')} of history; with {SURE:.0%} "
        f"certainty at most {at_most:.1f} a year, {per_year:g} were asked for"
    )
    text = "".join(
        f"{check}: {limit:.3g}  # the history's own; {_now(config, check):g} until now\n"
        for check, limit in limits.items()
    )
    told = {"days": days, "limits": limits, "at_most": at_most, "sentence": said, "yaml": text}
    return OK, told


def _now(config: MonitorConfig, check: str) -> float:
    return float(getattr(config, check))


def _limit(
    found: list[Series], rows: Any, config: MonitorConfig, allowed: float
) -> tuple[float, int]:
    """Smallest limit whose alarms are no more than allowed, and how many they are."""
    values = np.concatenate([one.value[np.isfinite(one.value)] for one in found])
    tried = np.unique(np.round(values[values > LOWEST], 3))
    # Alarms fall as the limit grows: halve the range.
    low, high = 0, tried.size
    while low < high:
        middle = (low + high) // 2
        if _alarms(found, rows, config, tried[middle] + 1e-3) <= allowed:
            high = middle
        else:
            low = middle + 1
    limit = float(tried[low]) if low < tried.size else float(tried.max(initial=LOWEST))
    limit = max(limit + 1e-3, LOWEST)
    return round(limit, 3), _alarms(found, rows, config, limit)


def _alarms(found: list[Series], rows: Any, config: MonitorConfig, limit: float) -> int:
    """Count how often any of the series begins to be alarmed."""
    any_one = np.zeros(rows.size, bool)
    for one in found:
        with np.errstate(invalid="ignore"):
            any_one |= alarmed(one.value >= limit, rows, config.persist)
    return int((any_one[1:] & ~any_one[:-1]).sum() + any_one[0])
