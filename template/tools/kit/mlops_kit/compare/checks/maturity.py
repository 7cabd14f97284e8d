"""Whether the outcomes are old enough to be known, or still look like nothing happened.

An outcome with a horizon of 30 days is known 30 days after its row. Recorded earlier it is mostly
"nothing yet", so that the youngest rows favour whichever system says little.
"""

from datetime import date, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy.special import bdtr

from mlops_kit.compare.checks.common import entry
from mlops_kit.compare.decision_schema import Check, Outcomes
from mlops_kit.compare.holdout.background import today
from mlops_kit.compare.holdout.holdout import Holdout
from mlops_kit.core.words import counted

# Of the horizon: so much of it may still be missing, as on a Sunday without an order.
MISSING = 20
# Chance that outcomes which did not decline so far are called vanished, over all tails looked at.
ALPHA = 0.001
# Tails of the rows that are looked at.
TAILS = (0.05, 0.1, 0.15, 0.2, 0.25, 1 / 3, 1 / 2, 2 / 3)
# A decline to less than a quarter is called vanishing: seasons seldom take so much.
QUARTER = 0.25
# None at all is called vanishing where three quarters of what was due would hardly ever show none.
NONE = 0.75
# With a horizon but without the day on which outcomes were read, any decline is a sign already: to
# tell that day is easy. Of this chance, and by more than a tenth, so that trifles do not count.
ANY = 0.9
ANY_ALPHA = 0.005


def maturity_checks(holdout: Holdout) -> list[Check]:
    """Find outcomes younger than their horizon, and outcomes that vanish towards the end."""
    found = _too_young(holdout) or _vanished(holdout)
    if found is None:
        return []
    sentence, judge_from = found
    more = {} if judge_from is None else {"judge_from": judge_from.isoformat()}
    known = entry("immature outcomes", "safety", None, "inconclusive", sentence,
                  acknowledge="immature", **more)  # fmt: skip
    return [known]


def told(holdout: Holdout) -> Outcomes:
    """Say what is known about the age of the outcomes: horizon, last day known, and a sentence."""
    known = holdout.background
    days, until = known.horizon_days, known.known_until
    if days is None and holdout.windows is not None:
        sentence = "Each row says from when its outcome is known (known_at)."
    elif days is None:
        where = "params.yaml has no features.horizon_days"
        if not known.of_pipeline:
            where = "--horizon DAYS says how old one must be"
        sentence = f"Whether the outcomes are old enough is not known: {where}."
    elif days_of(holdout) is None:
        sentence = (
            f"Whether the outcomes are old enough (horizon of {counted(days, 'day')}) is not "
            "known: the rows have no dates."
        )
    elif until is None:
        sentence = (
            f"Outcomes need {counted(days, 'day')}; on which day they were read is not known "
            f"(--as-of DATE): today, {today()}, was taken, and they were searched for a decline."
        )
    else:
        need = counted(days, "day")
        sentence = f"Outcomes need {need} and are known until {until} ({known.source})."
    return {
        "horizon_days": days,
        "known_until": until.isoformat() if until else None,
        "sentence": sentence,
    }


def days_of(holdout: Holdout) -> NDArray[Any] | None:
    """Day of each row, shape (n,), or None when rows have no dates."""
    times = holdout.times
    if times is None or times.dtype.kind != "M":
        return None
    return times.astype("datetime64[D]")


def _date(day: Any) -> date:
    return np.datetime64(day, "D").astype(object)


