"""What is told of a limit that is passed: since when, the likely cause, and what to do."""

from typing import Any

import numpy as np

from mlops_kit.core.words import counted
from mlops_kit.operate.monitor.config import MonitorConfig
from mlops_kit.operate.monitor.judging.drift import Bools, Series, alarmed, look_closer
from mlops_kit.operate.monitor.judging.onset import began
from mlops_kit.operate.monitor.judging.windows import Days
from mlops_kit.train.checks.reference import ANSWER, OUTCOME

# Factors between units that people mix up: powers of ten, minutes and hours, days and months.
FACTORS = (10, 100, 1000, 1e6, 60, 3600, 24, 7, 30.44, 365.25, 2.2046, 1.609)
NEAR = 0.1
# Other rows often have a mean of half or twice as much: a small factor must fit, and stand alone.
SMALL_FACTOR, VERY_NEAR = 10, 0.02
CONSTANT = 0.98  # share of one cell from which a column says nothing any more
FEW_COLUMNS = 0.25
SMALL = 0.1  # index of a small shift, by custom
DO = {
    "upstream": "Ask who delivers the data what changed that day; do not retrain on it before "
    "that is known. Mended, score the days again.",
    "population": "See in the report whom it is about. If it is meant to stay, retrain: "
    "`uv run mlops run`, then `uv run mlops promote --reason drift`.",
    "concept": "The same rows mean something else now: retrain on rows since then "
    "(`uv run mlops run`, then `uv run mlops promote --reason drift`); until then consider what "
    "was in force before.",
    "model": "See which version answered, and whether features or code changed that day; "
    "`uv run mlops promote --rollback` returns to the previous one.",
    "volume": "See whether the job ran and what it read; score the missing days.",
}
STAYS = " The weeks before are like it by now; training is not."
RUNBOOK = "docs/monitoring.md"


def alarms_of(
    series: list[Series],
    days: Days,
    learned: Any,
    config: MonitorConfig,
    at: int,
) -> list[dict[str, Any]]:
    """List what is alarmed on day `at`, the most telling first, each with cause and next step."""
    found: list[dict[str, Any]] = []
    for one in series:
        there = np.isfinite(one.value)
        on = alarm_days(one, days, config)
        if not on[at]:
            continue
        last = int(np.flatnonzero(there[: at + 1])[-1])
        first = int(np.flatnonzero(~on[: at + 1])[-1]) + 1 if not on[: at + 1].all() else 0
        passed = since(one.beyond, there, config, first)
        # The weeks before are like it by now: what counts is how far training is.
        stays = one.away is not None and not _given(one, days, config)[at]
        against = one.details.get("apart_of" if stays else "against")
        found.append(
            {
                "check": one.check,
                "column": one.column,
                "key": one.key,
                "since": str(days.first + began(one, days, learned, config, passed)),
                "value": float((one.details["apart"] if stays else one.value)[last]),
                "limit": float(one.limit),
                "against": "" if against is None else str(against[last]),
                "_last": last,
                "_series": one,
                "_stays": stays,
            }
        )
    moved = [one for one in found if one["check"] == "drift"]
    most = _most_moved(series, at)
    drifting = {one.column for one in series if one.check == "drift"}
    # Such as the month: it moves by itself, and a model may follow it.
    untested = [name for name in days.columns if name not in (*drifting, ANSWER, OUTCOME)]
    tested = sum(one.check == "drift" for one in series)
    checks = {one["check"] for one in found}
    for one in found:
        last = one.pop("_last")
        own: Series = one.pop("_series")
        stays = STAYS if one.pop("_stays") else ""
        closer = {}
        if one["check"] in ("drift", "answers"):
            name = one["column"] or ANSWER
            closer = look_closer(name, days, learned, config, last, one["against"])
        one["cause"], why = _cause(one, closer, len(moved), tested, checks, most, untested)
        one["sentence"] = _sentence(one, own, last, closer, bool(stays)) + why + stays
        one["do"] = DO[one["cause"]]
        one["runbook"] = f"{RUNBOOK}#{one['check']}"
    order = ("missing", "outside", "few", "many", "silent", "worse", "drift")
    rank = {check: place for place, check in enumerate(order)}
    return sorted(found, key=lambda one: (rank.get(one["check"], 9), -abs(one["value"])))


def alarm_days(one: Series, days: Days, config: MonitorConfig) -> Bools:
    """On which days a figure is alarmed, shape (n_days,).

    An alarm that was given stays until rows are again as training or its season were: that the
    weeks before are like it by now has mended nothing.
    """
    found = _given(one, days, config)
    if one.away is None or not found.any():
        return found
    found = found.copy()
    for day in range(int(np.argmax(found)) + 1, found.size):
        found[day] |= found[day - 1] & one.away[day]
    return found


def _given(one: Series, days: Days, config: MonitorConfig) -> Bools:
    rows = days.rows
    if one.check in ("few", "many"):  # a day without rows counts among them
        rows = np.ones(rows.size)
    elif one.check in ("outcome", "worse", "calibration", "gap"):
        # Outcomes come later: the last days have none yet.
        rows = np.isfinite(one.value).astype(float)
    return alarmed(one.beyond, rows, config.persist)


