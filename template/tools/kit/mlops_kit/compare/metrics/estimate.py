"""A metric's value with each row's share of its error, and sums that no row order can change."""

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

# Values of one pass: they stay in the processor's cache.
BLOCK = 1 << 14


class Estimate(NamedTuple):
    """A metric's value with the share of its sampling error that each row brings.

    `influence` has shape (n,), sums to zero and is in units of the metric: the error of `value`
    is, to first order, the sum of it. It is None for a metric that only has a value. `strata`
    has shape (n,): the sample that each row was drawn into when the metric averages within
    several (positives and negatives), None for one sample. `rows` has shape (n,): the value of
    each row when the metric is their mean. `mean` is the estimate of a mean whose smooth function
    the metric is (the mean squared error of an RMSE).
    """

    value: float
    influence: Floats | None
    strata: Codes | None = None
    rows: Floats | None = None
    mean: "Estimate | None" = None


def _parts(values: Floats) -> Iterator[tuple[slice, Floats]]:
    """Split values, block by block, into parts whose sums are exact in any order.

    Rump, Ogita and Oishi (2008), algorithm ExtractVector: what is rounded to a multiple of one
    fixed power of two adds up without rounding. Three parts reach 2**-90 of the largest value;
    the rest is dropped.
    """
    blocks = [slice(start, start + BLOCK) for start in range(0, values.size, BLOCK)]
    largest = max((max(values[b].max(), -values[b].min()) for b in blocks), default=0.0)
    room = 2.0 ** math.ceil(math.log2(2 * values.size + 2))
    anchor = room * 2.0 ** min(math.frexp(largest)[1], 1023) if largest else 0.0
    if not math.isfinite(anchor):
        yield from ((block, values[block]) for block in blocks)
        return
    anchors = [anchor * (room * 2.0**-53) ** level for level in range(3)]
    for block in blocks:
        rest = values[block]
        for anchor in anchors:
            part = (rest + anchor) - anchor
            rest = rest - part
            yield block, part


def total(values: Floats) -> float:
    """Add up values of shape (n,): the same digits whatever their order or the thread count."""
    return math.fsum(float(part.sum()) for _, part in _parts(values))


def totals(values: Floats, codes: Codes, n_codes: int) -> Floats:
    """Add up values by code, shape (n_codes,), as reproducibly as total()."""
    sums = np.zeros((3, n_codes))
    for index, (block, part) in enumerate(_parts(values)):
        if n_codes <= BLOCK // 16:
            sums[index % 3] += np.bincount(codes[block], part, n_codes)
        else:
            np.add.at(sums[index % 3], codes[block], part)
    return (sums[2] + sums[1]) + sums[0]


def mean_of(rows: Floats) -> Estimate:
    """Estimate the mean of one value per row, shape (n,), n >= 2."""
    value = total(rows) / rows.size
    return Estimate(value, (rows - value) / rows.size, rows=rows)
