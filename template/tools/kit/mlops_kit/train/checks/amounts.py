"""Amounts that are the outcome in another spelling: on a line with it, in its order or bands."""

from bisect import bisect_right
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy
    import polars

    Codes = numpy.ndarray

# Share of the rows of an outcome that may be told wrongly where it is nearly told.
NEARLY = 0.02
# Values from which on an order says something: a threshold, or a few, may be right by merit.
VALUES = 20
# Training rows of a value that say where it stands among amounts, and the share of all rows whose
# values must have as many.
PAIR = 2
KNOWN = 0.8
# Of the rows in their order: amounts so near each other may be one value after rounding.
NEAR = 0.25
# Correlation of ranks below which no order can be nearly the same.
LIKELY = 0.9


def numbers_of(column: "polars.Series") -> "numpy.ndarray | None":
    """Return the numbers of a column, NaN where it is empty; None where it holds none."""
    import polars as pl

    if column.dtype == pl.String:
        # The first number of a text, whatever stands around it: a unit, a currency, spaces in it,
        # the other end of a band.
        bare = column.str.replace_all(r"[ ,'_]", "")
        found = bare.str.extract(r"^[^\d+-]*([+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)")
        if found.null_count() - column.null_count() > NEARLY * len(column):
            return None
        column = found
    elif not (column.dtype.is_numeric() or column.dtype == pl.Boolean):
        return None
    return column.cast(pl.Float64).fill_null(float("nan")).to_numpy()


def is_line(values: "numpy.ndarray", amounts: "numpy.ndarray") -> bool:
    """Tell whether the outcome is a line through the values, up to rounding."""
    import numpy as np

    if min(np.unique(values).size, np.unique(amounts).size) < 3 or values.size < VALUES:
        return False
    return bool(1 - np.corrcoef(values, amounts)[0, 1] ** 2 < 1e-9)


def tells_by_order(values: "numpy.ndarray", amounts: "numpy.ndarray") -> bool:
    """Tell whether nearly all rows lie in the same order by both, or in the opposite one."""
    import numpy as np

    _, equal, ties = np.unique(values, return_inverse=True, return_counts=True)
    _, place, same = np.unique(amounts, return_inverse=True, return_counts=True)
    if min(ties.size, same.size) < VALUES:
        return False
    allowed = round(NEARLY * (values.size - max(ties.max(), same.max())))
    # Amounts of one value count as ordered where rounding explains them: they are near each other.
    rank = ((np.cumsum(same) - same / 2) / values.size)[place]
    span = np.zeros((2, ties.size))
    span[0] = 1
    np.minimum.at(span[0], equal, rank)
    np.maximum.at(span[1], equal, rank)
    within = np.where((span[1] - span[0] > NEAR)[equal], -amounts, amounts)
    of_value = (np.cumsum(ties) - ties / 2)[equal]
    if abs(np.corrcoef(of_value, rank)[0, 1]) < LIKELY:
        return False
    for signed in (values, -values):
        ordered = amounts[np.lexsort((within, signed))]
        if values.size - _longest_growing(ordered.tolist()) <= allowed:
            return True
    return False


def _longest_growing(values: list[float]) -> int:
    """Length of the longest part, in order and with gaps, that never falls (Fredman 1975)."""
    ends: list[float] = []
    for value in values:
        place = bisect_right(ends, value)
        ends[place : place + 1] = [value]
    return len(ends)


def tells_by_bands(levels: "Codes", amounts: "numpy.ndarray", held: "Codes") -> bool:
    """Tell whether each value stands for a band of amounts, as "10 to 12" does."""
    import numpy as np

    rows = np.bincount(levels[~held], minlength=int(levels.max(initial=0)) + 1)
    known = (rows >= PAIR)[levels]
    if not held.any() or min(known.mean(), known[held].mean()) < KNOWN:
        return False
    ranks = np.unique(amounts, return_inverse=True)[1].astype(float)
    means = np.bincount(levels[~held], ranks[~held], rows.size) / np.maximum(rows, 1)
    judged = known & held
    return tells_by_order(means[levels][judged], amounts[judged])