def since(beyond: Any, there: Any, config: MonitorConfig, at: int) -> int:
    """Day from which a limit has been passed, but for pauses that persistence allows."""
    first = at
    quiet = 0
    for day in range(at, -1, -1):
        if beyond[day]:
            first, quiet = day, 0
        elif there[day]:
            quiet += 1
            if quiet >= config.persist.of:
                break
    return first


def silent(gap: int, limit: int, last: str) -> dict[str, Any]:
    """Say that no rows come any more."""
    return {
        "check": "silent",
        "column": "",
        "key": "silent",
        "since": last,
        "value": float(gap),
        "limit": float(limit),
        "against": "",
        "cause": "volume",
        "sentence": f"No rows for {counted(gap, 'day')}: the last ones are of {last}.",
        "do": DO["volume"],
        "runbook": f"{RUNBOOK}#silent",
    }


def _most_moved(series: list[Series], at: int) -> tuple[str, float]:
    """Name the input with the largest index of the last days, and its index."""
    found = [("", 0.0)]
    for one in series:
        seen = one.value[: at + 1][np.isfinite(one.value[: at + 1])][-7:]
        if one.check == "drift" and seen.size:
            found.append((one.column, float(seen.max())))
    return max(found, key=lambda each: each[1])


def _cause(
    one: dict[str, Any],
    closer: dict[str, Any],
    moved: int,
    tested: int,
    checks: set[str],
    most: tuple[str, float],
    untested: list[str],
) -> tuple[str, str]:
    """Guess the cause from what else is alarmed; a guess, and told as one."""
    check = one["check"]
    if check in ("missing", "outside"):
        return "upstream", ""
    if check in ("few", "many"):
        return "volume", ""
    if check == "drift":
        few = moved <= max(1, FEW_COLUMNS * tested)
        if told := _unit(closer, few):
            return "upstream", told
        if closer["now"] and max(closer["now"]) >= CONSTANT > max(closer["before"]):
            return "upstream", " It holds one value now, as where a feed fills in a default."
        if few and tested > 3:
            return (
                "upstream",
                f" Only {moved} of {counted(tested, 'column')} moved: more likely the feed.",
            )
        if moved == 1:
            return "population", f" {moved} of {counted(tested, 'column')} moved."
        return (
            "population",
            f" {moved} of {counted(tested, 'column')} moved together: the rows are others.",
        )
    if check == "answers":
        if moved or {"missing", "outside"} & checks:
            return "population", " Its inputs moved too, and the answers follow them."
        # Below its limit an input may still have moved far enough for a model that leans on it.
        if most[1] >= SMALL:
            name, index = most
            return "population", f" Of its inputs {name} moved most (index {index:.2f})."
        still = f" No input moved{_but(untested)}: another version, or other code, answers."
        return "model", still
    if check == "outcome":
        return ("population" if moved else "concept"), ""
    if moved or {"missing", "outside"} & checks:
        return "population", " Its inputs moved too: mend or explain these first."
    if most[1] >= SMALL:
        name, index = most
        told = f" No input passed its limit; {name} moved most (index {index:.2f})."
        return "concept", told + " Without it, the same rows come out otherwise."
    return "concept", f" No input moved{_but(untested)}: the same rows come out otherwise."


def _but(untested: list[str]) -> str:
    return f", but for {', '.join(untested)}, which is not tested" if untested else ""


def _unit(closer: dict[str, Any], few: bool) -> str:
    ratio = closer.get("ratio")
    if not ratio or ratio <= 0 or (closer.get("wasserstein") or 0) < 0.5:
        return ""
    for factor in FACTORS:
        near = NEAR if factor >= SMALL_FACTOR else VERY_NEAR if few else 0.0
        if min(abs(np.log(ratio / factor)), abs(np.log(ratio * factor))) < near:
            return f" Its mean is {ratio:.3g} times that of training: another unit?"
    return ""


def _sentence(
    one: dict[str, Any], own: Series, at: int, closer: dict[str, Any], stays: bool
) -> str:
    name, value, check = one["column"], one["value"], one["check"]
    past = {"recent": "the weeks before", "season": "the same season", "learned": "training"}
    against = past.get(one["against"], "what was usual")
    if check == "drift":
        area = closer.get("wasserstein")
        more = "" if area is None else f", moved by {area:.2g} standard deviations"
        return f"{name} is distributed otherwise than in {against}{more} (index {value:.2f})."
    if check in ("answers", "outcome"):
        what = "The answers are" if check == "answers" else "The outcomes that arrive are"
        return f"{what} distributed otherwise than in {against} (index {value:.2f})."
    if check in ("missing", "outside"):
        usual = own.details["learned" if stays else "usual"][at]
        share = own.details["share"][at]
        what = "has no value" if check == "missing" else "holds what training never saw"
        return f"{name} {what} in {share:.1%} of the rows, {usual:.1%} were usual."
    if check in ("few", "many"):
        return f"{value:.0%} of the rows that are usual on this weekday."
    if check == "worse":
        low, high, before = (own.details[key] for key in ("lower", "upper", "before"))
        metric = own.details["metric"]
        return f"{metric} is {value:.3f} [{low[at]:.3f}, {high[at]:.3f}]; it was {before:.3f}."
    if check == "calibration":
        return f"What came is {value:.2f} times what was foretold."
    kind = "A gap between groups of people" if own.details.get("kind") == "fairness" else "A gap"
    return f"{kind}: {name} is {value:.0%} behind all rows."