def _too_young(holdout: Holdout) -> tuple[str, date] | None:
    """Compare each row's day with the last day to which outcomes are known."""
    days, horizon = days_of(holdout), holdout.background.horizon_days
    if days is None or not horizon:
        return None
    until = holdout.background.known_until or today() - timedelta(days=1)
    source = holdout.background.source or "the day before this run; --as-of DATE says another"
    complete = days + np.timedelta64(horizon - 1, "D")
    young = complete > np.datetime64(until) + np.timedelta64(horizon // MISSING, "D")
    if not young.any():
        return None
    ready = _date(complete.max()) + timedelta(days=1)
    sentence = (
        f"The outcomes of {int(young.sum()):,} of {counted(holdout.n_rows, 'row')}, those from "
        f"{_date(days[young].min())} on, are younger than the horizon of "
        f"{counted(horizon, 'day')}: outcomes are known until {until} ({source}). These rows can "
        f"be judged from {ready} on, with the outcomes read again; or leave them out."
    )
    return sentence, ready


def _vanished(holdout: Holdout) -> tuple[str, date | None] | None:
    """Find a tail in time in which one value, such as 0, nearly replaces all other outcomes."""
    if holdout.times is None or holdout.design.kind == "folds":
        return None
    place = np.unique(holdout.times, return_inverse=True)[1]
    order = np.argsort(place, kind="stable")
    place, outcome = place[order], _codes_of(holdout.truth)[order]
    horizon = holdout.background.horizon_days
    by_age = []
    days = days_of(holdout)
    if horizon and days is not None and holdout.background.known_until is None:
        ages = (days.max() - days[order]).astype(np.int64)
        by_age = [int(np.sum(ages < horizon * part)) for part in (1, 1 / 2, 1 / 4, 1 / 8)]
    wanted = [(round(part * place.size), QUARTER) for part in TAILS]
    wanted += [(rows, ANY) for rows in by_age]
    for start, ratio in sorted({(_boundary(place, place.size - n), ratio) for n, ratio in wanted}):
        level = ANY_ALPHA / len(by_age) if ratio == ANY else ALPHA / len(TAILS)
        counts = _declined(outcome, start, ratio, level) if start else None
        if counts:
            return _said_vanished(holdout, order, start, counts)
    return None


def _boundary(place: NDArray[Any], start: int) -> int:
    """Move `start` up to where a period starts; 0 when the tail would hold no whole period."""
    if start <= 0 or start >= place.size:
        return 0
    first = int(np.searchsorted(place, place[start], "left"))
    if first != start:
        first = int(np.searchsorted(place, place[start], "right"))
    return 0 if first >= place.size else first


def _declined(
    outcome: NDArray[np.int64], start: int, ratio: float, level: float
) -> tuple[int, float] | None:
    """Tell events of the tail and those that were due, when the decline is beyond doubt.

    An event is an outcome other than the tail's most common one. Given their sum, the tail's
    number is binomial if events are Poisson (Przyborowski and Wilenski 1940). Stretches that were
    as empty earlier say that this is no sign.
    """
    tail, before = outcome[start:], outcome[:start]
    common = np.bincount(tail).argmax()
    seen, earlier = int(np.sum(tail != common)), int(np.sum(before != common))
    due = earlier * tail.size / before.size
    if seen == 0:
        ratio = max(ratio, NONE)
    chance = ratio * tail.size / (ratio * tail.size + before.size)
    if seen > ratio * due or bdtr(seen, seen + earlier, chance) > level:
        return None
    sums = np.concatenate([[0], np.cumsum(before != common)])
    windows = sums[tail.size :] - sums[: -tail.size]
    if windows.min(initial=seen + 1) <= seen:
        return None
    return seen, due


def _said_vanished(
    holdout: Holdout, order: NDArray[Any], start: int, counts: tuple[int, float]
) -> tuple[str, date | None]:
    seen, due = counts
    assert holdout.times is not None
    since, last = holdout.times[order[start]], holdout.times.max()
    horizon, days = holdout.background.horizon_days, days_of(holdout)
    ready = None
    if days is not None:
        since, last = _date(since), _date(last)
    if horizon and days is not None:
        ready = last + timedelta(days=horizon)
        when = f"Rows to {last} can be judged from {ready} on, with the outcomes read again"
        if holdout.background.known_until is None:
            when += " (--as-of DATE says that they were)"
    else:
        when = "From which day they can be judged is not known without the horizon"
        if not holdout.background.of_pipeline:
            when += " (--horizon DAYS)"
    sentence = (
        f"Outcomes vanish towards the end: of the {counted(order.size - start, 'row')} from "
        f"{since} on only {seen:,} have another than the most common one, where {due:,.0f} were "
        f"due. They look recorded before they were known. {when}; if they are right, say why under "
        "acknowledged.immature in conf/compare.yaml."
    )
    return sentence, ready


def _codes_of(truth: Any) -> NDArray[np.int64]:
    """Code equal outcomes alike; a list counts by whether anything is in it."""
    if isinstance(truth, pa.Array):
        return np.asarray(pc.list_value_length(truth).to_numpy() > 0, np.int64)
    return np.unique(truth, return_inverse=True)[1].astype(np.int64)
