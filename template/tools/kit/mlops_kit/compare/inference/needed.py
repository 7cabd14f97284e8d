"""What would settle an open question: how many rows, days and periods."""

import math

from mlops_kit.compare.holdout.holdout import Holdout
from mlops_kit.compare.inference.periods import FEW_PERIODS, effective_periods, is_few
from mlops_kit.compare.metrics.estimate import Codes
from mlops_kit.core.words import counted

# Longest horizons that the holdout must span at least: with 1.5, up to 8 % of equal forecasts would
# win against a promise of 5 % (benchmarks/calibration.py --forecasts).
FEW_WINDOWS = 2
# Nobody waits for this many times the present rows.
FAR = 20


def rows_of(factor: float | None, holdout: Holdout) -> int | None:
    """How many rows in all `factor` times the present ones are; None when no number will do."""
    if factor is None or not math.isfinite(factor):
        return None
    return math.ceil(max(factor, 1.0) * holdout.n_rows)


def more_rows(rows: int | None, holdout: Holdout) -> str:
    """Say how many rows, and periods or days where there are, would settle an open question."""
    if rows is None:
        return "no number of rows would settle it"
    times = rows / holdout.n_rows
    if times > FAR:
        return f"it would take {times:,.0f} times the rows, so treat the two as equal here"
    days, periods = days_of(rows, holdout), holdout.design.n_periods
    took = f", {of_days(days)} worth," if days else ""
    if periods < 2:
        return f"about {counted(rows, 'row')} in all{took} would settle it ({holdout.n_rows:,} now)"
    return (
        f"about {counted(rows, 'row')} in all{took} over about {math.ceil(times * periods):,} "
        f"periods would settle it ({holdout.n_rows:,} over {periods:,} now); more rows of the same "
        "periods add little"
    )


def of_days(days: int) -> str:
    """Say whose worth so many days are: 1 day's, 30 days'."""
    return f"{counted(days, 'day')}'" + "s" * (days == 1)


def days_of(rows: int | None, holdout: Holdout) -> int | None:
    """How many days it takes to see so many rows at the holdout's pace."""
    if rows is None or not holdout.days:
        return None
    return math.ceil(holdout.days * rows / holdout.n_rows)


def few_periods(holdout: Holdout, vouched: bool) -> str | None:
    """Say why the rows' few periods cannot decide, or None where they can.

    What to do next is left out when somebody has `vouched` for them.
    """
    order, periods = holdout.order, holdout.n_periods
    if order is None:
        return None
    if holdout.windows is not None and holdout.windows < FEW_WINDOWS:
        found = (
            f"The holdout's times span {holdout.windows:.3g} times the longest horizon, less than "
            f"{FEW_WINDOWS}: nearly all rows look at the same stretch of time, and it cannot be "
            "told whether the gain lasts or is a spell of it"
        )
    elif not is_few(order):
        return None
    else:
        found = _few(order, periods)
    if vouched:
        return f"{found}, so the figures are about these periods alone."
    return (
        f"{found}. Take more, or shorter, periods into the holdout (split.holdout of params.yaml), "
        'or decide for these periods alone: write acknowledged: {periods: {reason: "WHY", until: '
        "YYYY-MM-DD}} into conf/compare.yaml, until being the last day on which that counts."
    )


def _few(order: Codes, periods: int) -> str:
    worth = f" (worth {effective_periods(order):.0f} of equal size)"
    return (
        f"The holdout spans {counted(periods, 'period')}{worth if periods >= FEW_PERIODS else ''}, "
        f"fewer than {FEW_PERIODS}: it cannot be told whether the gain lasts or is a spell "
        "that all rows of a period share"
    )


def one_period(holdout: Holdout) -> str | None:
    """Say what no interval holds when all rows are of one period, or None."""
    if holdout.n_periods != 1:
        return None
    return (
        "All rows are of one period: no interval allows for what they share then, such as a sale "
        "or an outage, so watch whether the gain lasts."
    )
