"""Standard errors of a sum of influences for rows that are independent, grouped or in time."""

import math

import numpy as np
from numpy.typing import NDArray

from mlops_kit.compare.metrics.estimate import Codes, Floats, total, totals
from mlops_kit.core.errors import MlopsError


def independent(error: Floats, strata: Codes | None) -> tuple[float, float, int]:
    """Standard error and degrees of freedom for independent rows.

    Parameters
    ----------
    error : array, shape (n,)
        Influences, or differences of influences: what adds up to the error of the estimate.
    strata : array, shape (n,), or None
        Code of the sample of each row. For an AUC, whose samples are the two classes, the result
        is that of DeLong, DeLong and Clarke-Pearson (1988), equations 4 to 6; the degrees of
        freedom are Welch's.

    Returns
    -------
    tuple of standard error, degrees of freedom and number of units
    """
    n = error.size
    if n < 2:
        raise MlopsError("The holdout has one row: a comparison needs at least two.")
    squares = error**2
    if strata is None:
        return math.sqrt(total(squares) * n / (n - 1)), n - 1.0, n
    sizes = np.bincount(strata)
    # A class of one row shows no spread: nothing to correct.
    others = np.maximum(sizes - 1, 1)
    parts = totals(squares, strata, sizes.size) * np.maximum(sizes / others, 1.0)
    variance = math.fsum(parts)
    doubt = math.fsum(parts**2 / others)
    return math.sqrt(variance), variance**2 / doubt if doubt > 0 else n - 1.0, n


def clustered(error: Floats, groups: Codes, strata: Codes | None) -> tuple[float, float, int]:
    """CR3 standard error with effective clusters; parameters and result as in independent().

    The error is that of leaving out one group at a time (MacKinnon, Nielsen and Webb 2023,
    equation 24, on the influences). Degrees of freedom are the effective number of clusters of
    Carter, Schnepel and Steigerwald (2017) minus one, with the intra-cluster correlation that the
    influences show: groups of unequal size are worth fewer.
    """
    codes = np.unique(groups, return_inverse=True)[1]
    size = np.bincount(codes)
    n, n_groups = error.size, size.size
    if n_groups < 2:
        raise MlopsError("All rows belong to one group: a comparison needs at least two groups.")
    if strata is None:
        sums = totals(error, codes, n_groups)
        kept, left_out = 1 - size / n, sums / (1 - size / n)
    else:
        n_strata = int(strata.max()) + 1
        cells = codes * n_strata + strata
        count = np.bincount(cells, minlength=n_groups * n_strata).reshape(n_groups, n_strata)
        kept = 1 - count / np.maximum(count.sum(axis=0), 1)
        if kept.min() == 0:
            raise MlopsError(
                "One group holds every row of a class: collect rows of that class in more groups."
            )
        parts = totals(error, cells, n_groups * n_strata).reshape(n_groups, n_strata)
        sums, left_out = parts.sum(axis=1), (parts / kept).sum(axis=1)
    variance = (n_groups - 1) / n_groups * total(left_out**2)
    own, pairs = total(error**2), float((size**2).sum() - n)
    shared = (total(sums**2) - own) * n / (own * pairs) if own > 0 and pairs > 0 else 0.0
    weight = size * (1 + (size - 1) * min(max(shared, 0.0), 1.0))
    effective = total(weight) ** 2 / total(weight**2)
    return math.sqrt(variance), max(effective - 1, 1.0), n_groups


def serial(error: Floats, order: Codes) -> tuple[float, float, int]:
    """Newey-West standard error of rows in time with fixed-b degrees of freedom.

    Rows of one period add up. The bandwidth is twice that of Andrews (1991), equation 6.2, for an
    AR(1); what Bartlett weights miss of that AR(1)'s long-run variance is added back, without
    which 6 % instead of 5 % would pass. Under the fixed-b limit of Kiefer and Vogelsang (2005)
    the variance estimate is a weighted sum of chi-squares; its exact first two moments give the
    scale and the degrees of freedom, so that without any lag the result is the ordinary t-test.

    Parameters
    ----------
    order : array, shape (n,)
        Position in time of each row.
    """
    codes = np.unique(order, return_inverse=True)[1]
    n_periods = int(codes.max(initial=0)) + 1
    if n_periods < 2:
        raise MlopsError("All rows are of one time: a comparison over time needs at least two.")
    sums = totals(error, codes, n_periods)
    memory, width = bandwidth(sums)
    # Bartlett weights are the overlap of moving windows: sums of windows do what lags would.
    path = np.concatenate((np.zeros(width), np.cumsum(sums), np.full(width - 1, sums.sum())))
    long_run = float(((path[width:] - path[:-width]) ** 2).sum()) / width / _kept(memory, width)
    mean, spread = _moments(n_periods, width)
    return math.sqrt(long_run * n_periods / mean), mean**2 / spread, n_periods


def bandwidth(series: Floats) -> tuple[float, int]:
    """Autocorrelation, and twice the Bartlett bandwidth of Andrews (1991); 1 means no lags."""
    before = float((series[:-1] ** 2).sum())
    slope = float((series[1:] * series[:-1]).sum()) / before if before > 0 else 0.0
    slope = min(max(slope, -0.97), 0.97)
    strength = 4 * slope**2 / (1 - slope**2) ** 2
    width = math.ceil(2 * 1.1447 * (strength * series.size) ** (1 / 3))
    return slope, min(max(width, 1), series.size)


def _kept(memory: float, width: int) -> float:
    """Share of an AR(1)'s long-run variance that Bartlett weights see, at most 1."""
    lags = np.arange(1, width)
    seen = 1 + 2 * float(((1 - lags / width) * memory**lags).sum())
    return min(seen * (1 - memory) / (1 + memory), 1.0)


def _moments(n: int, width: int) -> tuple[float, float]:
    """Trace of the demeaned Bartlett kernel of n periods, and of its square."""
    weight = 1 - np.arange(width) / width
    reach = np.cumsum(weight)
    position = np.minimum(np.arange(n), width - 1)
    rows: NDArray[np.float64] = reach[position] + reach[position[::-1]] - 1
    mean = float(rows.mean())
    squares = n + 2 * float((weight[1:] ** 2 * (n - np.arange(1, width))).sum())
    return n - mean, squares - 2 * float((rows**2).mean()) + mean**2
