"""Periods of the rows' times, how many days they cover, and outcomes that look at the same days."""

from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mlops_kit.core.errors import MlopsError

# Periods that the longest horizon may span: of more, neighbours are merged, since a memory of 0.95
# is the longest that periods can show (inference/periods.py). ADR 30 has the simulation.
MOST_OVERLAPPING = 14


class Times(NamedTuple):
    """Position in time of each row, and what is known of the times together.

    `order` has shape (n,); `days` is how many days the rows cover when times are dates; `windows`
    how many times the longest horizon goes into the time that the rows cover, where it is known
    and there are several times.
    """

    order: NDArray[np.int64] | None = None
    days: float | None = None
    windows: float | None = None


def times_of(rows: pa.Table) -> Times:
    """Read the periods from the columns time and known_at, where there are."""
    if "time" not in rows.column_names:
        return Times()
    own = rows["time"].to_numpy()
    times, order = np.unique(own, return_inverse=True)
    moments, days = times.dtype.kind == "M", None
    # The last period lasts as long as the others do on average.
    span = (times[-1] - times[0]) * times.size / (times.size - 1) if times.size > 1 else None
    if moments:
        days = None if span is None else float(span / np.timedelta64(1, "D"))
        # What rows of one moment share, rows of one day share.
        order = np.unique(times.astype("datetime64[D]"), return_inverse=True)[1][order]
    if "known_at" not in rows.column_names:
        return Times(order.astype(np.int64), days)
    longest = _longest(own, rows["known_at"].to_numpy())
    if span is None:
        return Times(order.astype(np.int64), days)
    passed = np.floor((own - times[0]) / (longest / MOST_OVERLAPPING))
    merged = np.unique(passed, return_inverse=True)[1]
    if merged.max() < order.max():
        order = merged
    return Times(order.astype(np.int64), days, float(span / longest))


def _longest(times: NDArray[Any], known_at: NDArray[Any]) -> Any:
    """Return the longest time from a row to its outcome."""
    kinds = {times.dtype.kind, known_at.dtype.kind}
    if kinds != {"M"} and not kinds <= set("iuf"):
        raise MlopsError(
            'Columns "time" and "known_at" must both hold dates, or both numbers: mend the '
            "predictions."
        )
    if not (known_at > times).all():
        raise MlopsError(
            'In some rows "known_at" is not after "time": what is known at the time of a row is no '
            "outcome. Mend the predictions."
        )
    return (known_at - times).max()
