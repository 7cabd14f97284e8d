"""How figures are said to people: how sure, how much, and how many rows or days it takes."""

import math

from .holdout import Holdout

# Nobody waits for this many times the present rows.
FAR = 20


def sure(alpha: float) -> str:
    """Say the confidence of a one-sided bound."""
    return f"{100 * (1 - alpha):.4g} % sure"


def amount(value: float) -> str:
    """Say how much, without the direction."""
    return f"{abs(value):.3g}"


def at_worst(lower: float) -> str:
    """Say a lower bound of a gain: what it is better by at least, or worse by at most."""
    if lower == 0:
        return "no worse"
    return (
        f"better by {amount(lower)} at least" if lower > 0 else f"worse by {amount(lower)} at most"
    )


def share(value: float) -> str:
    """Say a share between 0 and 1 as a percentage."""
    return f"{100 * value:.3g} %"


def rows_of(factor: float | None, holdout: Holdout) -> int | None:
    """How many rows in all `factor` times the present ones are; None when no number will do."""
    if factor is None or not math.isfinite(factor):
        return None
    return math.ceil(max(factor, 1.0) * holdout.n_rows)


def more_rows(rows: int | None, holdout: Holdout) -> str:
    """Say how many rows, and days when times are dates, would settle an open question."""
    if rows is None:
        return "no number of rows would settle it"
    times = rows / holdout.n_rows
    if times > FAR:
        return f"it would take {times:,.0f} times the rows, so treat the two as equal here"
    days = days_of(rows, holdout)
    took = f", {days:,} days' worth," if days else ""
    return f"about {rows:,} rows in all{took} would settle it ({holdout.n_rows:,} now)"


def days_of(rows: int | None, holdout: Holdout) -> int | None:
    """How many days it takes to see so many rows at the holdout's pace."""
    if rows is None or not holdout.days:
        return None
    return math.ceil(holdout.days * rows / holdout.n_rows)
